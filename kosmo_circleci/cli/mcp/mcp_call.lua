-- What `kosmo mcp:call` runs: args.tool is the tool, args.given a JSON object of arguments, args.flags
-- a JSON list of {key, text}. A flag's text becomes what the tool's schema wants.

local schema = mcp.schema(args.tool)
local properties = schema.properties or {}
local given = json.decode(args.given)

--- The name a flag means: as it is written, or with other separators and case: --max-items, maxItems.
local function name_of(key)
  if properties[key] then return key end
  local function folded(text) return (text:gsub("[-_]", ""):lower()) end
  for name in pairs(properties) do
    if folded(name) == folded(key) then return name end
  end
  return (key:gsub("-", "_"))
end

local function kinds(property)
  local found = {}
  local function add(part)
    local kind = part.type
    for _, each in ipairs(type(kind) == "table" and kind or { kind }) do found[each] = true end
    for _, each in ipairs(part.anyOf or part.oneOf or {}) do add(each) end
  end
  add(property or {})
  return found
end

local WORDS = { yes = true, on = true, no = false, off = false }

local function value_of(text, kind)
  if kind.string then return text end
  if kind.boolean and WORDS[text] ~= nil then return WORDS[text] end
  local is_json, value = pcall(json.decode, text)
  return is_json and value or is_json and value == false and false or not is_json and text or nil
end

for _, flag in ipairs(json.decode(args.flags)) do
  local name = name_of(flag[1])
  local kind = kinds(properties[name])
  if kind.array and flag[2]:sub(1, 1) ~= "[" then
    local list = type(given[name]) == "table" and given[name] or json.array({})
    local item = properties[name].items
    list[#list + 1] = value_of(flag[2], kinds(type(item) == "table" and item or nil))
    given[name] = list
  else
    given[name] = value_of(flag[2], kind)
  end
end

return mcp.call(args.tool, given)
