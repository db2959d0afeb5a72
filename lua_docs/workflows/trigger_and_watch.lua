#!/usr/bin/env -S kosmo integrations:lua
--- Trigger a pipeline, tell of its workflows until they have ended or wait for an approval, and list the jobs.
--
--   kosmo run --workflow trigger_and_watch --arg branch=main --force
--
-- The result is {pipeline, workflow, jobs = {name = status, …}} of the first workflow; exit code 1 only where the
-- pipeline cannot run. The workflow deploy_and_wait fails with what it started.
-- @arg project  string  = @here.project_slug  The project's slug.
-- @arg branch   string  = main                The branch to run.
-- @arg timeout  integer = 3600                Seconds to watch.
-- @writes trigger_pipeline
local circleci = app.integrations.circleci
if args.branch == "" then error("branch is empty. Name one: --arg branch=main", 0) end

local resting = {
  success = true, failed = true, error = true, canceled = true, unauthorized = true, not_run = true, on_hold = true,
}

local pipeline = circleci.trigger_pipeline({ project_slug = args.project, branch = args.branch })
print("pipeline " .. pipeline.number .. " on " .. args.branch .. ": " .. pipeline.state)

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
end, { timeout = args.timeout })

local jobs, lines = {}, {}
for job in flow.each(circleci.list_workflow_jobs, { workflow_id = workflows[1].id }) do
  lines[#lines + 1] = ("  %-8s %s"):format(job.status, job.name)
  jobs[job.name] = job.status
end
local result = { pipeline = pipeline.number, workflow = workflows[1].status, jobs = jobs }
return view(result, table.concat(lines, "\n"))
