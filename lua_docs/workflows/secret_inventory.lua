#!/usr/bin/env -S kosmo integrations:lua
--- Every secret of an organization: where each variable is kept, how old it is, and who may use it. Never a value.
--
--   kosmo run --workflow secret_inventory --arg org=gh/acme --arg name='^AWS_'
--   kosmo run --workflow secret_inventory --arg org=gh/acme --format csv > secrets.csv
--
-- The variables of contexts, with the restrictions of each context, and those of the projects that you follow. What
-- cannot be read is named on stderr, and the report says how much is missing.
-- who_may_use: restrictions of one kind add up with "or", the kinds with "and"; without any it is everyone who may
-- build in the organization. changed_at is when the value was last set: the age of the secret.
-- Returns {{variable, kind, place, who_may_use, restricted, changed_at, age_days}, …}; kind is context or project.
-- @arg org      string?         The organization, such as gh/acme; without it that of this folder's git checkout.
-- @arg name     string?         Only variables whose name matches this regex.
-- @arg projects boolean = true  Whether to look at the variables of projects too.
-- @writes none
local circleci = app.integrations.circleci

local function counted(number, noun)
  return number .. " " .. noun .. (number == 1 and "" or "s")
end

local function organization()
  if args.org then return args.org end
  local ok, here = pcall(circleci.here)   -- an error outside of a git checkout
  local slug = ok and here.project_slug or ""
  return slug:match("^(.+)/[^/]+$")
    or error("Which organization? Say --arg org=gh/acme, or run this in a checkout of one of its projects.", 0)
end

if args.name then regex.match("", args.name) end   -- a pattern that is wrong is an error here, and not in each place

local function matches(name)
  return args.name == nil or regex.match(name, args.name) ~= nil
end

--- The variables of a context: {name, updated_at}. API v3 has every page; a CircleCI Server has v2 alone, whose list
-- ends with the first page.
local function variables_of(context)
  local variables = {}
  local ok, rows = pcall(flow.all, circleci.list_context_env_vars_v3, { context_id = context.id, limit = 250 })
  if ok then
    for index, row in ipairs(rows) do variables[index] = row.attributes end
    return variables
  end
  for row in flow.each(circleci.list_context_env_vars, { context_id = context.id }) do
    variables[#variables + 1] = { name = row.variable, updated_at = row.updated_at }
  end
  return variables
end

--- Who may use a context, and whether that is less than everyone.
local function who_may_use(context, org_id)
  local names, kinds = {}, {}   -- project, group or expression -> what it is restricted to
  for restriction in flow.each(circleci.list_context_restrictions, { context_id = context.id }) do
    local kind, value = restriction.restriction_type, restriction.restriction_value
    if value ~= org_id then   -- the group that is the organization itself is everyone in it
      if not names[kind] then names[kind], kinds[#kinds + 1] = {}, kind end
      table.insert(names[kind], kind == "expression" and value or restriction.name or value)
    end
  end
  if #kinds == 0 then return "everyone", false end
  table.sort(kinds)
  local parts = {}
  for index, kind in ipairs(kinds) do
    table.sort(names[kind])
    parts[index] = kind .. " " .. table.concat(names[kind], " or ")
  end
  return table.concat(parts, "; and "), true
end

local now = time.now()
local function row(variable, changed_at, kind, place, who, restricted)
  return {
    variable = variable, kind = kind, place = place, who_may_use = who, restricted = restricted,
    changed_at = changed_at, age_days = changed_at and math.floor((now - time.parse(changed_at)) / 86400),
  }
end

local org = organization()
local org_id = circleci.get_organization({ org_slug_or_id = org }).id

local function of_context(context)
  local rows = {}
  for _, variable in ipairs(variables_of(context)) do
    if matches(variable.name) then
      rows[#rows + 1] = row(variable.name, variable.updated_at, "context", context.name)
    end
  end
  if #rows == 0 then return rows end
  local who, restricted = who_may_use(context, org_id)   -- asked only where there is something to use
  for _, each in ipairs(rows) do each.who_may_use, each.restricted = who, restricted end
  return rows
end

local function of_project(project)
  local rows = {}
  for variable in flow.each(circleci.list_project_env_vars, { project_slug = project.slug }) do
    if matches(variable.name) then
      local changed_at = variable["created-at"]   -- a project's variable is replaced, not changed
      rows[#rows + 1] = row(variable.name, changed_at, "project", project.slug, "the project's own jobs", true)
    end
  end
  return rows
end

local rows, unread, fault = json.array(), 0, nil

--- Add the rows of each place; one that cannot be read stops nothing.
local function look(kind, places, read)
  for index, answer in ipairs(flow.map(places, read, { errors = "collect" })) do
    if answer.ok then
      table.move(answer.value, 1, #answer.value, #rows + 1, rows)
    else
      unread, fault = unread + 1, answer.error
      log(("cannot read the %s %s: %s"):format(kind, places[index].slug or places[index].name, tostring(answer.error)))
    end
  end
end

local contexts = flow.all(circleci.list_contexts, { owner_slug = org })
look("context", contexts, of_context)
local projects = args.projects and flow.all(circleci.list_projects, { org_slug = org }) or {}
look("project", projects, of_project)
if unread > 0 and unread == #contexts + #projects then error(fault, 0) end   -- no secrets is something else

table.sort(rows, function(a, b)
  if a.variable ~= b.variable then return a.variable < b.variable end
  return a.kind .. a.place < b.kind .. b.place
end)

local headline = ("%s in %s and %s of %s"):format(counted(#rows, "variable"), counted(#contexts, "context"),
  counted(#projects, "project"), org)
if args.name then headline = headline .. ", name matching " .. args.name end
if unread > 0 then headline = headline .. "; " .. counted(unread, "place") .. " could not be read" end
if #rows == 0 then return view(rows, headline) end
return view(rows, headline .. "\n\n" .. text.table(rows, { "variable", "kind", "place", "who_may_use", "age_days" }))
