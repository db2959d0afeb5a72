-- Numbers: integers, floats, bits, statistics.
local function mean(list)
  local sum = 0.0
  for _, v in ipairs(list) do sum = sum + v end
  return #list > 0 and sum / #list or 0
end

local function percentile(list, p)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  if #sorted == 0 then return nil end
  local rank = math.ceil(p / 100 * #sorted)
  return sorted[math.max(1, math.min(rank, #sorted))]
end

local function deviation(list)
  local m = mean(list)
  local squares = {}
  for i, v in ipairs(list) do squares[i] = (v - m) ^ 2 end
  return math.sqrt(mean(squares))
end

local c = app.integrations.circleci
local durations = {}
for run in flow.each(c.get_workflow_metrics, {
  project_slug = "gh/example-org/example-repo", workflow_name = "build-and-test", branch = "main",
}, { max_items = 200 }) do
  if run.status == "success" and run.duration then durations[#durations + 1] = run.duration end
end

local flags = 0
for bit, enabled in ipairs({ true, false, true }) do
  if enabled then flags = flags | (1 << (bit - 1)) end
end
assert(flags == 5 and flags & 4 == 4 and ~flags & 0xFF == 0xFA and 7 // 2 == 3 and 7.5 % 2 == 1.5)
assert(math.type(1) == "integer" and math.type(1.0) == "float" and math.tointeger(3.0) == 3)
assert(0x10 == 16 and 1e3 == 1000 and 3 | 4 ~ 1 == 7 and 2 ^ 10 == 1024.0 and math.maxinteger + 1 == math.mininteger)

math.randomseed(42)
local sample = {}
for i = 1, math.min(5, #durations) do sample[i] = durations[math.random(#durations)] end
return {
  count = #durations, mean = mean(durations), p50 = percentile(durations, 50), p95 = percentile(durations, 95),
  deviation = deviation(durations), sampled = #sample, digits = ("%.2f"):format(math.pi),
}
