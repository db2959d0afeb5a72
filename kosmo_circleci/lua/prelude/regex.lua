-- regex.*: PCRE syntax. The host matches; what may be a Lua function is applied here, because the
-- host never calls back into Lua.

local core = ...

local concat, type, tostring = table.concat, type, tostring

local regex = {}

-- A table never goes to the host as it is: taking hold of it needs memory of Lua, see lua/values.py.
local function check(helper, subject, pattern, flags)
  core.expect("string", subject, helper, 1)
  core.expect("string", pattern, helper, 2)
  if flags ~= nil and type(flags) ~= "string" then
    core.raise("runtime", helper .. ": the flags must be a string of letters such as \"im\"", helper)
  end
end

--- regex.match(subject, pattern[, flags]) -> {[1] = whole, [2] = group 1, …, name = group} or nil
function regex.match(subject, pattern, flags)
  check("regex.match", subject, pattern, flags)
  return core.call_host("regex_match", subject, pattern, flags)
end

--- regex.match_all(subject, pattern[, flags]) -> list of such tables
function regex.match_all(subject, pattern, flags)
  check("regex.match_all", subject, pattern, flags)
  return core.call_host("regex_match_all", subject, pattern, flags)
end

--- regex.split(subject, pattern[, flags]) -> list of strings
function regex.split(subject, pattern, flags)
  check("regex.split", subject, pattern, flags)
  return core.call_host("regex_split", subject, pattern, flags)
end

--- regex.gsub(subject, pattern, replacement[, limit[, flags]]) -> string
function regex.gsub(subject, pattern, replacement, limit, flags)
  check("regex.gsub", subject, pattern, flags)
  if limit ~= nil then core.expect("number", limit, "regex.gsub", 4) end
  if type(replacement) ~= "function" then
    core.expect("string", replacement, "regex.gsub", 3)
    return core.call_host("regex_gsub", subject, pattern, replacement, limit, flags)
  end
  -- pieces: text before, match, text before, match, …, text after the last
  local pieces = core.call_host("regex_pieces", subject, pattern, limit, flags)
  for index = 2, #pieces, 2 do
    local match = pieces[index]
    local text = replacement(match)
    if text == nil or text == false then
      text = match[1]
    elseif type(text) == "number" then
      text = tostring(text)
    elseif type(text) ~= "string" then
      core.raise("runtime", "regex.gsub: the replacement function must return a string or nil, got a " .. type(text),
        "regex.gsub")
    end
    pieces[index] = text
  end
  return concat(pieces)
end

core.globals.regex = regex
