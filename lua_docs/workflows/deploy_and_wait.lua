#!/usr/bin/env -S kosmo integrations:lua
-- Trigger a deployment, wait for it, approve what is on hold if told to, and fail unless all of it succeeded.
--   kosmo integrations:lua deploy_and_wait.lua --force --json \
--     --arg project=gh/example-org/example-repo --arg branch=main --arg approve=yes --arg timeout=1800
-- project, branch    what to run (defaults: the documentation's example, main)
-- approve=yes        approve every job that waits for an approval; without it such a pipeline is an error
-- timeout            seconds to wait each time (default 1800)
-- Returns {pipeline, workflows = {{name, status}, …}, approved = {job, …}}; exit code 1 unless everything succeeded.
-- Needs write permission for trigger_pipeline and approve_workflow_job (--force, or the configuration).
local circleci = app.integrations.circleci
local project = args.project or "gh/example-org/example-repo"
local timeout = tonumber(args.timeout or "1800") or error("timeout must be a number of seconds", 0)

local pipeline = circleci.trigger_pipeline({ project_slug = project, branch = args.branch or "main" })
print("pipeline " .. pipeline.number .. " of " .. project)

--- Approve every job that waits, and return their names.
local function approve(workflow)
  local names = {}
  for job in flow.each(circleci.list_workflow_jobs, { workflow_id = workflow.id }) do
    if job.status == "on_hold" then
      circleci.approve_workflow_job({ workflow_id = workflow.id, approval_request_id = job.approval_request_id })
      print("approved " .. job.name)
      names[#names + 1] = job.name
    end
  end
  return names
end

--- Wait until nothing moves any more. Approvals let things move again, so look once more after each round.
local approved = json.array()
local function settled()
  local workflows = flow.wait_pipeline(pipeline.id, { timeout = timeout })
  local round = 0
  for _, workflow in ipairs(workflows) do
    if workflow.status == "on_hold" and args.approve == "yes" then
      for _, name in ipairs(approve(workflow)) do
        approved[#approved + 1], round = name, round + 1
      end
    end
  end
  if round == 0 then return workflows end
  flow.sleep(5)   -- an approval may take a moment to show
  return settled()
end

local rows, bad = {}, {}
for index, workflow in ipairs(settled()) do
  print("workflow " .. workflow.name .. ": " .. workflow.status)
  rows[index] = { name = workflow.name, status = workflow.status }
  if workflow.status ~= "success" then bad[#bad + 1] = workflow.name .. " is " .. workflow.status end
end
if #bad > 0 then error("pipeline " .. pipeline.number .. " did not succeed: " .. table.concat(bad, ", "), 0) end
return { pipeline = pipeline.number, workflows = rows, approved = approved }
