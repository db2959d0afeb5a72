-- The time and the chance of a script: the system's; in simulation the simulated time; in a run with a journal
-- what a resumed run was shown before.
--
-- A journaled run reads clocks and draws random numbers per branch: the main part of the script is one branch,
-- each item of a flow.map another. So the order in which branches run does not matter.

local core = ...

local error, floor, format, huge, mtype = error, math.floor, string.format, math.huge, math.type
local date, random, randomseed, time = os.date, math.random, math.randomseed, os.time
local next, pcall, select, tointeger, type, ult = next, pcall, select, math.tointeger, type, math.ult

local G = core.globals
local kind = "real"
local generators = {}   -- branch -> state of its generator

--- The seconds that have passed, as the branch that asks saw them.
function core.now()
  return core.call_host("branch_now", core.branch_path())
end

--- Let `seconds` pass, outside of any branch.
function core.sleep(seconds)
  if kind ~= "journaled" then return core.call_host("sleep", seconds) end
  -- What has passed of it before the run was resumed is not waited for again.
  core.call_host("sleep_until", core.now() + seconds)
end

local function epoch()
  return floor(core.call_host("branch_epoch", core.branch_path()))
end

local clocks = {}

function clocks.time(fields)
  if fields == nil then return epoch() end
  return core.rethrown(pcall(time, fields))
end

function clocks.date(form, at)
  return core.rethrown(pcall(date, form or "%c", at == nil and epoch() or at))
end

-- Random numbers ----------------------------------------------------------------------------------

-- xoshiro256**, the generator of Lua 5.4 itself, with a state per branch.

local function rotated(x, n)
  return (x << n) | (x >> (64 - n))
end

local function next_random(state)
  local s0, s1, s2, s3 = state[1], state[2], state[3] ~ state[1], state[4] ~ state[2]
  local value = rotated(s1 * 5, 7) * 9
  state[1], state[2], state[3], state[4] = s0 ~ s3, s1 ~ s2, s2 ~ (s1 << 17), rotated(s3, 45)
  return value
end

local function new_generator(path)
  return { core.call_host_many("seed", path) }
end

local function generator()
  local path = core.branch_path()
  local state = generators[path]
  if state == nil then
    state = new_generator(path)
    state.seeds, generators[path] = 0, state
  end
  return state
end

--- A number from 0 to `limit`, each as likely (as Lua's own `project`).
local function projected(value, limit, state)
  if limit & (limit + 1) == 0 then return value & limit end
  local mask = limit
  for shift = 0, 5 do mask = mask | (mask >> (1 << shift)) end
  value = value & mask
  while ult(limit, value) do value = next_random(state) & mask end
  return value
end

local function integer(value, index)
  local whole = type(value) == "number" and tointeger(value) or type(value) == "string" and tointeger(value)
  if whole then return whole end
  local fault = mtype(value) == "float" and "number has no integer representation"
    or "number expected, got " .. (value == nil and "no value" or type(value))
  error(format("bad argument #%d to 'random' (%s)", index, fault), 3)
end

local chance = {}

function chance.random(...)
  local count = select("#", ...)
  local low, up = 1, ...
  local state = generator()
  local value = next_random(state)
  if count == 0 then return (value >> 11) * (0.5 / (1 << 52)) end
  if count > 2 then error("wrong number of arguments", 2) end
  if count == 2 then low, up = integer((...), 1), integer((select(2, ...)), 2) else up = integer(up, 1) end
  if count == 1 and up == 0 then return value end
  if low > up then error("bad argument #1 to 'random' (interval is empty)", 2) end
  return low + projected(value, up - low, state)
end

function chance.randomseed(...)
  local state = generator()
  if select("#", ...) == 0 then
    state.seeds = state.seeds + 1
    local fresh = new_generator(core.branch_path() .. "#" .. state.seeds)
    state[1], state[2], state[3], state[4] = fresh[1], fresh[2], fresh[3], fresh[4]
    return
  end
  local first, second = ...
  if type(first) ~= "number" then
    error("bad argument #1 to 'randomseed' (number expected, got " .. type(first) .. ")", 2)
  end
  state[1], state[2] = tointeger(first) or floor(first * 0x1p32 % huge) // 1 | 0, 0xff
  state[3], state[4] = tointeger(second or 0) or 0, 0
  for _ = 1, 16 do next_random(state) end
end

-- Which of these a script gets ---------------------------------------------------------------------

local function install(library, functions)
  for name, fn in next, functions do library[name] = fn end
end

local os_library, math_library = G.os, G.math

--- Prepare for the next chunk: which clock it has, and fresh branches.
function core.start_clock()
  kind, generators = core.call_host("clock_kind"), {}
  core.start_branches()
  local system = kind == "real"
  install(os_library, system and { date = date, time = time } or clocks)
  install(math_library, kind == "journaled" and chance or { random = random, randomseed = randomseed })
end
