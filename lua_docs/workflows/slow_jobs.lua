#!/usr/bin/env -S kosmo integrations:lua
--- The slowest jobs of a project, with their credits, and whether they became slower.
--
--   kosmo run --workflow slow_jobs --arg project=gh/acme/web --arg by=p95_s --arg top=5
--
-- The figures are CircleCI's own (insights), of one branch, refreshed once a day. trend_percent compares the mean
-- duration with that of a time of the same length before the window; it is absent where the job did not run then, and
-- for last-90-days, as insights do not reach further back.
-- Returns {{workflow, job, runs, success_rate, median_s, mean_s, p95_s, trend_percent, credits}, …}.
-- @arg project  string  = @here.project_slug  The project's slug.
-- @arg window   string  = last-30-days        The time looked at: last-24-hours, last-7-days, -30-, -60- or -90-days.
-- @arg branch   string?                       The branch; without it the default branch.
-- @arg workflow string?                       Only this workflow.
-- @arg by       string  = median_s            What "slow" means: median_s, mean_s, p95_s or credits.
-- @arg top      integer = 20                  How many jobs to name; 0 names all.
-- @writes none
local circleci = app.integrations.circleci

local DAY = 86400
local REACH = 90   -- days that insights look back
local DAYS = {
  ["last-24-hours"] = 1, ["last-7-days"] = 7, ["last-30-days"] = 30, ["last-60-days"] = 60, ["last-90-days"] = 90,
}
local ORDERS = { median_s = true, mean_s = true, p95_s = true, credits = true }

local function expect_one_of(name, values)
  if values[args[name]] then return end
  local names = {}
  for each in pairs(values) do names[#names + 1] = each end
  table.sort(names)
  error(("%s cannot be '%s'. It is one of: %s"):format(name, args[name], table.concat(names, ", ")), 0)
end
expect_one_of("window", DAYS)
expect_one_of("by", ORDERS)

--- A question about the project, with what is common to all of them.
local function about(question)
  question.project_slug, question.branch = args.project, args.branch
  return question
end

local function workflows()
  if args.workflow then return { args.workflow } end
  local names = {}
  for workflow in flow.each(circleci.list_workflow_metrics, about({ reporting_window = args.window })) do
    names[#names + 1] = workflow.name
  end
  return names
end

--- Job -> its mean duration in the time before the window.
local function means_before(workflow)
  local now, days = time.now(), DAYS[args.window]
  if days >= REACH then return {} end
  local runs, seconds, means = {}, {}, {}
  for point in flow.each(circleci.get_workflow_job_timeseries, about({
    workflow_name = workflow, granularity = "daily",
    start_date = time.format(now - math.min(2 * days, REACH) * DAY), end_date = time.format(now - days * DAY),
  })) do
    local name, metrics = point.name, point.metrics
    runs[name] = (runs[name] or 0) + metrics.total_runs
    seconds[name] = (seconds[name] or 0) + metrics.duration_metrics.total
  end
  for name, count in pairs(runs) do
    if count > 0 and seconds[name] > 0 then means[name] = seconds[name] / count end
  end
  return means
end

local function rows_of(workflow)
  local rows, before = {}, means_before(workflow)
  local question = about({ workflow_name = workflow, reporting_window = args.window })
  for job in flow.each(circleci.list_workflow_job_metrics, question) do
    local metrics, duration = job.metrics, job.metrics.duration_metrics   -- the durations are null where nothing ran
    local earlier = duration.mean and before[job.name]
    rows[#rows + 1] = {
      workflow = workflow, job = job.name, runs = metrics.total_runs, success_rate = metrics.success_rate,
      median_s = duration.median, mean_s = duration.mean, p95_s = duration.p95,
      trend_percent = earlier and math.floor((duration.mean / earlier - 1) * 100 + 0.5),
      credits = metrics.total_credits_used,
    }
  end
  return rows
end

local rows = json.array()
for _, found in ipairs(flow.map(workflows(), rows_of)) do table.move(found, 1, #found, #rows + 1, rows) end

table.sort(rows, function(a, b)
  local left, right = a[args.by] or 0, b[args.by] or 0
  if left ~= right then return left > right end
  return a.workflow .. " " .. a.job < b.workflow .. " " .. b.job
end)
if args.top > 0 then
  for index = #rows, args.top + 1, -1 do rows[index] = nil end
end

local where = args.project .. (args.branch and " on " .. args.branch or "") .. ", " .. args.window:gsub("%-", " ")
if #rows == 0 then return view(rows, "No job has run to its end in " .. where .. ".") end
local columns = { "workflow", "job", "runs", "median_s", "p95_s", "trend_percent", "credits" }
return view(rows, "Slowest jobs of " .. where .. "\n\n" .. text.table(rows, columns))
