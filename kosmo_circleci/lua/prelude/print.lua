-- print, dump, tostring: tables are shown as JSON, for people and for jq.

local core = ...

local concat, getmetatable, rawget, select, type = table.concat, debug.getmetatable, rawget, select, type
local lua_tostring = tostring

local function tostring(...)
  local value = ...
  if select("#", ...) == 0 then core.raise("runtime", "tostring: a value is expected", "tostring") end
  local kind = type(value)
  if kind == "table" then
    local meta = getmetatable(value)
    local shown_by = meta and rawget(meta, "__tostring")
    if shown_by == nil then return core.pretty(value) end
    if type(shown_by) ~= "function" then return lua_tostring(value) end
    local text = shown_by(value)
    if type(text) == "number" then text = lua_tostring(text) end
    if type(text) ~= "string" then core.raise("runtime", "tostring: '__tostring' must return a string", "tostring") end
    return text
  end
  if kind == "function" or kind == "thread" or kind == "userdata" then return "<" .. kind .. ">" end
  return lua_tostring(value)
end

local function line_of(...)
  local parts = {}
  for index = 1, select("#", ...) do parts[index] = tostring((select(index, ...))) end
  return concat(parts, "\t")
end

local function print(...)
  core.call_host("print", line_of(...))
end

--- log(…): a line for people, on stderr and in the envelope's `log`.
local function log(...)
  core.call_host("log", line_of(...))
end

--- dump(v): prints v, tables (errors too) as JSON, and returns it.
local function dump(...)
  local value = ...
  core.call_host("print", type(value) == "table" and core.pretty(value) or tostring(value))
  return ...
end

core.show = tostring
core.globals.tostring, core.globals.print, core.globals.dump, core.globals.log = tostring, print, dump, log
