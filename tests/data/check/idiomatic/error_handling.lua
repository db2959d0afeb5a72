-- Every way to deal with an error that is usual in Lua.
local circleci = app.integrations.circleci

-- pcall with a function of CircleCI: the second value is the answer, or the error.
local ok, answer = pcall(circleci.get_workflow, { workflow_id = "no-such-workflow" })
if not ok then
  if answer.type == "api" and answer.status == 404 then
    print("gone: " .. answer)
  elseif answer.type == "network" then
    error(answer, 0)
  else
    print(answer.message, answer.code, answer.request_id, answer.attempts)
  end
end

-- pcall with a closure: anything may be raised.
local done, result = pcall(function()
  local pipeline = circleci.get_pipeline({ pipeline_id = "no-such-pipeline" })
  return pipeline.number
end)
local text = done and tostring(result) or ("failed: " .. tostring(result))

-- xpcall with a traceback.
local _, trace = xpcall(function() error({ code = 42 }) end, function(err)
  return { code = type(err) == "table" and err.code or nil, trace = debug.traceback("here", 2) }
end)
assert(trace.code == 42 and trace.trace:find("here", 1, true))

-- A finally, by hand.
local function with(resource, body)
  local outcome = table.pack(pcall(body, resource))
  resource.closed = true
  if not outcome[1] then error(outcome[2], 0) end
  return table.unpack(outcome, 2, outcome.n)
end

local resource = { name = "lease" }
local a, b = with(resource, function(r) return r.name, #r.name end)
assert(a == "lease" and b == 5 and resource.closed)

-- assert with a message, and its values.
local number = assert(tonumber("12"), "not a number")
local found, last = assert(("hello"):find("l+"))
return { text = text, number = number, found = found, last = last }
