#!/usr/bin/env -S kosmo integrations:lua
-- Trigger a pipeline, watch its workflows until they are final or wait for an approval, and report on the jobs.
--   kosmo integrations:lua trigger_and_watch.lua --force --arg project=gh/example-org/example-repo --arg branch=main
-- project, branch   what to run (defaults: the documentation's example, main)
-- timeout           seconds to watch (default 3600)
-- Returns {pipeline, workflow, jobs = {name = status, …}} of the first workflow; exit code 1 where the pipeline cannot run.
-- Needs write permission for trigger_pipeline (--force, or the configuration).
local circleci = app.integrations.circleci
local project = args.project or "gh/example-org/example-repo"
local branch = args.branch or "main"
local timeout = tonumber(args.timeout or "3600") or error("timeout must be a number of seconds", 0)

local resting = {
  success = true, failed = true, error = true, canceled = true, unauthorized = true, not_run = true, on_hold = true,
}

local pipeline = circleci.trigger_pipeline({ project_slug = project, branch = branch })
print("pipeline " .. pipeline.number .. " on " .. branch .. ": " .. pipeline.state)

--- A pipeline whose configuration is refused never gets workflows: end with what is wrong.
local function refuse_errored()
  local now = circleci.get_pipeline({ pipeline_id = pipeline.id })
  if now.state ~= "errored" then return end
  local messages = {}
  for index, each in ipairs(now.errors or {}) do messages[index] = each.message end
  error("pipeline " .. pipeline.number .. " cannot run: " .. table.concat(messages, "; "), 0)
end

--- Ask for the workflows, and print what has changed since the last time.
local last = {}
local function look()
  local workflows = flow.all(circleci.list_pipeline_workflows, { pipeline_id = pipeline.id })
  if #workflows == 0 then refuse_errored() end
  for _, workflow in ipairs(workflows) do
    if workflow.status ~= last[workflow.id] then
      last[workflow.id] = workflow.status
      print("workflow " .. workflow.name .. ": " .. workflow.status)
    end
  end
  return workflows
end

-- flow.wait_pipeline does as much; this is how to watch in a way of one's own.
local workflows = flow.wait(look, function(seen)
  for _, workflow in ipairs(seen) do
    if not resting[workflow.status] then return false end
  end
  return #seen > 0
end, { timeout = timeout })

local jobs = {}
for job in flow.each(circleci.list_workflow_jobs, { workflow_id = workflows[1].id }) do
  print(("  %-8s %s"):format(job.status, job.name))
  jobs[job.name] = job.status
end
return { pipeline = pipeline.number, workflow = workflows[1].status, jobs = jobs }
