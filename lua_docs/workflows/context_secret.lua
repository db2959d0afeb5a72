#!/usr/bin/env -S kosmo integrations:lua
-- Put a variable into a context, show the names that are there, and take it out again unless told to keep it.
--   kosmo integrations:lua context_secret.lua --force --arg context=context-uuid --arg name=API_KEY --arg value=… --arg keep=yes
-- context   id of the context (default: the documentation's example)
-- name      name of the variable (default API_KEY)
-- value     its value (default: an example). Other users of the machine may see command lines; a program that
--           embeds the bridge passes it in `args` instead. It is masked in everything the run puts out.
-- keep=yes  leave the variable in the context
-- Returns {names = {…}, kept = true or false}.
-- Needs write permission for upsert_context_env_var and delete_context_env_var (--force, or the configuration).
local circleci = app.integrations.circleci
local context_id = args.context or "context-uuid"
local name = args.name or "API_KEY"

circleci.upsert_context_env_var({ context_id = context_id, env_var_name = name, value = args.value or "example-secret" })
local names = {}
for variable in flow.each(circleci.list_context_env_vars, { context_id = context_id }) do
  print(variable.variable)
  names[#names + 1] = variable.variable
end
if args.keep ~= "yes" then
  print(circleci.delete_context_env_var({ context_id = context_id, env_var_name = name }).message)
end
return { names = names, kept = args.keep == "yes" }
