-- A small class, in the way most Lua programmers write one.
local Watcher = {}
Watcher.__index = Watcher

function Watcher.new(pipeline_id, options)
  options = options or {}
  local self = setmetatable({}, Watcher)
  self.pipeline_id = pipeline_id
  self.interval = options.interval or 5
  self.seen = {}
  self.listeners = {}
  return self
end

function Watcher:on(event, listener)
  local list = self.listeners[event]
  if not list then
    list = {}
    self.listeners[event] = list
  end
  list[#list + 1] = listener
  return self
end

function Watcher:emit(event, ...)
  for _, listener in ipairs(self.listeners[event] or {}) do
    listener(...)
  end
end

function Watcher:poll()
  local done = true
  for workflow in flow.each(app.integrations.circleci.list_pipeline_workflows, { pipeline_id = self.pipeline_id }) do
    if self.seen[workflow.id] ~= workflow.status then
      self:emit("change", workflow, self.seen[workflow.id])
      self.seen[workflow.id] = workflow.status
    end
    if workflow.status == "running" or workflow.status == "failing" then done = false end
  end
  return done
end

function Watcher:run(timeout)
  local waited = 0
  while not self:poll() do
    if waited >= timeout then
      self:emit("timeout", waited)
      return false, "timeout"
    end
    flow.sleep(self.interval)
    waited = waited + self.interval
  end
  self:emit("done")
  return true
end

local pipeline = app.integrations.circleci.list_pipelines({ org_slug = "gh/example-org" }).items[1]
local lines = {}
local ok, why = Watcher.new(pipeline.id, { interval = 2 })
  :on("change", function(workflow, before)
    lines[#lines + 1] = workflow.name .. ": " .. (before or "new") .. " -> " .. workflow.status
  end)
  :on("done", function() lines[#lines + 1] = "done" end)
  :run(600)
return { ok = ok, why = why, lines = lines }
