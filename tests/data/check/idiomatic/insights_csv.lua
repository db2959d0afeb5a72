-- Job durations of a workflow as CSV text, made by hand.
local circleci = app.integrations.circleci
local project, workflow = args.project or "gh/example-org/example-repo", args.workflow or "build-and-test"

local function quote(value)
  local text = value == nil and "" or tostring(value)
  if text:find('[,"\n]') then text = '"' .. text:gsub('"', '""') .. '"' end
  return text
end

local header = { "name", "runs", "failed", "median_s", "p95_s", "throughput" }
local out = { table.concat(header, ",") }

for job in flow.each(circleci.list_workflow_job_metrics, {
  project_slug = project,
  workflow_name = workflow,
  reporting_window = "last-30-days",
}) do
  local metrics = job.metrics
  local duration = metrics.duration_metrics
  local cells = {
    job.name,
    metrics.total_runs,
    metrics.failed_runs,
    duration.median,
    duration.p95,
    metrics.throughput,
  }
  for i = 1, #header do cells[i] = quote(cells[i]) end
  out[#out + 1] = table.concat(cells, ",")
end
return table.concat(out, "\n")
