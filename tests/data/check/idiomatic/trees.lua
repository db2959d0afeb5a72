-- The dependencies of a workflow's jobs as a tree, and in an order in which they can run.
local circleci = app.integrations.circleci
local jobs = flow.all(circleci.list_workflow_jobs, { workflow_id = args.workflow or "failed-workflow-uuid" })

local by_id, children, roots = {}, {}, {}
for _, job in ipairs(jobs) do by_id[job.id] = job end
for _, job in ipairs(jobs) do
  if #job.dependencies == 0 then
    roots[#roots + 1] = job
  else
    for _, id in ipairs(job.dependencies) do
      children[id] = children[id] or {}
      table.insert(children[id], job)
    end
  end
end

local lines = {}
local function draw(job, depth)
  lines[#lines + 1] = ("  "):rep(depth) .. job.name .. " [" .. job.status .. "]"
  local below = children[job.id] or {}
  table.sort(below, function(a, b) return a.name < b.name end)
  for _, child in ipairs(below) do draw(child, depth + 1) end
end
for _, root in ipairs(roots) do draw(root, 0) end

local order, state = {}, {}
local function visit(job, path)
  local current = state[job.id]
  if current == "done" then return end
  if current == "open" then error("a cycle: " .. table.concat(path, " -> ")) end
  state[job.id] = "open"
  path[#path + 1] = job.name
  for _, id in ipairs(job.dependencies) do
    local before = by_id[id]
    if before then visit(before, path) end
  end
  path[#path] = nil
  state[job.id] = "done"
  order[#order + 1] = job.name
end
for _, job in ipairs(jobs) do visit(job, {}) end

local depth_of
local function depth(job)
  local deepest = 0
  for _, child in ipairs(children[job.id] or {}) do deepest = math.max(deepest, depth_of(child)) end
  return deepest + 1
end
depth_of = depth
return { tree = lines, order = order, depth = #roots > 0 and depth_of(roots[1]) or 0 }
