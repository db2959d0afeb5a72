#!/usr/bin/env -S kosmo integrations:lua
-- Find the latest failed job of a project and say which of its tests failed.
--   --arg project=gh/example-org/example-repo   --arg branch=feature/login
local circleci = app.integrations.circleci
local project = args.project or "gh/example-org/example-repo"

local function each_failed_job(report)
  local page = circleci.list_project_pipelines({ project_slug = project, branch = args.branch })
  for _, pipeline in ipairs(page.items) do
    for _, workflow in ipairs(circleci.list_pipeline_workflows({ pipeline_id = pipeline.id }).items) do
      for _, job in ipairs(circleci.list_workflow_jobs({ workflow_id = workflow.id }).items) do
        if job.status == "failed" and job.job_number then return report(pipeline, job) end
      end
    end
  end
  print("no failed job in " .. project)
end

return each_failed_job(function(pipeline, job)
  print("pipeline " .. pipeline.number .. ", job " .. job.name .. " (" .. job.job_number .. ") failed")
  local failures = json.array()
  for _, test in ipairs(circleci.list_job_tests({ project_slug = project, job_number = job.job_number }).items) do
    if test.result == "failure" then
      print("  " .. test.name .. ": " .. (test.message or "no message"))
      failures[#failures + 1] = test.name
    end
  end
  return { pipeline = pipeline.number, job = job.job_number, failed_tests = failures }
end)
