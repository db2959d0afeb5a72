#!/usr/bin/env -S kosmo integrations:lua
--- Run the failed workflows of a branch's newest pipeline again, from the failed jobs, and wait for them.
--
--   kosmo run --workflow rerun_failed --force
--   kosmo run --workflow rerun_failed --arg only='^test' --arg wait=false --plan rerun.plan
--
-- What has been run again since, or still runs, is left alone: a second start does nothing more.
-- Exit code 1 where a rerun did not succeed, or still runs when the time to wait is over.
-- Rows: one for each workflow that was run again.
-- @arg project  string  = @here.project_slug  The project's slug.
-- @arg branch   string? = @here.branch        The branch whose newest pipeline is looked at.
-- @arg number   integer?                      The number of another pipeline.
-- @arg only     string?                       Only workflows whose name matches this regex.
-- @arg wait     boolean = true                Wait until the reruns have ended.
-- @arg timeout  integer = 3600                Seconds to wait.
-- @writes rerun_workflow
local circleci = app.integrations.circleci
local project = args.project
if args.branch == "" then error("branch is empty. Name one: --arg branch=main", 0) end
if not args.branch and not args.number then
  error("no branch to look at. Name one: --arg branch=main, or a pipeline: --arg number=…", 0)
end

local function find_pipeline()
  if args.number then
    return circleci.get_project_pipeline_by_number({ project_slug = project, pipeline_number = args.number })
  end
  local request = { project_slug = project, branch = args.branch }
  return flow.all(circleci.list_project_pipelines, request, { max_items = 1 })[1]
    or error(project .. " has no pipeline on the branch " .. args.branch .. ". Name another: --arg branch=…", 0)
end

--- The newest run of each workflow: one that was run again does not count as failed any more.
local function newest_runs(workflows)
  local by_name, runs = {}, {}
  table.sort(workflows, function(a, b) return a.created_at < b.created_at end)
  for _, workflow in ipairs(workflows) do by_name[workflow.name] = workflow end
  for _, workflow in pairs(by_name) do runs[#runs + 1] = workflow end
  table.sort(runs, function(a, b) return a.name < b.name end)
  return runs
end

local function failed_workflows(pipeline)
  local failed = {}
  for _, workflow in ipairs(newest_runs(flow.all(circleci.list_pipeline_workflows, { pipeline_id = pipeline.id }))) do
    local chosen = not args.only or regex.match(workflow.name, args.only)
    if chosen and workflow.status == "failed" then failed[#failed + 1] = workflow end
  end
  return failed
end

--- Start one again; the new run is a workflow of its own.
local function rerun(workflow)
  local answer = circleci.rerun_workflow({ workflow_id = workflow.id, from_failed = true })
  log("rerun of " .. workflow.name .. ": workflow " .. answer.workflow_id)
  return {
    project_slug = project, pipeline_number = workflow.pipeline_number, workflow = workflow.name,
    workflow_id = answer.workflow_id, rerun_of = workflow.id, status = "started",
    failures = json.array(),
  }
end

--- test, Run tests, exit code 1: test_login: expected 200, got 500
local function reason(failure)
  local test = failure.tests[1]
  return failure.job .. (failure.step and ", " .. failure.step or "")
    .. (failure.exit_code and ", exit code " .. failure.exit_code or "") .. ": "
    .. (test and test.name .. ": " .. (test.message or "failed") or failure.message or failure.status)
end

--- The status at the end, or "running" where the time to wait is over before.
local function final_status(workflow_id)
  local ok, answer = pcall(flow.wait_workflow, workflow_id, { timeout = args.timeout })
  if ok then return answer.status end
  if answer.type ~= "limit" then error(answer, 0) end
  return answer.value.status
end

--- Wait for one rerun, and say why it failed again, if it did.
local function finish(row)
  row.status = final_status(row.workflow_id)
  if not flow.is_final(row.status) or row.status == "success" then return end
  for index, failure in ipairs(flow.failures({ workflow_id = row.workflow_id }, { log = "none" })) do
    row.failures[index] = reason(failure)
  end
end

local function page(pipeline, rows)
  if #rows == 0 then return ("nothing of pipeline %d of %s is to be run again"):format(pipeline.number, project) end
  local lines = { ("Pipeline %d of %s, from its failed jobs"):format(pipeline.number, project) }
  for _, row in ipairs(rows) do
    lines[#lines + 1] = ("  %-12s %s, run again as %s"):format(row.status, row.workflow, row.workflow_id)
    for _, failure in ipairs(row.failures) do lines[#lines + 1] = "    " .. failure end
  end
  return table.concat(lines, "\n")
end

local pipeline = find_pipeline()
local rows = flow.map(failed_workflows(pipeline), rerun)
if args.wait then flow.map(rows, finish) end

local code = 0
for _, row in ipairs(rows) do
  if row.status ~= "success" and row.status ~= "on_hold" and row.status ~= "started" then code = 1 end
end
exit(code, view(rows, page(pipeline, rows)))
