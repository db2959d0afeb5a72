-- The private floor under every other prelude file: originals of the standard library, the host's
-- functions, and the way errors are raised. A script never sees this table.
--
-- A script may replace any global and any function of its `string` table, so the prelude keeps
-- originals in locals and never writes s:match(...), which would go through the script's table.

local host = ...

local collectgarbage, error, getinfo, pcall, select = collectgarbage, error, debug.getinfo, pcall, select
local setmetatable, sethook, type, xpcall = setmetatable, debug.sethook, type, xpcall

local core = {
  host = host,
  globals = {},       -- what becomes the script's _G
  abort = false,      -- the error that ends the run; once set, no pcall of the script survives it. Never nil:
                      -- a key that is there can be set where memory is full
}

--- How many VM instructions pass between two looks at the clock.
core.hook_count = 1000

local weak_keys = { __mode = "k" }

--- A table whose keys do not keep objects alive.
function core.weak()
  return setmetatable({}, weak_keys)
end

--- End the run with the error `core.abort`: raised here, and again at every following instruction.
function core.end_run()
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
  if value.fatal then
    core.abort = core.abort or err
    core.end_run()
  end
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

-- How time limits and Ctrl-C reach a running script: a count hook asks the host every so often (a "tick") and
-- raises what it refuses. A hook is a call like others, so it fails where the script leaves no room for one: at
-- the limit of nested C calls, or with Lua's memory full to the brim. That failure is an error of the script,
-- which a pcall may catch. So whatever catches errors for a script asks as well (`core.caught`), one call further
-- out, and where that fails too, it raises. A loop that no hook can end loses a level with every round.

-- A tick is a call into the host, so most hooks only compare CPU seconds.
local clock, next_look = os.clock, 0

local building = false   -- the error that ends the run is being made: no hook may cut that short

--- End the run for what the host has refused; set first, built then, because there may be no room for it.
local function refuse(fields)
  building = true
  core.abort = "not enough memory"
  local built, err = pcall(core.new_error, fields)
  if built then
    core.abort = err
  elseif err ~= "not enough memory" then   -- one nested call too many: further out there is room
    core.abort = false
  end
  building = false
  if not core.abort then error(err, 0) end
end

--- Whether the run has to end; then `core.abort` is the reason. Raises where there is no room to ask.
local function must_end()
  if core.abort then return true end
  local now = clock()
  if now < next_look then return false end
  local running, fields = ask("tick")
  if running then
    next_look = now + 0.02
    return false
  end
  if fields == nil then core.abort = "not enough memory" else refuse(fields) end
  return true
end

function core.hook()
  if building or not must_end() then return end
  -- Nothing would catch an error in the functions that catch errors.
  local fn = getinfo(2, "f").func
  if fn == core.protected then return sethook() end
  if fn == core.on_error then return end
  core.end_run()
end

--- Ask whether the run may continue: for what has just caught an error of the script.
function core.look()
  building = false   -- it may be a hook that failed in there whose error has been caught
  if must_end() then core.end_run() end
end

--- What a protected call returned, if the run may continue.
function core.caught(ok, ...)
  if not ok then
    -- What the script let go of since counts: a stack that has to grow does not collect it (ldo.c).
    if (...) == "not enough memory" then collectgarbage() end
    core.look()
    core.drop_trace((...))
  end
  return ok, ...
end

--- Hook a coroutine: each one has hooks of its own.
function core.guard(thread)
  sethook(thread, core.hook, "", core.hook_count)
end

--- Take the traceback of an error of the main chunk, before its stack is gone.
function core.on_error(err)
  building = true   -- a hook would raise again in here
  local complete, lines = pcall(core.traceback, err)
  building = false
  core.trace = complete and lines or ""
  return err
end

--- Call `fn` with the limits in force: (ok, value); an abort is the value, whatever the script made of it.
function core.protected(fn)
  building = false
  sethook(core.hook, "", core.hook_count)
  local ok, value = xpcall(fn, core.on_error)
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
