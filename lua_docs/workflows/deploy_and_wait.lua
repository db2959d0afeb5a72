#!/usr/bin/env -S kosmo integrations:lua
--- Trigger a deployment, wait for it, approve what it holds if told to, and fail unless all of it succeeded.
--
--   kosmo run --workflow deploy_and_wait --arg branch=main --arg approve=true --force
--   kosmo run --workflow deploy_and_wait --arg parameters='{"environment": "staging"}' --journal deploy.db --force
--
-- With a journal, --resume continues after a crash and triggers nothing twice. A plan contains the trigger alone, as the
-- approvals are not known yet: plan and apply without `approve`, then use the workflow approve.
-- Exit code 1 where a workflow did not succeed, or waits for an approval. Rows: one for each workflow.
-- @arg project    string  = @here.project_slug  The project's slug.
-- @arg branch     string  = main                The branch to run.
-- @arg tag        string?                       A tag to run instead.
-- @arg parameters json?                         Pipeline parameters, as a JSON object.
-- @arg definition string?                       Id of a pipeline definition: GitHub App and GitLab projects need it.
-- @arg approve    boolean = false               Approve what waits for an approval.
-- @arg only       string?                       Only approvals whose name matches this regex.
-- @arg timeout    integer = 1800                Seconds to wait, again after each round of approvals.
-- @writes trigger_pipeline, trigger_pipeline_run, approve_workflow_job
local circleci = app.integrations.circleci
local project, branch = args.project, not args.tag and args.branch or nil
if args.branch == "" then error("branch is empty. Name one: --arg branch=main", 0) end

--- Trigger the project, or one of its pipeline definitions. CircleCI may skip the latter: the answer has no id then.
local function trigger()
  if not args.definition then
    return circleci.trigger_pipeline({ project_slug = project, branch = branch, tag = args.tag, parameters = args.parameters })
  end
  local pipeline = circleci.trigger_pipeline_run({
    project_slug = project, definition_id = args.definition, parameters = args.parameters,
    config_branch = branch, checkout_branch = branch, config_tag = args.tag, checkout_tag = args.tag,
  })
  if not pipeline.id then error("CircleCI has skipped the pipeline: " .. json.encode(pipeline), 0) end
  return pipeline
end

--- Approve the matching jobs of a workflow that are on hold, and return their names.
local function approve(workflow)
  local names = json.array()
  for job in flow.each(circleci.list_workflow_jobs, { workflow_id = workflow.id }) do
    if job.status == "on_hold" and (not args.only or regex.match(job.name, args.only)) then
      circleci.approve_workflow_job({ workflow_id = workflow.id, approval_request_id = job.approval_request_id })
      log("approved " .. job.name)
      names[#names + 1] = job.name
    end
  end
  return names
end

--- The workflows once nothing but approvals is left. A timeout ends the wait, not the pipeline.
local function wait(pipeline)
  local ok, answer = pcall(flow.wait_pipeline, pipeline.id, { timeout = args.timeout })
  if ok then return answer end
  if answer.type ~= "limit" then error(answer, 0) end
  error(("pipeline %d still runs after %d seconds. Wait on with --workflow watch, or longer with --arg timeout=%d"):format(
    pipeline.number, args.timeout, 2 * args.timeout), 0)
end

--- The workflows once nothing moves any more, and by workflow the names of what was approved. An approval lets things
-- move again, so look once more after each round.
local function settled(pipeline, approved)
  local workflows, moves = wait(pipeline), false
  for _, workflow in ipairs(workflows) do
    if args.approve and workflow.status == "on_hold" then
      local list = approved[workflow.id] or json.array()
      for _, name in ipairs(approve(workflow)) do
        list[#list + 1], moves = name, true
      end
      approved[workflow.id] = list
    end
  end
  if not moves then return workflows, approved end
  flow.sleep(5)   -- an approval may take a moment to show
  return settled(pipeline, approved)
end

--- test, Run tests, exit code 1: test_login: expected 200, got 500
local function reason(failure)
  local test = failure.tests[1]
  return failure.job .. (failure.step and ", " .. failure.step or "")
    .. (failure.exit_code and ", exit code " .. failure.exit_code or "") .. ": "
    .. (test and test.name .. ": " .. (test.message or "failed") or failure.message or failure.status)
end

local function row_of(pipeline, workflow, approved)
  local row = {
    project_slug = project, pipeline_number = pipeline.number, pipeline_id = pipeline.id, workflow = workflow.name,
    workflow_id = workflow.id, status = workflow.status, approved = approved or json.array(), failures = json.array(),
  }
  if workflow.status == "success" or workflow.status == "on_hold" then return row end
  for index, failure in ipairs(flow.failures({ workflow_id = workflow.id }, { log = "none" })) do
    row.failures[index] = reason(failure)
  end
  return row
end

local function page(pipeline, rows)
  local lines = { ("Pipeline %d of %s on %s"):format(pipeline.number, project, branch or args.tag) }
  for _, row in ipairs(rows) do
    lines[#lines + 1] = ("  %-12s %s"):format(row.status, row.workflow)
    if row.status == "on_hold" then lines[#lines + 1] = "    waits for an approval: --arg approve=true gives it" end
    for _, name in ipairs(row.approved) do lines[#lines + 1] = "    approved " .. name end
    for _, failure in ipairs(row.failures) do lines[#lines + 1] = "    " .. failure end
  end
  return table.concat(lines, "\n")
end

local pipeline = trigger()
log(("pipeline %d of %s"):format(pipeline.number, project))
local workflows, approved = settled(pipeline, {})

local rows, code = json.array(), 0
for index, workflow in ipairs(workflows) do
  rows[index] = row_of(pipeline, workflow, approved[workflow.id])
  if workflow.status ~= "success" then code = 1 end
end
exit(code, view(rows, page(pipeline, rows)))
