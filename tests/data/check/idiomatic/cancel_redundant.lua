-- Cancel the workflows of older pipelines of the same branch: only the newest one counts.
local circleci = app.integrations.circleci
local project = args.project or "gh/example-org/example-repo"

local RUNNING = { running = true, failing = true, on_hold = true }
local newest, victims = {}, {}

for pipeline in flow.each(circleci.list_project_pipelines, { project_slug = project }, { max_items = 100 }) do
  local vcs = pipeline.vcs
  local branch = vcs and vcs.branch
  if branch == nil then goto continue end
  if newest[branch] == nil then
    newest[branch] = pipeline.number
    goto continue
  end
  for workflow in flow.each(circleci.list_pipeline_workflows, { pipeline_id = pipeline.id }) do
    if RUNNING[workflow.status] then
      victims[#victims + 1] = { id = workflow.id, name = workflow.name, branch = branch, number = pipeline.number }
    end
  end
  ::continue::
end

local outcomes = flow.map(victims, function(victim)
  return circleci.cancel_workflow({ workflow_id = victim.id }).message
end, { errors = "collect", concurrency = 8 })

local canceled, failed = 0, 0
for i, outcome in ipairs(outcomes) do
  local victim = victims[i]
  if outcome.ok then
    canceled = canceled + 1
    print(string.format("canceled #%d %s (%s): %s", victim.number, victim.name, victim.branch, outcome.value))
  else
    failed = failed + 1
    print(string.format("could not cancel #%d: %s", victim.number, tostring(outcome.error)))
  end
end
return { canceled = canceled, failed = failed }
