-- A cache with a limit, and a memoizer built on it.
local Cache = {}
Cache.__index = Cache

function Cache.new(limit)
  return setmetatable({ limit = limit, size = 0, values = {}, order = {} }, Cache)
end

function Cache:get(key)
  local entry = self.values[key]
  if entry == nil then return nil end
  self:touch(key)
  return entry.value
end

function Cache:touch(key)
  for i, each in ipairs(self.order) do
    if each == key then
      table.remove(self.order, i)
      break
    end
  end
  table.insert(self.order, key)
end

function Cache:put(key, value)
  if self.values[key] == nil then
    self.size = self.size + 1
    if self.size > self.limit then
      local oldest = table.remove(self.order, 1)
      self.values[oldest] = nil
      self.size = self.size - 1
    end
  end
  self.values[key] = { value = value }
  self:touch(key)
end

local function memoize(fn, limit)
  local cache, hits, misses = Cache.new(limit or 16), 0, 0
  local function call(key)
    local value = cache:get(key)
    if value ~= nil then
      hits = hits + 1
      return value
    end
    misses = misses + 1
    value = fn(key)
    cache:put(key, value)
    return value
  end
  return call, function() return hits, misses end
end

local circleci = app.integrations.circleci
local project_of, statistics = memoize(function(slug)
  return circleci.get_project({ project_slug = slug })
end, 2)

local names = {}
for _ = 1, 3 do
  local project = project_of("gh/example-org/example-repo")
  names[#names + 1] = project.organization_name .. "/" .. project.name
end
local hits, misses = statistics()
assert(hits == 2 and misses == 1)
return names
