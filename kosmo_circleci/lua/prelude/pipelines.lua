-- flow.wait_pipeline and flow.wait_workflow: until a pipeline or a workflow has ended.

local core = ...

local concat, error, gsub, next, type = table.concat, error, string.gsub, next, type
local flow = core.globals.flow
local all, refuse = flow.all, core.refuse

-- A workflow in one of these states does not move on by itself (CircleCI API v2, Workflow.status).
local FINAL = { success = true, failed = true, error = true, canceled = true, unauthorized = true, not_run = true }

-- The same of a job (v2), a pipeline (v2), and the phase of anything in v3.
local ALSO_FINAL = {
  infrastructure_fail = true, timedout = true, retried = true, ["terminated-unknown"] = true, errored = true, ended = true,
}

-- A pipeline in one of these gets workflows yet (CircleCI API v2, Pipeline.state): it was just created,
-- or its setup workflow has handed over a configuration that has not started yet.
local COMING = { pending = true, setup = true, ["setup-pending"] = true }

-- A setup workflow may end without handing anything over; nothing tells that from one that just did.
local LONGEST_HANDOVER = 60

local WAIT_PIPELINE = { on_hold = { "stop", core.one_of("stop", "wait") }, account = { nil, core.kinds.name } }
for name, option in next, core.wait_options do WAIT_PIPELINE[name] = option end

--- The functions of an account, or of the run's own.
function core.flow_functions(helper, account)
  local circleci = core.flow_circleci
  if circleci == nil then refuse(helper, "app.integrations is not available in this run") end
  if account == nil then return circleci end
  local functions = circleci[account]
  if type(functions) ~= "table" then refuse(helper, "unknown account '" .. account .. "'") end
  return functions
end

--- "final", "held" (nothing but approvals is left) or "moving".
local function summary(workflows)
  local held = false
  for index = 1, #workflows do
    local state = workflows[index].status
    if state == "on_hold" then held = true elseif not FINAL[state] then return "moving" end
  end
  return held and "held" or "final"
end

local function failed(workflows)
  for index = 1, #workflows do
    if workflows[index].status ~= "success" then return true end
  end
  return false
end

local function announce(workflows, last)
  for index = 1, #workflows do
    local workflow = workflows[index]
    local id, state = core.show(workflow.id), core.show(workflow.status)
    if last[id] ~= state then
      last[id] = state
      -- A name comes from a repository; a terminal would obey what it holds.
      core.call_host("notice", (gsub("workflow " .. core.show(workflow.name) .. ": " .. state, "%c", "?")))
    end
  end
end

local function refuse_errored(pipeline)
  local texts = {}
  local errors = pipeline.errors or {}
  for index = 1, #errors do texts[index] = core.show(errors[index].message) end
  local err = core.make_error("runtime", "flow.wait_pipeline: the pipeline cannot run: " ..
    (#texts > 0 and concat(texts, "; ") or "its state is errored"), "flow.wait_pipeline")
  err.value = pipeline
  error(err, 0)
end

--- flow.wait_pipeline(pipeline_id[, {on_hold = "stop", timeout = …}]): its workflows, once all are final.
-- on_hold = "stop" returns also when nothing but approvals is left, "wait" does not. `account` names another
-- account than the bare functions use. A pipeline whose configuration was refused is an error.
function flow.wait_pipeline(pipeline_id, opts)
  if type(pipeline_id) ~= "string" or pipeline_id == "" then
    refuse("flow.wait_pipeline", "argument 1 must be a pipeline's id, got " .. core.shown(pipeline_id))
  end
  local settings = core.options("flow.wait_pipeline", opts, WAIT_PIPELINE)
  local circleci, last, final_since = core.flow_functions("flow.wait_pipeline", settings.account), {}, nil
  local function look()
    local workflows = all(circleci.list_pipeline_workflows, { pipeline_id = pipeline_id })
    announce(workflows, last)
    return workflows
  end
  local function done(workflows)
    local state = summary(workflows)
    if state == "held" then return settings.on_hold == "stop" end
    if state == "moving" then
      final_since = nil
      return false
    end
    local pipeline = circleci.get_pipeline({ pipeline_id = pipeline_id })
    if pipeline.state == "errored" then refuse_errored(pipeline) end
    if #workflows == 0 then return false end
    if not COMING[pipeline.state] or failed(workflows) then return true end
    local now = core.now()
    final_since = final_since or now
    return now - final_since >= LONGEST_HANDOVER
  end
  return core.wait_until("flow.wait_pipeline", look, done, settings)
end

--- flow.wait_workflow(workflow_id[, {on_hold = "stop", timeout = …}]): the workflow, once it is final.
function flow.wait_workflow(workflow_id, opts)
  if type(workflow_id) ~= "string" or workflow_id == "" then
    refuse("flow.wait_workflow", "argument 1 must be a workflow's id, got " .. core.shown(workflow_id))
  end
  local settings = core.options("flow.wait_workflow", opts, WAIT_PIPELINE)
  local circleci, last = core.flow_functions("flow.wait_workflow", settings.account), {}
  local function look()
    local workflow = circleci.get_workflow({ workflow_id = workflow_id })
    announce({ workflow }, last)
    return workflow
  end
  local function done(workflow)
    local state = summary({ workflow })
    return state == "final" or state == "held" and settings.on_hold == "stop"
  end
  return core.wait_until("flow.wait_workflow", look, done, settings)
end

--- flow.is_final(status): whether a status of v2, or a phase of v3, does not change any more.
function flow.is_final(status)
  if type(status) ~= "string" then
    refuse("flow.is_final", "argument 1 must be a status, got " .. core.shown(status))
  end
  return FINAL[status] or ALSO_FINAL[status] or false
end
