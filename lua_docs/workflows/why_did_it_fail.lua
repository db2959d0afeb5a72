#!/usr/bin/env -S kosmo integrations:lua
-- Find the newest pipeline of a project that failed, and say why: its failed jobs and tests, or its configuration. Read-only.
--   kosmo integrations:lua why_did_it_fail.lua --json --arg project=gh/example-org/example-repo --arg branch=fail/payments
-- project   where to look (default: the documentation's example)
-- branch    only pipelines of this branch (default: all)
-- most      how many pipelines to look at, the newest first (default 50)
-- Returns {pipeline, errors = {message, …}, jobs = {{name, job_number, status, failed_tests}, …}}, or nothing where none failed.
local circleci = app.integrations.circleci
local project = args.project or "gh/example-org/example-repo"
local most = tonumber(args.most or "50") or error("most must be a number", 0)

-- Failed by its own doing, killed after ten minutes without output, lost with its machine.
local FAILED = { failed = true, timedout = true, infrastructure_fail = true }

local function failed_jobs(pipeline)
  local jobs = json.array()
  for workflow in flow.each(circleci.list_pipeline_workflows, { pipeline_id = pipeline.id }) do
    for job in flow.each(circleci.list_workflow_jobs, { workflow_id = workflow.id }) do
      if FAILED[job.status] then jobs[#jobs + 1] = job end
    end
  end
  return jobs
end

--- Name the tests of a job that failed.
local function failed_tests(job)
  local names = json.array()
  if job.job_number == nil then return names end
  for test in flow.each(circleci.list_job_tests, { project_slug = project, job_number = job.job_number }) do
    if test.result == "failure" or test.result == "error" then
      print("  " .. test.name .. ": " .. (test.message or "no message"))
      names[#names + 1] = test.name
    end
  end
  return names
end

--- Say what is wrong with a pipeline, as a row; nil where nothing is.
local function reason(pipeline)
  local messages = json.array()
  for index, each in ipairs(pipeline.errors or {}) do messages[index] = each.message end
  local jobs = failed_jobs(pipeline)
  if #messages == 0 and #jobs == 0 and pipeline.state ~= "errored" then return nil end
  if #jobs == 0 then
    print("pipeline " .. pipeline.number .. " cannot run")
    for _, message in ipairs(messages) do print("  " .. message) end
  end
  local rows = json.array()
  for index, job in ipairs(jobs) do
    print("pipeline " .. pipeline.number .. ", job " .. job.name .. ": " .. job.status)
    rows[index] = {
      name = job.name, job_number = job.job_number, status = job.status, failed_tests = failed_tests(job),
    }
  end
  return { pipeline = pipeline.number, errors = messages, jobs = rows }
end

-- Pages are fetched as the loop reaches them, so a failure among the newest is found with few requests.
local newest = { project_slug = project, branch = args.branch }
for pipeline in flow.each(circleci.list_project_pipelines, newest, { max_items = most }) do
  local row = reason(pipeline)
  if row then return row end
end
print("no failed job in the last " .. most .. " pipelines of " .. project)
