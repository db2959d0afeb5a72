-- How often does each status occur among the newest workflows? A default table does the counting.
local circleci <const> = app.integrations.circleci

local function counter()
  return setmetatable({}, { __index = function() return 0 end })
end

local counts = counter()
local by_day = {}

for pipeline in flow.each(circleci.list_project_pipelines, { project_slug = "gh/example-org/example-repo" }, { max_items = 20 }) do
  local day = pipeline.created_at:sub(1, 10)
  by_day[day] = by_day[day] or counter()
  for workflow in flow.each(circleci.list_pipeline_workflows, { pipeline_id = pipeline.id }) do
    counts[workflow.status] = counts[workflow.status] + 1
    by_day[day][workflow.status] = by_day[day][workflow.status] + 1
  end
end

local statuses = {}
for status in pairs(counts) do statuses[#statuses + 1] = status end
table.sort(statuses, function(a, b) return counts[a] > counts[b] or (counts[a] == counts[b] and a < b) end)

for _, status in ipairs(statuses) do
  print(status .. (" "):rep(12 - #status) .. ("#"):rep(counts[status]) .. " " .. counts[status])
end

local days = {}
for day in pairs(by_day) do table.insert(days, day) end
table.sort(days)
local lines = {}
for _, day in ipairs(days) do
  local parts = {}
  for _, status in ipairs(statuses) do
    if by_day[day][status] > 0 then parts[#parts + 1] = status .. "=" .. by_day[day][status] end
  end
  lines[#lines + 1] = day .. "  " .. table.concat(parts, " ")
end
return lines
