-- The private floor under every other prelude file: originals of the standard library, the host's
-- functions, and the way errors are raised. A script never sees this table.
--
-- A script may replace any global and any function of its `string` table, so the prelude keeps
-- originals in locals and never writes s:match(...), which would go through the script's table.

local host = ...

local error, getinfo, pcall, select = error, debug.getinfo, pcall, select
local setmetatable, sethook, type = setmetatable, debug.sethook, type

local core = {
  host = host,
  globals = {},       -- what becomes the script's _G
  abort = nil,        -- the error that ends the run; once set, no pcall of the script survives it
}

--- How many VM instructions pass between two looks at the clock.
core.hook_count = 1000

local weak_keys = { __mode = "k" }

--- A table whose keys do not keep objects alive.
function core.weak()
  return setmetatable({}, weak_keys)
end

--- End the run with `err`: raised here, and again at every following instruction.
local function abort(err)
  host.bound()
  core.abort = core.abort or err
  sethook(core.hook, "", 1)
  error(core.abort, 0)
end

--- Give back what a host function answered, or raise what it refused.
-- Host functions answer (true, value, marks) or (false, fields, marks); they never raise.
local function settle(ok, value, extra)
  if ok then
    if extra ~= nil then core.adopt(extra) end
    return value
  end
  if value == nil then error("not enough memory", 0) end
  local err = core.new_error(value, extra)
  if value.fatal then abort(err) end
  error(err, 0)
end

core.settle = settle

--- What a host function answered. It never raises, but a signal may come before its first line: then the error
-- is an exception of Python, which no script gets to see.
local bound = host.bound   -- the limit on memory: lifted while the host is at work, see lua/values.py

local function bounded(...)
  bound()
  return ...
end

local function arrived(ok, ...)
  bound()
  if ok then return ... end
  local fault = ...
  if type(fault) ~= "userdata" then error(fault, 0) end
  return bounded(false, host.explain(fault))
end

local function ask(name, ...)
  return arrived(pcall(host[name], ...))
end

--- Call the host function `name`.
function core.call_host(name, ...)
  return settle(ask(name, ...))
end

local function all_of(ok, ...)
  if ok then return ... end
  return settle(ok, ...)
end

--- Call a host function that answers several values.
function core.call_host_many(name, ...)
  return all_of(ask(name, ...))
end

--- The count hook: the way time limits reach a running script.
-- A look at the clock costs a call into the host, so most hooks only compare CPU seconds.
local clock, next_look = os.clock, 0
function core.hook()
  local err = core.abort
  if err == nil then
    local now = clock()
    if now < next_look then return end
    next_look = now + 0.02
    local running, fields = ask("tick")
    if running then return end
    err = fields and core.new_error(fields) or "not enough memory"
    core.abort = err
  end
  -- An error in the function that catches errors would have nobody to catch it.
  if getinfo(2, "f").func == core.protected then return sethook() end
  abort(err)
end

--- Hook a coroutine: each one has hooks of its own.
function core.guard(thread)
  sethook(thread, core.hook, "", core.hook_count)
end

--- pcall with the limits in force: (ok, value); an abort is the value, whatever the script made of it.
function core.protected(fn, ...)
  sethook(core.hook, "", core.hook_count)
  local ok, value = pcall(fn, ...)
  sethook()
  if core.abort then return false, core.abort end
  return ok, value
end

--- How many arguments there are, trailing nils not counted.
function core.count(...)
  local n = select("#", ...)
  while n > 0 and (select(n, ...)) == nil do n = n - 1 end
  return n
end

return core
