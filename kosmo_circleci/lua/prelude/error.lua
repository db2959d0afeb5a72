-- Error values: tables with fields that otherwise behave as their message.

local core = ...

local error, getinfo, pairs, rawget, select = error, debug.getinfo, pairs, rawget, select
local running, setmetatable, sub, tostring, type = coroutine.running, setmetatable, string.sub, tostring, type

-- error value -> {type, message, where, called, item}; what a script cannot change
local records = core.weak()
core.error_records = records

-- coroutine -> the function it runs, or the place where it was started: `return fn()` in it leaves no other trace.
local beginnings = core.weak()

local function is_scripts(frame)
  return frame.what ~= "C" and sub(frame.source, 1, 7) ~= "=[kosmo"
end
core.is_scripts = is_scripts

local function beginning()
  local fn = beginnings[running()]
  if type(fn) ~= "function" then return fn or "" end
  local frame = getinfo(fn, "S")
  return frame.short_src .. ":" .. frame.linedefined .. ":"
end

-- Finding the frame of a level takes time that grows with the level, and a stack that overflowed has 200,000.
local MOST_LEVELS = 4000

--- "eval:3:" for the innermost frame of the script's own code, or "" where there is none.
local function where()
  local level = 2
  while level < MOST_LEVELS do
    local frame = getinfo(level, "Sl")
    if frame == nil then return beginning() end
    if frame.currentline > 0 and is_scripts(frame) then
      return frame.short_src .. ":" .. frame.currentline .. ":"
    end
    level = level + 1
  end
  return ""
end

core.where = where

--- Take note of what a coroutine runs; `place` is where it was started, for a function that is not the script's.
function core.begins(thread, fn, place)
  beginnings[thread] = type(fn) == "function" and is_scripts(getinfo(fn, "S")) and fn or place or where()
end

local function message_of(value)
  local record = type(value) == "table" and records[value]
  if record then return record.message end
  return value
end

local function operand(value)
  value = message_of(value)
  local kind = type(value)
  if kind == "string" or kind == "number" then return value end
  error("attempt to concatenate a " .. kind .. " value", 3)
end

local Error = { __name = "error", __metatable = false }

function Error.__tostring(err) return records[err].message end
function Error.__len(err) return #records[err].message end
function Error.__concat(left, right) return operand(left) .. operand(right) end

-- err:match(...), err:find(...): the script's own string functions, applied to the message.
function Error.__index(_, name)
  local strings = rawget(core.globals, "string")
  local method = type(strings) == "table" and rawget(strings, name)
  if type(method) ~= "function" then return nil end
  return function(self, ...) return method(message_of(self), ...) end
end

--- What was called: "get_project, GET /api/v2/project/gh/a/b", where a request is behind the error.
local function called(fields)
  if fields.method and fields.path then
    return (fields.function_name or "") .. ", " .. fields.method .. " " .. fields.path
  end
end

--- Make an error value of `fields` ({type=, message=, ...}). `marks` tells of nulls inside them.
function core.new_error(fields, marks)
  if marks ~= nil then core.adopt(marks) end
  local err = {}
  for name, value in pairs(fields) do
    if name ~= "fatal" then err[name] = value end
  end
  records[err] = { type = fields.type, message = fields.message, where = where(), called = called(fields) }
  return setmetatable(err, Error)
end

--- Make an error of the bridge, to be raised by the caller.
function core.make_error(kind, message, function_name)
  return core.new_error({ type = kind, message = message, function_name = function_name })
end

--- Raise an error of the bridge: raise("validation", "…").
function core.raise(kind, message, function_name)
  error(core.make_error(kind, message, function_name), 0)
end

--- What a branch of flow.map raised, with the branch's index as a field: error values get it, strings become
-- error values; what else a script raises stays as it is.
function core.with_index(fault, index)
  if fault == nil then fault = core.make_error("runtime", "nil was raised as an error") end
  if type(fault) == "string" and fault ~= "not enough memory" then
    fault = core.make_error("runtime", core.hinted(fault))
    records[fault].where = ""   -- the text has it already
  end
  local record = type(fault) == "table" and records[fault]
  if record then
    fault.index = index
    record.item = record.item and index .. ", item " .. record.item or index
  end
  return fault
end

--- Check an argument of a helper: expect("string", value, "json.decode", 1).
function core.expect(kind, value, helper, position)
  if type(value) == kind then return end
  core.raise("runtime", helper .. ": argument " .. tostring(position) .. " must be a " .. kind ..
    ", got " .. (value == nil and "nothing" or type(value)), helper)
end
