#!/usr/bin/env -S kosmo integrations:lua
--- Credits of a project's workflows against last month's, for a spreadsheet, a pull request or a screen.
-- @arg project  string   The project's slug.
-- @arg before   string?  Last month's CSV: workflow,credits.
-- @arg as       string = screen
-- @writes none
local circleci = app.integrations.circleci

local function by_name(rows)
  local index = {}
  for _, row in ipairs(rows) do index[row.workflow] = tonumber(row.credits) or 0 end
  return index
end

local before = args.before and by_name(csv.decode(args.before)) or {}

local rows = json.array()
for _, metric in ipairs(flow.all(circleci.list_workflow_metrics, {project_slug = args.project})) do
  local credits = metric.metrics.total_credits_used
  rows[#rows + 1] = {
    workflow = metric.name,
    credits = credits,
    change = credits - (before[metric.name] or credits),
    share = ("%.1f %%"):format(100 * metric.metrics.success_rate),
  }
end
table.sort(rows, function(a, b) return a.credits > b.credits end)

if #rows == 0 then return view(rows, "No workflow ran.") end

local COLUMNS <const> = {"workflow", "credits", "change", "share"}
local layouts = {
  screen = text.table,
  csv = csv.encode,
  markdown = function(list, columns) return "## Credits\n\n" .. text.markdown(list, columns) end,
}
local layout = layouts[args.as] or error("as is one of screen, csv, markdown")

local title = time.format(time.parse("1d ago"), "%d %B %Y")
if args.as ~= "csv" then log("until", title) end
exit(rows[1].change > 0 and 3 or 0, view(rows, layout(rows, COLUMNS)))
