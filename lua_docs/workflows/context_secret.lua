#!/usr/bin/env -S kosmo integrations:lua
--- Put a variable into a context and list the names that are there; it is taken out again unless it is to be kept.
--
--   kosmo run --workflow context_secret --arg context=production --arg name=API_KEY --arg-env value=API_KEY --arg keep=true
--
-- --arg-env reads the value from a variable of the environment: other users of the machine can see a command line.
-- The value is masked in all output. The result is {context, names = {…}, kept}.
-- @arg project  string  = @here.project_slug  A project of the organization that has the context.
-- @arg context  string  = production          Name of the context.
-- @arg name     string  = KOSMO_EXAMPLE       Name of the variable.
-- @arg value    string  = example-secret      Its value.
-- @arg keep     boolean = false               Leave it in the context.
-- @writes upsert_context_env_var, delete_context_env_var
local circleci = app.integrations.circleci

local function find_context(name)
  local org = circleci.get_project({ project_slug = args.project }).organization_slug
  for context in flow.each(circleci.list_contexts, { owner_slug = org }) do
    if context.name == name then return context end
  end
  error(org .. " has no context '" .. name .. "'. Name another: --arg context=…", 0)
end

local function names_in(context)
  local names = json.array()
  for variable in flow.each(circleci.list_context_env_vars, { context_id = context.id }) do
    names[#names + 1] = variable.variable
  end
  table.sort(names)
  return names
end

local context = find_context(args.context)
local before = names_in(context)
for _, name in ipairs(before) do
  -- Its value cannot be read, so it could not be put back.
  if name == args.name and not args.keep then
    error("the context has " .. name .. " already, and taking it out would lose it; replace it with --arg keep=true", 0)
  end
end

circleci.upsert_context_env_var({ context_id = context.id, env_var_name = args.name, value = args.value })
local names = names_in(context)
if not args.keep then circleci.delete_context_env_var({ context_id = context.id, env_var_name = args.name }) end
return view({ context = context.name, names = names, kept = args.keep },
  context.name .. " has " .. table.concat(names, ", ") .. (args.keep and "" or "; " .. args.name .. " was taken out again"))
