#!/usr/bin/env -S kosmo integrations:lua
--- The slowest jobs of a project, with their credits, and whether they became slower.
--
--   kosmo run --workflow slow_jobs --arg project=gh/acme/web --arg by=p95_s --arg top=5
--
-- The figures are CircleCI's own (insights), refreshed once a day. trend_percent compares the mean duration with that
-- of the time before the window; it is absent where a job did not run then, and for 90 days, the longest window.
-- Returns {{workflow, job, runs, success_rate, median_s, mean_s, p95_s, trend_percent, credits}, …}.
-- @arg project  string  = @here.project_slug  The project's slug.
-- @arg window   string  = last-30-days        The time looked at: last-24-hours, last-7-days, -30-, -60- or -90-days.
-- @arg branch   string?                       Only this branch; without it all branches count.
-- @arg workflow string?                       Only this workflow.
-- @arg by       string  = median_s            What "slow" means: median_s, mean_s, p95_s or credits.
-- @arg top      integer = 20                  How many jobs to name; 0 names all.
-- @writes none
local circleci = app.integrations.circleci

-- Insights answer for some windows only, all of which end today. What was before a window is what a longer one has
-- more: its runs and its time, less those of the window itself.
local LONGER = {
  ["last-24-hours"] = "last-7-days",
  ["last-7-days"] = "last-30-days",
  ["last-30-days"] = "last-60-days",
  ["last-60-days"] = "last-90-days",
  ["last-90-days"] = false,
}
local ORDERS = { median_s = true, mean_s = true, p95_s = true, credits = true }

local function one_of(value, values, name)
  if values[value] ~= nil then return end
  local names = {}
  for each in pairs(values) do names[#names + 1] = each end
  table.sort(names)
  error(("%s cannot be '%s'. It is one of: %s"):format(name, value, table.concat(names, ", ")), 0)
end
one_of(args.window, LONGER, "window")
one_of(args.by, ORDERS, "by")

--- What every question about the project has in common. Without a branch insights mean the default branch alone.
local function about(window, workflow)
  return {
    project_slug = args.project, workflow_name = workflow, reporting_window = window,
    branch = args.branch, all_branches = args.branch == nil or nil,
  }
end

local function workflows()
  if args.workflow then return { args.workflow } end
  local names = {}
  for workflow in flow.each(circleci.list_workflow_metrics, about(args.window)) do names[#names + 1] = workflow.name end
  return names
end

--- Job -> its metrics.
local function jobs_of(workflow, window)
  local jobs = {}
  for job in flow.each(circleci.list_workflow_job_metrics, about(window, workflow)) do jobs[job.name] = job.metrics end
  return jobs
end

--- Runs and seconds of a job in a window. The mean is null where nothing ran.
local function totals(metrics)
  return metrics.total_runs, metrics.total_runs * (metrics.duration_metrics.mean or 0)
end

--- By how much the mean changed against the time before the window; nil if the job did not run then.
local function trend(now, longer)
  local runs, seconds = totals(now)
  local all_runs, all_seconds = totals(longer)
  if runs == 0 or all_runs <= runs or all_seconds <= seconds then return nil end
  local before = (all_seconds - seconds) / (all_runs - runs)
  return math.floor((seconds / runs / before - 1) * 100 + 0.5)
end

local function row(workflow, name, now, longer)
  local duration = now.duration_metrics
  return {
    workflow = workflow, job = name, runs = now.total_runs, success_rate = now.success_rate,
    median_s = duration.median, mean_s = duration.mean, p95_s = duration.p95,
    trend_percent = longer and trend(now, longer),
    credits = now.total_credits_used,
  }
end

-- The branches of flow.map run at the same time, and the two questions of each one after the other.
local rows = json.array()
for _, found in ipairs(flow.map(workflows(), function(workflow)
  local now = jobs_of(workflow, args.window)
  local longer = LONGER[args.window] and jobs_of(workflow, LONGER[args.window]) or {}
  local jobs = {}
  for name, figures in pairs(now) do jobs[#jobs + 1] = row(workflow, name, figures, longer[name]) end
  return jobs
end)) do
  table.move(found, 1, #found, #rows + 1, rows)
end

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
