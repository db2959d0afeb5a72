#!/usr/bin/env -S kosmo integrations:lua
-- Which contexts hold a variable of this name, and which projects may use them?
local circleci = app.integrations.circleci

local name = args.name or "AWS_SECRET_ACCESS_KEY"
local owner = args.org or "gh/example-org"

local function variables_of(context)
  local names = {}
  for variable in flow.each(circleci.list_context_env_vars, { context_id = context.id }) do
    names[variable.variable] = variable.updated_at or variable.created_at
  end
  return names
end

local function restrictions_of(context)
  local rows = {}
  for restriction in flow.each(circleci.list_context_restrictions, { context_id = context.id }) do
    rows[#rows + 1] = ("%s:%s"):format(restriction.restriction_type, restriction.name or restriction.restriction_value)
  end
  table.sort(rows)
  return rows
end

local report = {}
for context in flow.each(circleci.list_contexts, { owner_slug = owner, owner_type = "organization" }) do
  local names = variables_of(context)
  if names[name] then
    report[#report + 1] = {
      context = context.name,
      changed = names[name],
      usable_by = restrictions_of(context),
    }
  end
end

table.sort(report, function(a, b) return a.context < b.context end)
for index, row in ipairs(report) do
  local who = #row.usable_by > 0 and table.concat(row.usable_by, ", ") or "everybody"
  print(index, row.context, row.changed, who)
end
return report
