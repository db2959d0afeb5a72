-- map, filter, reduce and friends, as half of all Lua scripts bring them along.
local function map(list, fn)
  local out = {}
  for i, v in ipairs(list) do out[i] = fn(v, i) end
  return out
end

local function filter(list, keep)
  local out = {}
  for _, v in ipairs(list) do
    if keep(v) then out[#out + 1] = v end
  end
  return out
end

local function reduce(list, fn, initial)
  local acc = initial
  for _, v in ipairs(list) do acc = fn(acc, v) end
  return acc
end

local function group_by(list, key)
  local groups = {}
  for _, v in ipairs(list) do
    local k = type(key) == "function" and key(v) or v[key]
    groups[k] = groups[k] or {}
    table.insert(groups[k], v)
  end
  return groups
end

local function compose(...)
  local fns = table.pack(...)
  return function(...)
    local values = table.pack(...)
    for i = fns.n, 1, -1 do values = table.pack(fns[i](table.unpack(values, 1, values.n))) end
    return table.unpack(values, 1, values.n)
  end
end

local function partial(fn, ...)
  local bound = table.pack(...)
  return function(...)
    local call = table.move({ ... }, 1, select("#", ...), bound.n + 1, { table.unpack(bound, 1, bound.n) })
    return fn(table.unpack(call))
  end
end

local circleci = app.integrations.circleci
local jobs = flow.all(circleci.list_workflow_jobs, { workflow_id = "failed-workflow-uuid" })
local by_status = group_by(jobs, "status")
local by_letter = group_by(jobs, function(job) return job.name:sub(1, 1) end)
local names = map(jobs, function(job) return job.name end)
local builds = filter(jobs, function(job) return job.type == "build" and job.job_number ~= nil end)
local longest = reduce(names, function(best, name) return #name > #best and name or best end, "")
local shout = compose(string.upper, partial(string.format, "<%s>"))

local sizes = {}
for status, members in pairs(by_status) do sizes[status] = #members end
for letter, members in pairs(by_letter) do assert(members[1].name:sub(1, 1) == letter) end
return { sizes = sizes, builds = #builds, longest = longest, shout = shout(longest) }
