#!/usr/bin/env -S kosmo integrations:lua
--- Approve the jobs on hold in a branch's newest pipeline with approvals, if its jobs and another branch are green.
--
--   kosmo run --workflow approve --arg only=hold-deploy --arg requires='^test' --plan approve.plan
--   kosmo run --workflow approve --arg branch=release --arg green=main --force
--
-- Conditions, all of which must hold: no job of the pipeline has failed; every job that `requires` matches has
-- succeeded; the newest pipeline of the branch `green` that has ended has succeeded.
-- Older pipelines are never approved, and a job that is approved already is left alone: a second run changes nothing.
-- Exit code 1 while a matching job is not approved. Rows: one for each approval job.
-- @arg project  string  = @here.project_slug  The project's slug.
-- @arg branch   string  = @here.branch        The branch.
-- @arg only     string?                       Only approvals whose name matches this regex.
-- @arg requires string?                       Jobs that must have succeeded, as a regex of their names.
-- @arg green    string?                       A branch that must not be broken, such as main.
-- @arg despite_failures boolean = false       Approve although a job has failed.
-- @writes approve_workflow_job
local circleci = app.integrations.circleci
local project = args.project
if args.branch == "" then error("branch is empty. Name one: --arg branch=main", 0) end
local LOOK_BACK <const> = 20   -- pipelines among which one with approvals is looked for

local FAILED <const> = {
  failed = true, timedout = true, infrastructure_fail = true, ["terminated-unknown"] = true, unauthorized = true,
}

local function pipelines_of(branch)
  return flow.each(circleci.list_project_pipelines, { project_slug = project, branch = branch }, { max_items = LOOK_BACK })
end

--- The newest run of each workflow: what was run again does not count any more.
local function newest_runs(pipeline)
  local by_name, runs = {}, {}
  local workflows = flow.all(circleci.list_pipeline_workflows, { pipeline_id = pipeline.id })
  table.sort(workflows, function(a, b) return a.created_at < b.created_at end)
  for _, workflow in ipairs(workflows) do by_name[workflow.name] = workflow end
  for _, workflow in pairs(by_name) do runs[#runs + 1] = workflow end
  table.sort(runs, function(a, b) return a.name < b.name end)
  return runs
end

--- The jobs of a pipeline as {workflow, job} pairs, fetched for all workflows at once.
local function jobs_of(pipeline)
  local workflows, entries = newest_runs(pipeline), {}
  local lists = flow.map(workflows, function(workflow)
    return flow.all(circleci.list_workflow_jobs, { workflow_id = workflow.id })
  end)
  for index, jobs in ipairs(lists) do
    for _, job in ipairs(jobs) do entries[#entries + 1] = { workflow = workflows[index], job = job } end
  end
  return entries
end

--- The newest pipeline with matching approval jobs, all its jobs, and those approval jobs.
local function newest_with_approvals()
  for pipeline in pipelines_of(args.branch) do
    local entries, approvals = jobs_of(pipeline), {}
    for _, entry in ipairs(entries) do
      local chosen = not args.only or regex.match(entry.job.name, args.only)
      if entry.job.type == "approval" and chosen then approvals[#approvals + 1] = entry end
    end
    if #approvals > 0 then return pipeline, entries, approvals end
  end
end

-- The conditions. Each returns the reason not to approve, or nil.

local function failed_job(entries)
  for _, entry in ipairs(entries) do
    if FAILED[entry.job.status] then return entry.workflow.name .. " / " .. entry.job.name .. " is " .. entry.job.status end
  end
end

local function missing_job(entries)
  local matched = false
  for _, entry in ipairs(entries) do
    if entry.job.type ~= "approval" and regex.match(entry.job.name, args.requires) then
      matched = true
      if entry.job.status ~= "success" then return entry.job.name .. " is " .. entry.job.status end
    end
  end
  return not matched and "no job matches " .. args.requires or nil
end

--- A pipeline that still runs is skipped, unless one of its workflows has failed already.
local function broken_branch()
  for pipeline in pipelines_of(args.green) do
    local ended, where = true, "pipeline " .. pipeline.number .. " of " .. args.green
    if pipeline.state == "errored" then return where .. " cannot run" end
    local workflows = newest_runs(pipeline)
    for _, workflow in ipairs(workflows) do
      local final = flow.is_final(workflow.status)
      if workflow.status == "failing" or final and workflow.status ~= "success" then
        return where .. ": " .. workflow.name .. " is " .. workflow.status
      end
      ended = ended and final
    end
    if ended and #workflows > 0 then return nil end
  end
  return "no pipeline of " .. args.green .. " has ended lately"
end

local function objection(entries)
  return not args.despite_failures and failed_job(entries)
    or args.requires and missing_job(entries)
    or args.green and broken_branch()
    or nil
end

--- Approve the job if it is on hold and nothing speaks against it, and return its row.
local function decide(pipeline, entry, reason)
  local workflow, job = entry.workflow, entry.job
  local row = {
    project_slug = project, pipeline_number = pipeline.number, workflow = workflow.name, workflow_id = workflow.id,
    job = job.name, result = job.status, reason = reason,
  }
  if job.status == "success" then
    row.result, row.reason = "approved already", nil
  elseif job.status == "on_hold" and not reason then
    circleci.approve_workflow_job({ workflow_id = workflow.id, approval_request_id = job.approval_request_id })
    row.result = "approved"
  end
  return row
end

local function page(pipeline, rows)
  local lines = { ("Pipeline %d on %s of %s"):format(pipeline.number, args.branch, project) }
  for _, row in ipairs(rows) do
    lines[#lines + 1] = ("  %s / %s: %s"):format(row.workflow, row.job, row.result)
      .. (row.reason and ", not approved: " .. row.reason or "")
  end
  return table.concat(lines, "\n")
end

local pipeline, entries, approvals = newest_with_approvals()
if not pipeline then
  return view(json.array(), "no pipeline on " .. args.branch .. " of " .. project .. " has an approval to give")
end

local reason, rows, code = objection(entries), json.array(), 0
for index, entry in ipairs(approvals) do
  rows[index] = decide(pipeline, entry, reason)
  if rows[index].result == "on_hold" or rows[index].result == "blocked" then code = 1 end
end
exit(code, view(rows, page(pipeline, rows)))
