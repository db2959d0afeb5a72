#!/usr/bin/env -S kosmo integrations:lua
-- Trigger a pipeline, poll its workflow until it is final, and report on its jobs.
--   --arg project=gh/example-org/example-repo   --arg branch=main   --arg polls=60
local circleci = app.integrations.circleci
local project = args.project or "gh/example-org/example-repo"
local branch = args.branch or "main"
local polls = tonumber(args.polls or "60")

local final = {
  success = true, failed = true, error = true, canceled = true, unauthorized = true, not_run = true, on_hold = true,
}

local pipeline = circleci.trigger_pipeline({ project_slug = project, branch = branch })
print("pipeline " .. pipeline.number .. " on " .. branch .. ": " .. pipeline.state)

local workflow, last
for _ = 1, polls do
  workflow = circleci.list_pipeline_workflows({ pipeline_id = pipeline.id }).items[1]
  if workflow and workflow.status ~= last then
    last = workflow.status
    print("workflow " .. workflow.name .. ": " .. last)
  end
  if workflow and final[workflow.status] then break end
end
if not workflow then error("pipeline " .. pipeline.number .. " has no workflow yet", 0) end

local jobs = {}
for _, job in ipairs(circleci.list_workflow_jobs({ workflow_id = workflow.id }).items) do
  print(("  %-8s %s"):format(job.status, job.name))
  jobs[job.name] = job.status
end
return { pipeline = pipeline.number, workflow = workflow.status, jobs = jobs }
