-- expect.*: what a test demands. Runs in the test's own state, before its file.

local function shown(value)
  if value == json.null then return "json.null" end   -- a null of an answer is nil, which is not the same
  if type(value) == "string" then return json.encode(value) end
  local ok, text = pcall(json.encode, value)
  return ok and text or tostring(value)
end

local function fail(message, what)
  if message ~= nil then what = tostring(message) .. ": " .. what end
  error(what, 3)   -- the place is the test's
end

--- The first place where two values differ: (path, actual, expected), nothing where they are equal.
local function difference(actual, expected, path, compared)
  if type(actual) ~= "table" or type(expected) ~= "table" then
    if actual ~= expected then return path, actual, expected end
    return nil
  end
  if compared[actual] == expected then return nil end
  compared[actual] = expected
  local keys = {}
  for key in pairs(expected) do keys[#keys + 1] = key end
  for key in pairs(actual) do
    if expected[key] == nil then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do
    local place = path .. (type(key) == "string" and "." .. key or "[" .. tostring(key) .. "]")
    local where, left, right = difference(actual[key], expected[key], place, compared)
    if where then return where, left, right end
  end
end

expect = {}

--- expect.equal(actual, expected[, message]): the same value; tables field by field.
function expect.equal(actual, expected, message)
  local path, left, right = difference(actual, expected, "", {})
  if path then
    local at = path == "" and "" or "at " .. path .. ": "
    fail(message, "expect.equal: " .. at .. "got " .. shown(left) .. ", expected " .. shown(right))
  end
end

--- expect.error(fn[, expected]): fn() raises an error, and it is returned. `expected` is a part of its message, or
-- a table of fields it has.
function expect.error(fn, expected)
  local ok, err = pcall(fn)
  if ok then fail(nil, "expect.error: nothing was raised") end
  if type(expected) == "table" then
    for field, value in pairs(expected) do
      local actual = type(err) == "table" and err[field] or nil
      if actual ~= value then
        fail(nil, "expect.error: " .. tostring(field) .. " is " .. shown(actual) .. ", expected " .. shown(value) ..
          ": " .. tostring(err))
      end
    end
  elseif expected ~= nil and not tostring(err):find(expected, 1, true) then
    fail(nil, "expect.error: got " .. shown(tostring(err)) .. ", expected " .. shown(expected) .. " in it")
  end
  return err
end

--- expect.match(text, pattern[, message]): the regular expression matches; the match is returned.
function expect.match(text, pattern, message)
  local match = regex.match(tostring(text), pattern)
  if match == nil then fail(message, "expect.match: " .. shown(tostring(text)) .. " does not match " .. shown(pattern)) end
  return match
end
