-- Tables of arguments that are put together step by step.
local circleci = app.integrations.circleci

local request = { project_slug = args.project or "gh/example-org/example-repo" }
if args.branch then request.branch = args.branch end
if args.tag then
  request.tag = args.tag
  request.branch = nil
end
request.parameters = { run_deploy = args.deploy == "yes", image = args.image or "cimg/base:stable" }
for key, value in pairs(args) do
  local name = key:match("^param%-(.+)$")
  if name then request.parameters[name] = value end
end
if request.branch == nil and request.tag == nil then request.branch = "main" end

if args.dry then return request end
local pipeline = circleci.trigger_pipeline(request)

-- The same table for several functions: each takes what it knows.
local base = { workflow_id = nil }
local workflows = flow.retry(function()
  local found = flow.all(circleci.list_pipeline_workflows, { pipeline_id = pipeline.id })
  return #found > 0 and found or {}
end, { attempts = 5, delay = 2 })
for _, workflow in ipairs(workflows) do
  base.workflow_id = workflow.id
  local jobs = circleci.list_workflow_jobs(base)
  print(workflow.name, #jobs.items)
end

local function with(extra)
  local merged = {}
  for k, v in pairs(request) do merged[k] = v end
  for k, v in pairs(extra) do merged[k] = v end
  return merged
end
local shown = with({ branch = "other" })
return { number = pipeline.number, shown = shown.branch, state = pipeline.state }
