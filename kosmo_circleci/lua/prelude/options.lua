-- The arguments of flow's functions: what each may be, and what is said about anything else.

local core = ...

local concat, getmetatable, huge, next = table.concat, debug.getmetatable, math.huge, next
local rawget, sort, type = rawget, table.sort, type

--- Raise what is said about a wrong argument of `helper`.
function core.refuse(helper, text)
  core.raise("validation", helper .. ": " .. text, helper)
end

--- A value as an error message shows it.
local function shown(value)
  local kind = type(value)
  if kind == "nil" then return "nothing" end
  if value ~= value then return "nan" end   -- its sign depends on the machine
  if kind == "string" then return '"' .. value .. '"' end
  if kind == "number" or kind == "boolean" then return core.show(value) end
  return "a " .. kind
end
core.shown = shown

--- Refuse an argument that cannot be called.
function core.expect_function(helper, value, position)
  if type(value) == "function" then return end
  local meta = type(value) == "table" and getmetatable(value)
  if type(meta) == "table" and rawget(meta, "__call") ~= nil then return end
  core.refuse(helper, "argument " .. position .. " must be a function, got " .. shown(value))
end

local function at_least(value, least) return type(value) == "number" and value >= least end

local function whole(value, least, most)
  return at_least(value, least) and value <= most and value % 1 == 0
end

--- The kinds of option: what a value is called, and whether it is one.
core.kinds = {
  seconds = { "a number of seconds, 0 or more", function(value) return at_least(value, 0) and value < huge end },
  timeout = { "a number of seconds, 0 or more", function(value) return at_least(value, 0) end },
  factor = { "a number, 1 or more", function(value) return at_least(value, 1) and value < huge end },
  limit = { "a whole number, 0 or more", function(value) return value == huge or whole(value, 0, huge) end },
  attempts = { "a whole number, 1 or more", function(value) return value ~= huge and whole(value, 1, huge) end },
  concurrency = { "a whole number from 1 to 100", function(value) return whole(value, 1, 100) end },
  exit_code = { "a whole number from 0 to 125", function(value) return whole(value, 0, 125) end },
  flag = { "a boolean", function(value) return type(value) == "boolean" end },
  name = { "a string", function(value) return type(value) == "string" end },
}

--- The kind of an option that takes one of some words.
function core.one_of(...)
  local words, quoted = { ... }, {}
  for index = 1, #words do
    quoted[index], words[words[index]] = '"' .. words[index] .. '"', true
  end
  local last = quoted[#quoted]
  quoted[#quoted] = nil
  return { concat(quoted, ", ") .. " or " .. last, function(value) return type(value) == "string" and words[value] == true end }
end

local function unknown_option(helper, name, options)
  local names = {}
  for each in next, options do names[#names + 1] = each end
  sort(names)
  local near = core.call_host("nearest", core.show(name), concat(names, " "))
  core.refuse(helper, "unknown option '" .. core.show(name) .. "'." .. (near and " Did you mean '" .. near .. "'?" or "") ..
    " It takes: " .. concat(names, ", "))
end

--- The options of a helper, by name: {default, {what it takes, test}}. Anything else is refused.
function core.options(helper, argument, options)
  local values = {}
  for name, option in next, options do values[name] = option[1] end
  if argument == nil then return values end
  if type(argument) ~= "table" then core.refuse(helper, "the options must be a table, got " .. shown(argument)) end
  for name, value in next, argument do
    local option = options[name]
    if option == nil then unknown_option(helper, name, options) end
    local kind = option[2]
    if not kind[2](value) then core.refuse(helper, "'" .. name .. "' takes " .. kind[1] .. ", got " .. shown(value)) end
    values[name] = value
  end
  return values
end
