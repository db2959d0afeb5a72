-- Reading, changing and writing JSON.
local text = [[
{"name": "web", "tags": ["a", "b"], "limits": {"cpu": 2, "memory": null}, "nested": [{"id": 1}, {"id": 2}]}
]]
local doc = json.decode(text)
doc.tags[#doc.tags + 1] = "c"
doc.limits.memory = "4G"
doc.owner = { id = doc.nested[1].id, roles = json.array() }
doc.empty = json.object()
doc.nothing = json.null

local function walk(value, path, visit)
  visit(path, value)
  if type(value) ~= "table" then return end
  for key, inner in pairs(value) do
    walk(inner, path .. "/" .. tostring(key), visit)
  end
end

local paths = {}
walk(doc, "", function(path, value)
  if type(value) ~= "table" then paths[#paths + 1] = path .. " = " .. tostring(value) end
end)
table.sort(paths)

local function deep_copy(value, copies)
  if type(value) ~= "table" then return value end
  copies = copies or {}
  if copies[value] then return copies[value] end
  local copy = {}
  copies[value] = copy
  for key, inner in next, value do copy[deep_copy(key, copies)] = deep_copy(inner, copies) end
  return copy
end

local function merge(into, from)
  for key, value in pairs(from) do
    if type(value) == "table" and type(into[key]) == "table" then
      merge(into[key], value)
    else
      into[key] = value
    end
  end
  return into
end

local copy = merge(deep_copy(doc), { limits = { cpu = 8 }, extra = true })
assert(copy.limits.cpu == 8 and doc.limits.cpu == 2 and copy.extra)
return json.encode({ paths = paths, copy = copy }, { pretty = true })
