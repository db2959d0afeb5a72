-- Credits of each workflow of each project over ninety days, the dearest first.
local c = app.integrations.circleci
local org = args.org or "gh/example-org"
local window = args.window or "last-90-days"

local slugs = {}
for project in flow.each(c.list_projects, { org_slug = org }) do
  slugs[#slugs + 1] = project.slug
end

local per_project = flow.map(slugs, function(slug, index)
  local rows = {}
  for workflow in flow.each(c.list_workflow_metrics, { project_slug = slug, reporting_window = window }) do
    local m = workflow.metrics
    rows[#rows + 1] = {
      order = index,
      project = slug,
      workflow = workflow.name,
      credits = m.total_credits_used or 0,
      runs = m.total_runs,
      per_run = m.total_runs > 0 and (m.total_credits_used or 0) / m.total_runs or 0,
    }
  end
  return rows
end)

local all = {}
for _, rows in ipairs(per_project) do
  for _, row in ipairs(rows) do all[#all + 1] = row end
end
table.sort(all, function(a, b)
  if a.credits == b.credits then return a.workflow < b.workflow end
  return a.credits > b.credits
end)

local total = 0
for _, row in ipairs(all) do total = total + row.credits end
for rank = 1, math.min(#all, tonumber(args.top) or 10) do
  local row = all[rank]
  local share = total > 0 and row.credits / total * 100 or 0
  print(("%2d. %-30s %-20s %8.0f %5.1f%%"):format(rank, row.project, row.workflow, row.credits, share))
end
return { total = total, rows = all }
