#!/usr/bin/env -S kosmo integrations:lua
-- Put a secret into a context, check that it is there, and optionally take it out again.
--   --arg context=context-uuid   --arg name=API_KEY   --arg value=…   --arg keep=yes
local circleci = app.integrations.circleci
local context_id = args.context or "context-uuid"
local name = args.name or "API_KEY"

circleci.upsert_context_env_var({ context_id = context_id, env_var_name = name, value = args.value or "example-secret" })
for _, variable in ipairs(circleci.list_context_env_vars({ context_id = context_id }).items) do
  print(variable.variable)
end
if args.keep ~= "yes" then
  print(circleci.delete_context_env_var({ context_id = context_id, env_var_name = name }).message)
end
