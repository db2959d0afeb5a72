-- Rerun the failed workflow of a branch from its failed jobs, and wait for the new one.
local circleci = app.integrations.circleci
local project, branch = args.project or "gh/example-org/example-repo", args.branch or "feature/login"

local function newest_failed()
  local request = { project_slug = project, branch = branch }
  for pipeline in flow.each(circleci.list_project_pipelines, request, { max_items = 10 }) do
    local workflows = circleci.list_pipeline_workflows({ pipeline_id = pipeline.id }).items
    for _, workflow in ipairs(workflows) do
      if workflow.status == "failed" then return workflow, pipeline end
    end
  end
  return nil, "no failed workflow on " .. branch
end

local workflow, pipeline = newest_failed()
if not workflow then
  print(pipeline)
  return { rerun = false, reason = pipeline }
end

local rerun = circleci.rerun_workflow({ workflow_id = workflow.id, from_failed = true })
print(("rerunning %s of #%d as %s"):format(workflow.name, pipeline.number, rerun.workflow_id))

local polls = 0
local ok, final = pcall(flow.wait, function()
  polls = polls + 1
  return circleci.get_workflow({ workflow_id = rerun.workflow_id })
end, function(current)
  return current.status ~= "running" and current.status ~= "not_run"
end, { timeout = 1800, interval = 10, backoff = 1.2, max_interval = 60 })

if not ok then
  local last = final.value
  error(("gave up after %d looks; it is %s"):format(polls, last and last.status or "unknown"), 0)
end
return { rerun = true, status = final.status, polls = polls, stopped_at = final.stopped_at }
