-- A rollout as a state machine: each state is a function that returns the next one.
local circleci = app.integrations.circleci
local project = "gh/example-org/example-repo"
local context = { log = {}, attempts = 0 }

local function note(format, ...)
  context.log[#context.log + 1] = format:format(...)
end

local states = {}

function states.start()
  local triggered = circleci.trigger_pipeline({ project_slug = project, branch = "main", parameters = { deploy = true } })
  context.pipeline = triggered
  note("triggered #%d (%s)", triggered.number, triggered.state)
  return "wait"
end

function states.wait()
  local workflows = flow.wait_pipeline(context.pipeline.id, { timeout = 3600, interval = 5 })
  context.workflows = workflows
  for _, workflow in ipairs(workflows) do
    if workflow.status == "on_hold" then return "approve" end
    if workflow.status ~= "success" then return "failed" end
  end
  return "done"
end

function states.approve()
  for _, workflow in ipairs(context.workflows) do
    for job in flow.each(circleci.list_workflow_jobs, { workflow_id = workflow.id }) do
      if job.type == "approval" and job.status == "on_hold" then
        circleci.approve_workflow_job(workflow.id, job.approval_request_id or job.id)
        note("approved %s", job.name)
      end
    end
  end
  return "wait"
end

function states.failed()
  context.attempts = context.attempts + 1
  if context.attempts > 2 then
    note("gave up")
    return nil
  end
  note("attempt %d failed", context.attempts)
  return "start"
end

function states.done()
  note("done")
end

local state, steps = "start", 0
while state do
  steps = steps + 1
  assert(steps < 20, "the machine does not end")
  state = states[state]()
end
return context.log
