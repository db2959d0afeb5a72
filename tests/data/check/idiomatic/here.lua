-- Where am I? The checkout's project, its newest pipeline, and its log while it runs.
local circleci = app.integrations.circleci
local slack = require("lib.slack")

local ok, here = pcall(circleci.here)
local project = ok and here.project_slug or args.project
local branch = ok and here.branch or "main"
if not project then error("not in a checkout: --arg project=gh/acme/web", 0) end

local since = time.parse(args.since or "7d ago")
local pipelines = {}
for pipeline in flow.each(circleci.list_project_pipelines, { project_slug = project, branch = branch }) do
  if time.parse(pipeline.created_at) < since then break end
  pipelines[#pipelines + 1] = pipeline
end
local newest = pipelines[1]
if newest == nil then return end
slack.post("#builds", ("looking at #%d"):format(newest.number))
newest.shown_as = slack.link(newest)
print(newest.shown_as, newest.link_text)

for _, workflow in ipairs(flow.all(circleci.list_pipeline_workflows, { pipeline_id = newest.id })) do
  if not flow.is_final(workflow.status) then workflow = flow.wait_workflow(workflow.id, { timeout = 1200 }) end
  for job in flow.each(circleci.list_workflow_jobs, { workflow_id = workflow.id }) do
    if job.type == "build" then
      local size = 0
      for line, step in flow.log(job.id, { steps = "all", follow = false }) do
        size = size + #line
        if line:find("WARN", 1, true) then print(step.name, step.num, line) end
      end
      slack.count(job, size)
    end
  end
end

local values = circleci.default_pipeline_values({ branch = branch })
local compiled = circleci.compile_config({ config_yaml = args.config or "version: 2.1" })
for _, message in ipairs(compiled.errors) do print(message.message) end
return { rows = csv.decode(args.table or "a,b\n1,2"), valid = compiled.valid, values = values, yaml = #compiled["output-yaml"] }
