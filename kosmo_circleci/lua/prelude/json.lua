-- json.*, and the one encoder behind print, dump, tostring, results and arguments.
--
-- A Lua table cannot say "empty array", "null" or "integer of thirty digits". What it cannot say is
-- kept beside it: `kinds`, `nulls` and `bigs` know the tables that came from JSON.

local core = ...

local concat, error, format = table.concat, error, string.format
local gsub, math_type, next, pcall = string.gsub, math.type, next, pcall
local rawequal, rawget, rep, setmetatable, sort = rawequal, rawget, string.rep, setmetatable, table.sort
local tonumber, type, utf8_len, find, byte, sub = tonumber, type, utf8.len, string.find, string.byte, string.sub
local tostring = tostring

local MAX_DEPTH = core.host.max_json_depth

local kinds = core.weak()   -- table -> "array" or "object"
local nulls = core.weak()   -- table -> {key = true}: keys whose JSON value is null
local bigs = core.weak()    -- table -> digits: an integer of more than 64 bits

local null = setmetatable({}, {
  __tostring = function() return "null" end,
  __newindex = function() error("json.null cannot be changed", 2) end,
  __metatable = false,
})
core.null = null

-- Integers beyond 64 bits: exact when printed, compared and sent back; floats in arithmetic.
local Big = { __name = "integer", __metatable = false }
local function float(value) return bigs[value] and tonumber(bigs[value] .. ".0") or value end

-- What an operator refuses is an error on the script's line, as with numbers: level 3.
local function digits(value)
  local text = type(value) == "table" and bigs[value] or value
  if type(text) == "string" or type(text) == "number" then return text end
  error("attempt to concatenate a " .. type(value) .. " value", 3)
end

local function operand(value)
  local number = tonumber(float(value))
  if number then return number end
  error("attempt to perform arithmetic on a " .. type(value) .. " value", 3)
end

local function comparable(value, other)
  local number = float(value)
  if type(number) == "number" then return number end
  error("attempt to compare " .. type(value) .. " with " .. (bigs[other] and "number" or type(other)), 3)
end

function Big.__tostring(value) return bigs[value] end
function Big.__eq(a, b) return bigs[a] == bigs[b] end
function Big.__lt(a, b) return comparable(a, b) < comparable(b, a) end
function Big.__le(a, b) return comparable(a, b) <= comparable(b, a) end
function Big.__concat(a, b) return digits(a) .. digits(b) end
function Big.__add(a, b) return operand(a) + operand(b) end
function Big.__sub(a, b) return operand(a) - operand(b) end
function Big.__mul(a, b) return operand(a) * operand(b) end
function Big.__div(a, b) return operand(a) / operand(b) end
function Big.__mod(a, b) return operand(a) % operand(b) end
function Big.__pow(a, b) return operand(a) ^ operand(b) end
function Big.__unm(a) return -operand(a) end

--- Take note of what the host's tables cannot say: {arrays = {t…}, nulls = {t, key, …}, bigs = {t, digits, …}}.
function core.adopt(marks)
  local arrays, holes, numbers = marks.arrays, marks.nulls, marks.bigs
  for i = 1, #arrays do kinds[arrays[i]] = "array" end
  for i = 1, #holes, 2 do
    local owner, key = holes[i], holes[i + 1]
    local keys = nulls[owner]
    if keys == nil then
      keys = {}
      nulls[owner] = keys
    end
    keys[key] = true
  end
  for i = 1, #numbers, 2 do
    bigs[numbers[i]] = numbers[i + 1]
    setmetatable(numbers[i], Big)
  end
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
for code = 0, 31 do
  local char = string.char(code)
  escapes[char] = escapes[char] or format("\\u%04x", code)
end

-- A lone surrogate is three bytes ED A0..BF xx: legal in JSON as an escape, never as UTF-8.
local function surrogate(a, b)
  return format("\\u%04x", 0xD000 + (byte(a) - 0x80) * 64 + (byte(b) - 0x80))
end

--- The body of a JSON string whose bytes are not UTF-8 throughout.
local function repair(text, strict)
  text = gsub(text, "\xED([\xA0-\xBF])([\x80-\xBF])", surrogate)
  local parts, n, from = {}, 0, 1
  while true do
    local length, bad = utf8_len(text, from)
    if length then break end
    if strict then return nil, bad end
    n = n + 1
    parts[n] = sub(text, from, bad - 1) .. "\u{FFFD}"
    from = bad + 1
  end
  parts[n + 1] = sub(text, from)
  return concat(parts)
end

local function quote(text, strict)
  local body = find(text, '[%c"\\]') and gsub(text, '[%z\1-\31"\\]', escapes) or text
  if not utf8_len(body) then
    local bad
    body, bad = repair(body, strict)
    if body == nil then error({ "a string that is not UTF-8 at byte " .. bad }, 0) end
  end
  return '"' .. body .. '"'
end

--- The stand-in for a value that JSON lacks while an argument is refused; see lua/foreign.py.
local function stand_in(kind) return '{"\\u0000":"' .. kind .. '"}' end

local function number(value, style)
  if math_type(value) == "integer" then return format("%d", value) end
  local kind = value ~= value and "nan" or value == 1 / 0 and "inf" or value == -1 / 0 and "-inf"
  if kind then
    if style.stand_ins then return stand_in(kind) end
    if style.strict then error({ kind == "nan" and "NaN" or "an infinity" }, 0) end
    return '"' .. kind .. '"'
  end
  local text = format("%.15g", value)
  if tonumber(text) ~= value then
    text = format("%.16g", value)
    if tonumber(text) ~= value then text = format("%.17g", value) end
  end
  -- 1.0 must not come back as the integer 1.
  if not find(text, "[.e]") then text = text .. ".0" end
  return text
end

--- "array" and its length, or "object". A list with a few holes is an array with nulls in them.
local function classify(value)
  local null_keys = nulls[value]
  local count, last = 0, 0
  local kind = kinds[value]
  if kind == "object" then return "object" end
  for key in next, value do
    if math_type(key) ~= "integer" or key < 1 then return "object" end
    count = count + 1
    if key > last then last = key end
  end
  if null_keys then
    for key in next, null_keys do
      if math_type(key) ~= "integer" then return "object" end
      if rawget(value, key) == nil then
        count = count + 1
        if key > last then last = key end
      end
    end
  end
  if last == 0 then return kind or "object", 0 end
  if last - count > count + 8 then return "object" end
  return "array", last
end

local function key_text(key, strict)
  local kind = type(key)
  if kind == "string" then return key end
  if kind == "number" then return tostring(key) end
  if strict then error({ "a key that is a " .. kind }, 0) end
  return kind == "boolean" and tostring(key) or "<" .. kind .. ">"
end

local function sorted_keys(value, strict)
  local names, of = {}, {}
  local function add(key)
    local name = key_text(key, strict)
    if of[name] == nil then names[#names + 1] = name end
    -- [1] and ["1"] in one table share a JSON key; the string is the one that was meant.
    if of[name] == nil or key == name then of[name] = key end
  end
  for key in next, value do add(key) end
  for key in next, nulls[value] or {} do
    if rawget(value, key) == nil then add(key) end
  end
  sort(names)
  return names, of
end

local write_value

local function write_array(out, value, length, style, depth)
  if length == 0 then
    out[#out + 1] = "[]"
    return
  end
  local open, between, close = "[", ",", "]"
  if style.pretty then
    local pad = "\n" .. rep("  ", depth)
    open, between, close = "[" .. pad, "," .. pad, "\n" .. rep("  ", depth - 1) .. "]"
  end
  for index = 1, length do
    out[#out + 1] = index == 1 and open or between
    write_value(out, rawget(value, index), style, depth)
  end
  out[#out + 1] = close
end

local function write_object(out, value, style, depth)
  local names, of = sorted_keys(value, style.strict)
  if #names == 0 then
    out[#out + 1] = "{}"
    return
  end
  local open, between, close, colon = "{", ",", "}", ":"
  if style.pretty then
    local pad = "\n" .. rep("  ", depth)
    open, between, close, colon = "{" .. pad, "," .. pad, "\n" .. rep("  ", depth - 1) .. "}", ": "
  end
  for index = 1, #names do
    local name = names[index]
    out[#out + 1] = (index == 1 and open or between) .. quote(name, style.strict) .. colon
    style.key = name
    write_value(out, rawget(value, of[name]), style, depth)
  end
  out[#out + 1] = close
end

local function content_of(value)
  local all = core.contents[value]
  return all and all() or value
end

local function write_table(out, value, style, depth)
  if rawequal(value, null) then
    out[#out + 1] = "null"
  elseif core.views[value] then
    write_value(out, core.views[value].rows, style, depth)
  elseif bigs[value] then
    out[#out + 1] = bigs[value]
  elseif style.path[value] then
    if style.strict then error({ "a cycle" }, 0) end
    out[#out + 1] = '"<circular>"'
  elseif depth >= MAX_DEPTH then
    error({ "nesting deeper than " .. MAX_DEPTH .. " levels", kind = "limit" }, 0)
  else
    style.path[value] = true
    local content = content_of(value)
    local kind, length = classify(content)
    if kind == "array" then
      write_array(out, content, length, style, depth + 1)
    else
      write_object(out, content, style, depth + 1)
    end
    style.path[value] = nil
  end
end

function write_value(out, value, style, depth)
  local kind = type(value)
  if kind == "string" then
    out[#out + 1] = quote(value, style.strict)
  elseif kind == "number" then
    out[#out + 1] = number(value, style)
  elseif kind == "boolean" then
    out[#out + 1] = value and "true" or "false"
  elseif kind == "nil" then
    out[#out + 1] = "null"
  elseif kind == "table" then
    write_table(out, value, style, depth)
  elseif style.stand_ins then
    out[#out + 1] = stand_in(kind)
  elseif style.strict then
    error({ "a " .. kind }, 0)
  else
    out[#out + 1] = '"<' .. kind .. '>"'
  end
  -- Joining as we go keeps half a million small strings from living at once.
  if #out > 4096 then
    out[1] = concat(out)
    for index = #out, 2, -1 do out[index] = nil end
  end
end

--- The arguments of a call as one array, nils kept as nulls.
function core.list(count, ...)
  local list, holes = { ... }, {}
  for index = 1, count do
    if list[index] == nil then holes[index] = true end
  end
  kinds[list], nulls[list] = "array", holes
  return list
end

--- Tables the sandbox shows read-only stand for others: proxy -> function that returns the content.
core.contents = core.weak()

--- Views: proxy -> {rows =, text =}, see view.lua.
core.views = core.weak()

--- The JSON text of `value`. `style` is {pretty=, strict=, stand_ins=}: strict refuses what JSON lacks, otherwise
-- it is written as "nan", "inf", "<function>", "<circular>", or as stand-ins. Answers text, or nil, what could not
-- be written, the name of the key it was under, and the error type.
function core.encode(value, style)
  style.path = {}
  local out = {}
  local ok, fault = pcall(write_value, out, value, style, 0)
  if ok then return concat(out) end
  if type(fault) == "table" and fault[1] then return nil, fault[1], style.key, fault.kind end
  error(fault, 0)
end

--- The JSON text for reading: pretty, nothing refused but depth.
function core.pretty(value)
  local text, fault = core.encode(value, { pretty = true })
  if text == nil then core.raise("limit", "print: " .. fault .. " cannot be shown") end
  return text
end

--- How many items a list has, nulls included.
function core.length(value)
  local kind, length = classify(content_of(value))
  return kind == "array" and length or 0
end

--- A new table that encodes as an array.
function core.new_array()
  local list = {}
  kinds[list] = "array"
  return list
end

--- Remember nils among the first `count` items as nulls, so that the list keeps its length.
function core.keep_length(list, count)
  local holes
  for index = 1, count do
    if list[index] == nil then
      holes = holes or {}
      holes[index] = true
    end
  end
  nulls[list] = holes
end

local json = { null = null }

--- json.decode(text): the value of a JSON text, without loss.
function json.decode(text)
  core.expect("string", text, "json.decode", 1)
  return core.call_host("json_decode", text)
end

--- json.encode(value[, {pretty = true}])
function json.encode(value, options)
  if options ~= nil then core.expect("table", options, "json.encode", 2) end
  local text, fault, key, kind = core.encode(value, { strict = true, pretty = options and options.pretty })
  if text == nil then
    core.raise(kind or "runtime", "json.encode: " .. fault .. " cannot be written as JSON" ..
      (key and " (at key '" .. key .. "')" or ""), "json.encode")
  end
  return text
end

local function marked(kind, helper)
  return function(value)
    if value == nil then value = {} end
    core.expect("table", value, helper, 1)
    kinds[value] = kind
    return value
  end
end

--- json.array([t]): t, or a new table, that encodes as an array even when empty.
json.array = marked("array", "json.array")
--- json.object([t]): t, or a new table, that encodes as an object even when its keys are 1, 2, 3.
json.object = marked("object", "json.object")

core.globals.json = json
