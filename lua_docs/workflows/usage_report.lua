#!/usr/bin/env -S kosmo integrations:lua
--- Export the usage of an organization: every job that ran, with its credits, as CSV files to download.
--
--   kosmo run --workflow usage_report --force --arg org=gh/acme --arg from=2026-03-01 --arg to=2026-04-01 --files usage
--   kosmo run --workflow usage_report --force --jq '.[].url' | xargs -n1 curl -sSO
--
-- Starting an export is a write for the policy, since CircleCI keeps the files for 36 hours; nothing else changes. If
-- the wait ends early, run it again with --arg export=ID, which only reads.
-- With --files DIR the files are downloaded into that folder, as usage-EXPORT-1.csv.gz and so on.
-- A URL is a credential: anyone who has it can read the file. The text hides it; the result of --json and --format has it.
-- Returns {{export, from, to, state, url, file}, …}, a row for each file; none where there is no data.
-- @arg org     string?               The organization, such as gh/acme; without it that of this folder's git checkout.
-- @arg from    string  = "30d ago"   Start: a date, a time, or such as "7d ago"; at most a year ago.
-- @arg to      string?               End, at most 31 days after the start; without it now.
-- @arg export  string?               Id of an export that was started before: wait for that one, and start none.
-- @arg timeout integer = 900         Seconds to wait until the files are there.
-- @writes create_usage_export
local circleci = app.integrations.circleci

local DAY = 86400

local function organization()
  if args.org then return args.org end
  local ok, here = pcall(circleci.here)   -- an error outside of a git checkout
  local slug = ok and here.project_slug or ""
  return slug:match("^(.+)/[^/]+$")
    or error("Which organization? Say --arg org=gh/acme, or run this in a checkout of one of its projects.", 0)
end

--- Start and end in seconds. CircleCI refuses an end in the future, and its clock may be behind this one.
local function range()
  local latest = time.now() - 60
  local from = time.parse(args.from)
  local to = math.min(args.to and time.parse(args.to) or latest, latest)
  if to <= from then
    error("The end must be after the start: " .. args.from .. " is not before " .. time.format(to), 0)
  elseif to - from > 31 * DAY then
    error("An export covers at most 31 days: say --arg to=" .. time.format(from + 31 * DAY), 0)
  end
  return from, to
end

local org_id = circleci.get_organization({ org_slug_or_id = organization() }).id

local function start()
  local from, to = range()
  local answer = circleci.create_usage_export({ org_id = org_id, start = time.format(from), ["end"] = time.format(to) })
  log("export " .. answer.usage_export_job_id .. " was started")   -- known, even if the wait is interrupted
  return answer.usage_export_job_id, time.format(from), time.format(to)
end

local export, from, to = args.export, nil, nil
if not export then export, from, to = start() end

local function look()
  return circleci.get_usage_export({ org_id = org_id, usage_export_job_id = export })
end
local function is_over(job)
  return job.state == "completed" or job.state == "failed"
end
local ok, done = pcall(flow.wait, look, is_over, { timeout = args.timeout })
if not ok and done.type == "limit" then
  error(("The export is not ready after %d s. Go on waiting: --arg export=%s"):format(args.timeout, export), 0)
elseif not ok then
  error(done, 0)
end
if done.state == "failed" then
  error("CircleCI could not make the export " .. export .. ": " .. (done.error_reason or "it does not say why"), 0)
end

local rows, names = json.array(), {}
for index, url in ipairs(done.download_urls or {}) do   -- null where there is no data
  names[index] = ("usage-%s-%d.csv.gz"):format(export, index)
  rows[index] = { export = export, from = from, to = to, state = done.state, url = url, file = files and names[index] }
end
if #rows == 0 then return view(rows, "No usage in that time (export " .. export .. ").") end

-- There is no table `files` without --files DIR. One file at a time: they may be large. A --plan makes up the answer.
if files and rows[1].url:match("^https://") then
  for index, row in ipairs(rows) do files.download(row.url, names[index]) end
  return view(rows, "Downloaded " .. table.concat(names, ", ") .. ".")
end
return view(rows, ("Export %s is ready, gzip CSV, files: %d. They are kept for 36 hours.\n"):format(export, #rows)
  .. "The URLs are credentials, so they are in the result alone: --json, or --jq '.[].url'. Or say --files DIR.")
