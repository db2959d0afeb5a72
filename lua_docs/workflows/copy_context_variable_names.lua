#!/usr/bin/env -S kosmo integrations:lua
--- Give one context the variables that another one has, by name; values stay a placeholder until someone fills them in.
--
--   kosmo run --workflow copy_context_variable_names --arg from=production --arg to=staging --plan names.plan
--
-- CircleCI never gives a value out. What is there already stays as it is, so a second start adds nothing.
-- Rows: one for each variable of the context that is read, with `result` = "added" or "kept".
-- @arg project      string = @here.project_slug  A project of the organization that has the contexts.
-- @arg from         string = production          Name of the context to read.
-- @arg to           string = staging             Name of the context to fill; made if there is none.
-- @arg placeholder  string = TODO                Value of the new variables.
-- @writes create_context, upsert_context_env_var
local circleci = app.integrations.circleci
local org = circleci.get_project({ project_slug = args.project }).organization_slug
if args.from == args.to then error("from and to are both '" .. args.to .. "'; name two contexts", 0) end

--- The contexts of the organization, by name.
local contexts = {}
for context in flow.each(circleci.list_contexts, { owner_slug = org }) do contexts[context.name] = context end

local function names_in(context)
  local names, set = {}, {}
  for variable in flow.each(circleci.list_context_env_vars, { context_id = context.id }) do
    names[#names + 1], set[variable.variable] = variable.variable, true
  end
  table.sort(names)
  return names, set
end

local source = contexts[args.from]
  or error(org .. " has no context '" .. args.from .. "'. Name another: --arg from=…", 0)
local target, present = contexts[args.to], {}
if target then
  present = select(2, names_in(target))
else
  target = circleci.create_context({ name = args.to, owner = { slug = org, type = "organization" } })
end

local rows = flow.map(names_in(source), function(name)
  if present[name] then return { context = args.to, variable = name, result = "kept" } end
  circleci.upsert_context_env_var({ context_id = target.id, env_var_name = name, value = args.placeholder })
  return { context = args.to, variable = name, result = "added" }
end)

local lines = {}
for index, row in ipairs(rows) do lines[index] = row.result .. "  " .. row.variable end
if #rows == 0 then lines[1] = args.from .. " has no variables" end
return view(rows, table.concat(lines, "\n"))
