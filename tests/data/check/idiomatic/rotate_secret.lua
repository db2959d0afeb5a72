-- Put a new value into every context that holds a variable of this name.
local circleci = app.integrations.circleci
local name = args.name or "DEPLOY_TOKEN"
local value = args.value or error("--arg-env value=VARIABLE gives the new value", 0)
local dry = args.dry == "yes"

local targets = {}
for context in flow.each(circleci.list_contexts, { owner_slug = args.org or "gh/example-org" }) do
  for variable in flow.each(circleci.list_context_env_vars, { context_id = context.id }) do
    if variable.variable == name then
      targets[#targets + 1] = { context = context, changed = variable.updated_at }
      break
    end
  end
end
if #targets == 0 then
  print("no context has " .. name)
  return {}
end

local results = flow.map(targets, function(target, index)
  local context = target.context
  if dry then return { index = index, context = context.name, done = false } end
  local answer = circleci.upsert_context_env_var({ context_id = context.id, env_var_name = name, value = value })
  return { index = index, context = context.name, done = answer.updated_at ~= target.changed, at = answer.updated_at }
end)
for _, result in ipairs(results) do
  print(("%d. %s: %s"):format(result.index, result.context, result.done and "rotated" or "left"))
end
return results
