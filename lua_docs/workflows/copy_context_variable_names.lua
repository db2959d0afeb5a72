#!/usr/bin/env -S kosmo integrations:lua
-- Give one context the variables another one has, by name. CircleCI never gives values out, so the new ones
-- hold a placeholder until somebody fills them in; variables that are there already stay as they are.
--   kosmo integrations:lua copy_context_variable_names.lua --force \
--     --arg from=context-uuid --arg to=new-context --arg org=gh/example-org --arg placeholder=TODO
-- from           id of the context to read (default: the documentation's example)
-- to             name of the context to fill (default staging); it is created if org has none of that name
-- org            slug of the organization both belong to (default: the documentation's example)
-- placeholder    value of the new variables (default TODO)
-- dry=yes        only say what would be done
-- Returns {context, created = {name, …}, kept = {name, …}}.
-- Needs write permission for create_context and upsert_context_env_var (--force, or the configuration).
local circleci = app.integrations.circleci
local from, to = args.from or "context-uuid", args.to or "staging"
local org, placeholder = args.org or "gh/example-org", args.placeholder or "TODO"
local dry = args.dry == "yes"

local function names_in(context_id)
  local names, set = {}, {}
  for variable in flow.each(circleci.list_context_env_vars, { context_id = context_id }) do
    names[#names + 1], set[variable.variable] = variable.variable, true
  end
  table.sort(names)
  return names, set
end

local function find(name)
  for context in flow.each(circleci.list_contexts, { owner_slug = org }) do
    if context.name == name then return context end
  end
end

local wanted = names_in(from)
local target = find(to)
local present = {}
if target then
  if target.id == from then error("'" .. to .. "' is the context to read itself", 0) end
  present = select(2, names_in(target.id))
elseif not dry then
  target = circleci.create_context({ name = to, owner = { slug = org, type = "organization" } })
  print("created the context " .. to)
end

local missing, kept = json.array(), json.array()
for _, name in ipairs(wanted) do
  local list = present[name] and kept or missing
  list[#list + 1] = name
end
if not dry then
  flow.map(missing, function(name)
    circleci.upsert_context_env_var({ context_id = target.id, env_var_name = name, value = placeholder })
  end)
end
for _, name in ipairs(missing) do print((dry and "would add " or "added ") .. name .. " to " .. to) end
for _, name in ipairs(kept) do print("kept " .. name) end
return { context = target and target.id, created = missing, kept = kept }
