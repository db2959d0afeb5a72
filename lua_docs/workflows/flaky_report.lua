#!/usr/bin/env -S kosmo integrations:lua
--- The flaky tests of a project, or of every project of an organization, the worst first.
--
--   kosmo run --workflow flaky_report --arg org=gh/acme --format csv > flaky.csv
--   kosmo run --workflow flaky_report --arg org=gh/acme --format markdown --columns times_flaked,project,test
--
-- Flaky is what failed and passed on the same commit within the last 14 days; CircleCI finds out by itself, from the
-- test results that jobs store. A project that cannot be read is named on stderr and stops nothing.
-- Returns {{project, test, classname, file, workflow, job, times_flaked, time_wasted_s, last_pipeline}, …}.
-- @arg project string?       Only this project; without it all projects of org that you follow.
-- @arg org     string?       The organization, such as gh/acme; without it that of this folder's git checkout.
-- @arg top     integer = 20  How many tests to name; 0 names all.
-- @writes none
local circleci = app.integrations.circleci

local function counted(number, noun)
  return number .. " " .. noun .. (number == 1 and "" or "s")
end

local function organization()
  if args.org then return args.org end
  local ok, here = pcall(circleci.here)   -- an error outside of a git checkout
  local slug = ok and here.project_slug or ""
  return slug:match("^(.+)/[^/]+$")
    or error("Which organization? Say --arg org=gh/acme, or run this in a checkout of one of its projects.", 0)
end

--- The slugs to ask for: the one given, or those of the organization.
local function projects()
  if args.project then return { args.project } end
  local org, slugs = organization(), {}
  for project in flow.each(circleci.list_projects, { org_slug = org }) do slugs[#slugs + 1] = project.slug end
  if #slugs == 0 then
    error("You follow no project of " .. org .. ". Is that its slug? See `kosmo call list_collaborations`.", 0)
  end
  return slugs
end

--- CircleCI documents these keys with hyphens, and has been seen to write them with underscores.
local function field(test, name)
  local value = test[name]
  if value == nil then value = test[name:gsub("%-", "_")] end
  return value
end

local function flaky_tests(slug)
  local answer, rows = circleci.list_flaky_tests({ project_slug = slug }), {}
  for index, test in ipairs(answer["flaky-tests"] or answer.flaky_tests or {}) do
    rows[index] = {
      project = slug,
      test = field(test, "test-name") or "",
      classname = test.classname,
      file = test.file,
      workflow = field(test, "workflow-name"),
      job = field(test, "job-name"),
      times_flaked = field(test, "times-flaked") or 0,
      time_wasted_s = field(test, "time-wasted"),
      last_pipeline = field(test, "pipeline-number"),
    }
  end
  return rows
end

-- Sixteen projects at a time. With errors = "collect" an answer is {ok, value, error}, and one refusal ends nothing.
local slugs = projects()
local answers = flow.map(slugs, flaky_tests, { errors = "collect" })
local rows, unread = json.array(), 0
for index, answer in ipairs(answers) do
  if answer.ok then
    table.move(answer.value, 1, #answer.value, #rows + 1, rows)
  else
    unread = unread + 1
    log("cannot read " .. slugs[index] .. ": " .. tostring(answer.error))
  end
end
if unread == #slugs then error(answers[1].error, 0) end   -- nothing to report is something else

table.sort(rows, function(a, b)
  if a.times_flaked ~= b.times_flaked then return a.times_flaked > b.times_flaked end
  return a.project .. a.test < b.project .. b.test   -- the same order every night
end)

local all = #rows
if args.top > 0 then
  for index = all, args.top + 1, -1 do rows[index] = nil end
end

local headline = counted(all, "flaky test") .. " in " .. counted(#slugs - unread, "project")
if unread > 0 then headline = headline .. ", " .. counted(unread, "project") .. " could not be read" end
if #rows == 0 then return view(rows, headline) end
return view(rows, headline .. "\n\n" .. text.table(rows, { "times_flaked", "project", "test", "job", "file" }))
