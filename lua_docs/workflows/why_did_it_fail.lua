#!/usr/bin/env -S kosmo integrations:lua
-- Say why the newest build of a branch failed: job, step, exit code, failing tests, the end of the log. Read-only.
--   kosmo integrations:lua why_did_it_fail.lua --json --arg project=gh/example-org/example-repo --arg branch=fail/payments
-- project   where to look (default: the documentation's example)
-- branch    which branch (default main): its newest pipeline that has ended or is failing
-- lines     lines of log per step (default 40)
-- Returns {row, …}, those of flow.failures; none where nothing failed.
local project = args.project or "gh/example-org/example-repo"
local branch = args.branch or "main"
local lines = tonumber(args.lines or "40") or error("lines must be a number", 0)

local rows = flow.failures({ project_slug = project, branch = branch }, { lines = lines })

--- A headline such as: build-and-test / test, step 103 "Run tests": failed, exit code 1
local function headline(row)
  if row.job == nil then return "the pipeline cannot run" end
  local text = row.workflow .. " / " .. row.job
  if row.step then text = text .. ", step " .. row.step_num .. ' "' .. row.step .. '"' end
  text = text .. ": " .. row.status
  if row.exit_code then text = text .. ", exit code " .. row.exit_code end
  return text
end

local last
for _, row in ipairs(rows) do
  if row.pipeline_id ~= last then
    last = row.pipeline_id
    print("Pipeline " .. row.pipeline_number .. " on " .. (row.branch or "a tag") .. " of " .. row.project_slug)
  end
  print("\n" .. headline(row))
  if row.url then print("  " .. row.url) end
  if row.message then print("  " .. row.message) end
  for _, test in ipairs(row.tests) do print("  failed: " .. test.name .. ": " .. (test.message or "no message")) end
  if row.log and row.log ~= "" then print("\n    " .. row.log:gsub("\n", "\n    ")) end
end
if #rows == 0 then print("nothing failed in the newest pipeline of " .. project .. " on " .. branch) end
return rows
