-- The script's globals, and the run of its chunk.

local core = ...

local caught, look = core.caught, core.look
local expect, getinfo, getmetatable, status, sub = core.expect, debug.getinfo, debug.getmetatable, coroutine.status, string.sub
local gsub = string.gsub
local close, collectgarbage, create, error, load = coroutine.close, collectgarbage, coroutine.create, error, load
local pairs, pcall, raw_rawset, raw_setmetatable, rawget = pairs, pcall, rawset, setmetatable, rawget
local xpcall = xpcall
local find, format, gmatch, pack, unpack = string.find, string.format, string.gmatch, table.pack, table.unpack
local resume, select, string_meta, traceback, type = coroutine.resume, select, getmetatable(""), debug.traceback, type

local G = core.globals

local function copy(library, names)
  local part = {}
  for _, name in pairs(names) do part[name] = library[name] end
  return part
end

for _, name in pairs {
  "assert", "ipairs", "pairs", "next", "select", "type", "tonumber",
  "rawequal", "rawget", "rawlen", "getmetatable", "_VERSION",
} do
  G[name] = _G[name]
end
G._G = G
G.math = copy(math, {
  "abs", "acos", "asin", "atan", "ceil", "cos", "deg", "exp", "floor", "fmod", "huge", "log", "max", "maxinteger",
  "min", "mininteger", "modf", "pi", "rad", "random", "randomseed", "sin", "sqrt", "tan", "tointeger", "type", "ult",
})
G.string = copy(string, {
  "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "pack", "packsize", "rep", "reverse",
  "sub", "unpack", "upper",
})
G.table = copy(table, { "concat", "insert", "move", "pack", "remove", "sort", "unpack" })
G.utf8 = copy(utf8, { "char", "charpattern", "codepoint", "codes", "len", "offset" })
G.os = copy(os, { "clock", "date", "difftime", "time" })
G.debug = { traceback = traceback }
G.coroutine = copy(coroutine, { "isyieldable", "running", "status", "yield" })

-- What catches errors asks whether the run may continue, see core.lua.

function G.pcall(...)
  if select("#", ...) == 0 then core.raise("runtime", "pcall: argument 1 must be a value, got nothing", "pcall") end
  return caught(pcall(...))
end

function G.xpcall(fn, handler, ...)
  expect("function", handler, "xpcall", 2)
  return caught(xpcall(fn, handler, ...))
end

local CONVERSION = "%%[-+ #0]*%d*%.?%d*(.)"

--- Return what a function of Lua's library answered, or raise its error at the script's line: a tail call of
-- this takes the place of the function that the script called.
function core.rethrown(ok, value)
  if ok then return value end
  error(value, value == "not enough memory" and 0 or 2)
end

local rethrown = core.rethrown

--- string.format: `%s` shows a value as tostring does, `%p` is refused: addresses are the host's.
function G.string.format(template, ...)
  if type(template) ~= "string" or not find(template, "%%[-+ #0%d.]*[sp]") then
    return rethrown(pcall(format, template, ...))
  end
  local values, index = pack(...), 0
  for letter in gmatch(template, CONVERSION) do
    if letter == "p" then error("invalid conversion '%p' to 'format'", 2) end
    if letter ~= "%" then index = index + 1 end
    if letter == "s" and index <= values.n then values[index] = core.show(values[index]) end
  end
  return rethrown(pcall(format, template, unpack(values, 1, values.n)))
end

-- ("x"):rep(3) finds the script's own string table; no script finds the metatable.
string_meta.__index = G.string
string_meta.__metatable = false

function G.collectgarbage(option)
  if option == nil or option == "count" then return collectgarbage("count") end
  core.raise("runtime", "collectgarbage: only \"count\" is available in the sandbox", "collectgarbage")
end

-- What the originals would refuse is refused here first: their errors would name a line of this file.

function G.setmetatable(value, meta)
  expect("table", value, "setmetatable", 1)
  if meta ~= nil then
    expect("table", meta, "setmetatable", 2)
    if rawget(meta, "__gc") ~= nil then
      core.raise("runtime", "setmetatable: '__gc' is not available in the sandbox; use a <close> variable", "setmetatable")
    end
  end
  local old = getmetatable(value)
  if old ~= nil and rawget(old, "__metatable") ~= nil then
    core.raise("runtime", "setmetatable: this table's metatable is protected", "setmetatable")
  end
  return raw_setmetatable(value, meta)
end

--- error, but a level that leads to the prelude (`error(text, 2)` in the script's own chunk) names no place there.
function G.error(message, level)
  if level == nil then level = 1 end
  expect("number", level, "error", 2)
  if type(message) ~= "string" or level < 1 then error(message, 0) end
  local frame = getinfo(level + 1, "S")
  error(message, frame ~= nil and sub(frame.source, 1, 7) == "=[kosmo" and 0 or level + 1)
end

--- rawset, but not past the read-only tables.
function G.rawset(value, key, content)
  expect("table", value, "rawset", 1)
  if key == nil or key ~= key then core.raise("runtime", "rawset: a key cannot be nil or NaN", "rawset") end
  if core.contents[value] ~= nil or value == core.null then
    core.raise("runtime", "rawset: this table is read-only", "rawset")
  end
  return raw_rawset(value, key, content)
end

-- A coroutine of flow.map waits for the host's answer; a script that resumed it could give its own. So it may
-- resume and close only those it has made.
local own = core.weak()

local function own_coroutine(body)
  expect("function", body, "coroutine", 1)
  local thread = create(body)
  core.guard(thread)
  core.begins(thread, body)
  own[thread] = true
  return thread
end

G.coroutine.create = own_coroutine

-- What ends the run ends the coroutine around this one too, with the frames of both.
local function resumed(thread, ok, ...)
  if core.abort then core.carry_trace(core.abort, thread) end
  return caught(ok, ...)
end

function G.coroutine.resume(thread, ...)
  expect("thread", thread, "coroutine.resume", 1)
  if not own[thread] then return false, "cannot resume non-suspended coroutine" end
  return resumed(thread, resume(thread, ...))
end

function G.coroutine.close(thread)
  expect("thread", thread, "coroutine.close", 1)
  if not own[thread] or status(thread) == "running" or status(thread) == "normal" then
    core.raise("runtime", "coroutine.close: this coroutine is running, or not your own", "coroutine.close")
  end
  return caught(close(thread))
end

local function pass_on(thread, ok, ...)
  if ok then return ... end
  local err = ...
  core.carry_trace(err, thread)
  error(err, 0)
end

function G.coroutine.wrap(body)
  local thread = own_coroutine(body)
  return function(...) return pass_on(thread, resume(thread, ...)) end
end

-- load catches what a reader function raises.
local function loaded(chunk, ...)
  if chunk == nil then look() end
  return chunk, ...
end

--- load: text only (bytecode can break the interpreter), in the script's globals unless it names others.
function G.load(chunk, name, _, ...)
  if type(chunk) ~= "string" and type(chunk) ~= "function" then
    core.raise("runtime", "load: argument 1 must be a string or a function, got " .. type(chunk), "load")
  end
  if name ~= nil then expect("string", name, "load", 2) end
  if select("#", ...) > 0 then return loaded(load(chunk, name, "t", (...))) end
  return loaded(load(chunk, name, "t", G))
end
