#!/usr/bin/env -S kosmo integrations:lua
--- Cancel what still runs, or waits for an approval, in pipelines that a newer one of the same branch has replaced.
--
--   kosmo run --workflow cancel_redundant --arg branch=feature/login --plan cancel.plan
--   kosmo run --workflow cancel_redundant --arg branch='*' --arg keep='^deploy' --force
--
-- The newest pipeline of each branch is never touched. Rows: one for each workflow that was replaced.
-- @arg project   string  = @here.project_slug  The project's slug.
-- @arg branch    string  = @here.branch        The branch; * means every branch but the default one.
-- @arg keep      string?                       Leave workflows alone whose name matches this regex.
-- @arg held      boolean = true                Cancel workflows that wait for an approval too.
-- @arg pipelines integer = 100                 How many of the newest pipelines are looked at.
-- @writes cancel_workflow
local circleci = app.integrations.circleci
local project = args.project
if args.branch == "" then error("branch is empty. Name one: --arg branch=main", 0) end
local every_branch = args.branch == "*"

--- The pipelines that a newer one of their branch has replaced. The list is newest first; a pipeline of a tag has no branch.
local function replaced_pipelines()
  local default = every_branch and circleci.get_project({ project_slug = project }).vcs_info.default_branch
  local request = { project_slug = project, branch = not every_branch and args.branch or nil }
  local newest, replaced = {}, {}
  for pipeline in flow.each(circleci.list_project_pipelines, request, { max_items = args.pipelines }) do
    local branch = pipeline.vcs and pipeline.vcs.branch
    if branch and branch ~= default then
      if newest[branch] then replaced[#replaced + 1] = pipeline end
      newest[branch] = newest[branch] or pipeline
    end
  end
  return replaced
end

local function is_active(workflow)
  local kept = args.keep and regex.match(workflow.name, args.keep)
  local state = workflow.status
  return not kept and (state == "running" or state == "failing" or state == "on_hold" and args.held)
end

--- The active workflows of the pipelines, fetched sixteen pipelines at a time.
local function active_workflows(pipelines)
  local rows = json.array()
  local lists = flow.map(pipelines, function(pipeline)
    return flow.all(circleci.list_pipeline_workflows, { pipeline_id = pipeline.id })
  end)
  for index, workflows in ipairs(lists) do
    for _, workflow in ipairs(workflows) do
      if is_active(workflow) then
        rows[#rows + 1] = {
          project_slug = project, branch = pipelines[index].vcs.branch, pipeline_number = pipelines[index].number,
          workflow = workflow.name, workflow_id = workflow.id, status = workflow.status,
        }
      end
    end
  end
  return rows
end

--- Cancel one. It may have ended since it was listed: CircleCI answers 400 then, and all is well.
local function cancel(row)
  local ok, err = pcall(circleci.cancel_workflow, { workflow_id = row.workflow_id })
  if not ok and err.status ~= 400 then error(err, 0) end
  row.result = ok and "canceled" or "had ended"
end

local function page(rows)
  if #rows == 0 then return "nothing redundant runs in " .. project .. (every_branch and "" or " on " .. args.branch) end
  local lines = {}
  for index, row in ipairs(rows) do
    lines[index] = ("%-9s  pipeline %d on %s: %s was %s"):format(
      row.result, row.pipeline_number, row.branch, row.workflow, row.status)
  end
  return table.concat(lines, "\n")
end

local rows = active_workflows(replaced_pipelines())
flow.map(rows, cancel)
return view(rows, page(rows))
