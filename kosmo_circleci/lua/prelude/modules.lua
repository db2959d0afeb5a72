-- require("lib.slack"): a module is loaded once in a run, in the script's globals.
--
-- A module's text runs in a coroutine of its own. So a call of the API in there waits in place, even in a branch of
-- flow.map: no other branch meets a module that is half loaded, and what requires what is one chain.

local core = ...

local concat, create, error, load = table.concat, coroutine.create, error, load
local find, resume, status = string.find, coroutine.resume, coroutine.status

local loaded, chain = {}, {}   -- name -> {value}; the names that are being loaded, the outermost first

--- Forget what the last chunk left half loaded.
function core.start_modules()
  chain = {}
end

local function refuse_circle(name)
  for index = 1, #chain do
    if chain[index] == name then
      core.raise("runtime", "require: modules require each other in a circle: " .. concat(chain, " -> ", index) ..
        " -> " .. name, "require")
    end
  end
end

local function compiled(name)
  local text, path = core.call_host_many("module", name)
  local chunk, message = load(core.line_keeper .. text, "@" .. path, "t", core.globals)
  if chunk ~= nil then return chunk, path end
  if not find(message, ":%d+:") then error(message, 0) end   -- no fault of the text: memory, or nested too deep
  local fault = core.make_error("syntax", message, "require")
  core.error_records[fault].where = ""   -- the message has the place
  error(fault, 0)
end

--- What a module's text returned; true for nothing. `depth` is the module's place in the chain, which ends there.
local function value_of(name, depth, thread, ok, ...)
  for index = #chain, depth, -1 do chain[index] = nil end
  if not ok then
    local err = ...
    core.carry_trace(err, thread)
    error(err, 0)
  end
  if status(thread) ~= "dead" then
    core.raise("runtime", "require: attempt to yield from the module '" .. name .. "'", "require")
  end
  local value = ...
  if value == nil then value = true end
  loaded[name] = { value = value }
  return value
end

local function require(name)
  core.expect("string", name, "require", 1)
  local entry = loaded[name]
  if entry then return entry.value end
  refuse_circle(name)
  local chunk, path = compiled(name)
  local thread = create(chunk)
  core.guard(thread)
  core.begins(thread)
  local depth = #chain + 1
  chain[depth] = name
  return value_of(name, depth, thread, resume(thread, name, path))
end

if core.host.module then core.globals.require = require end
