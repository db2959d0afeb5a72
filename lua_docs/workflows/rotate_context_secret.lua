#!/usr/bin/env -S kosmo integrations:lua
--- Give a variable a new value in every context of an organization that has it.
--
--   kosmo run --workflow rotate_context_secret --plan p --arg org=gh/acme --arg name=NPM_TOKEN --arg-env value=NEW
--   kosmo run --workflow rotate_context_secret --apply p --arg org=gh/acme --arg name=NPM_TOKEN --arg-env value=NEW
--
-- Give the value with --arg-env value=VARIABLE or --arg-file value=FILE: a command line can be read by other users of
-- the machine. It is masked in all that leaves the process. A context that lacks the variable does not get it, and
-- running it again leaves everything as it is, so after a failure simply run it again; one context that refuses does
-- not stop the others. It does not delete: a value that is gone from everywhere cannot be brought back.
-- Exit code 1 where a context refused. Returns {{context, id, variable, status, changed_at, error}, …}; status is
-- rotated or failed.
-- @arg org      string?  The organization, such as gh/acme; without it that of this folder's git checkout.
-- @arg name     string   Name of the variable, exactly.
-- @arg value    string   Its new value.
-- @arg contexts string?  Only contexts whose name matches this regex.
-- @writes upsert_context_env_var
local circleci = app.integrations.circleci
if args.value == "" then error("The new value is empty. Is the variable of --arg-env set?", 0) end

local function organization()
  if args.org then return args.org end
  local ok, here = pcall(circleci.here)   -- an error outside of a git checkout
  local slug = ok and here.project_slug or ""
  return slug:match("^(.+)/[^/]+$")
    or error("Which organization? Say --arg org=gh/acme, or run this in a checkout of one of its projects.", 0)
end

--- Whether a context of a CircleCI Server has the variable. It has API v2 alone, whose list ends with the first page.
local function has_variable_v2(context)
  local page = circleci.list_context_env_vars({ context_id = context.id })
  for _, row in ipairs(page.items) do
    if row.variable == args.name then return true end
  end
  if page.next_page_token then log(context.name .. " has more variables than API v2 tells: look there yourself") end
  return false
end

local NO_V3 = { [401] = true, [404] = true, [410] = true }

--- Whether a context has the variable.
local function has_variable(context)
  local ok, rows = pcall(flow.all, circleci.list_context_env_vars_v3, { context_id = context.id, limit = 250 })
  if not ok then
    if NO_V3[rows.status] then return has_variable_v2(context) end
    error(rows, 0)
  end
  for _, row in ipairs(rows) do
    if row.attributes.name == args.name then return true end
  end
  return false
end

local org = organization()
local contexts = {}
for context in flow.each(circleci.list_contexts, { owner_slug = org }) do
  if args.contexts == nil or regex.match(context.name, args.contexts) then contexts[#contexts + 1] = context end
end

-- All reads come first: if a context cannot be read, nothing has been written, and the error says so.
local places = {}
for index, has in ipairs(flow.map(contexts, has_variable)) do
  if has then places[#places + 1] = contexts[index] end
end
if #places == 0 then
  error(("No context of %s has a variable %s (looked at: %d). See `kosmo run --workflow secret_inventory`."):format(
    org, args.name, #contexts), 0)
end

local rows, failed = json.array(), 0
for index, answer in ipairs(flow.map(places, function(context)
  local request = { context_id = context.id, env_var_name = args.name, value = args.value }
  return circleci.upsert_context_env_var(request).updated_at
end, { errors = "collect" })) do
  local context = places[index]
  if not answer.ok and answer.error.type == "permission" then error(answer.error, 0) end   -- it concerns them all
  rows[index] = {
    context = context.name, id = context.id, variable = args.name, status = answer.ok and "rotated" or "failed",
    changed_at = answer.value, error = not answer.ok and tostring(answer.error) or nil,
  }
  if not answer.ok then failed = failed + 1 end
end

local headline = ("%s of %s has its new value in %d of %d context%s"):format(
  args.name, org, #rows - failed, #rows, #rows == 1 and "" or "s")
local columns = { "context", "status", "changed_at", failed > 0 and "error" or nil }
local report = view(rows, headline .. "\n\n" .. text.table(rows, columns))
if failed > 0 then exit(1, report) end
return report
