#!/usr/bin/env -S kosmo integrations:lua
-- Find the latest failed job of a project and say which of its tests failed. Read-only.
--   kosmo integrations:lua why_did_it_fail.lua --json --arg project=gh/example-org/example-repo --arg branch=fail/payments
-- project   where to look (default: the documentation's example)
-- branch    only pipelines of this branch (default: all)
-- most      how many pipelines to look at, the newest first (default 50)
-- Returns {pipeline, job, failed_tests = {name, …}}, or nothing where no job failed.
local circleci = app.integrations.circleci
local project = args.project or "gh/example-org/example-repo"
local most = tonumber(args.most or "50") or error("most must be a number", 0)

--- The newest failed job, and its pipeline. Pages are fetched as the loops reach them, so an early find is cheap.
local function latest_failure()
  local newest = { project_slug = project, branch = args.branch }
  for pipeline in flow.each(circleci.list_project_pipelines, newest, { max_items = most }) do
    for workflow in flow.each(circleci.list_pipeline_workflows, { pipeline_id = pipeline.id }) do
      for job in flow.each(circleci.list_workflow_jobs, { workflow_id = workflow.id }) do
        if job.status == "failed" and job.job_number then return job, pipeline end
      end
    end
  end
end

local job, pipeline = latest_failure()
if job == nil then
  print("no failed job in the last " .. most .. " pipelines of " .. project)
  return
end

print("pipeline " .. pipeline.number .. ", job " .. job.name .. " (" .. job.job_number .. ") failed")
local failures = json.array()
for test in flow.each(circleci.list_job_tests, { project_slug = project, job_number = job.job_number }) do
  if test.result == "failure" then
    print("  " .. test.name .. ": " .. (test.message or "no message"))
    failures[#failures + 1] = test.name
  end
end
return { pipeline = pipeline.number, job = job.job_number, failed_tests = failures }
