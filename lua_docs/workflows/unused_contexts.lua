#!/usr/bin/env -S kosmo integrations:lua
--- The contexts of an organization that no recent pipeline names, and the empty ones: what could be deleted.
--
--   kosmo run --workflow unused_contexts --arg org=gh/acme --arg pipelines=5
--
-- Looks for `context:` in the compiled configurations of the newest pipelines of every project that you follow. What
-- it cannot see: projects that you do not follow, older pipelines, and branches that did not build lately. So it tells
-- what to look at, and deletes nothing; delete_context also deletes the values, which cannot be read back.
-- Takes a request for each project, one for each of the pipelines looked at, and one for each context.
-- Returns {{context, id, reason, variables, changed_at, age_days}, …}; changed_at is when a variable last changed.
-- @arg org       string?       The organization, such as gh/acme; without it that of this folder's git checkout.
-- @arg pipelines integer = 3   How many of the newest pipelines of each project to look at.
-- @writes none
local circleci = app.integrations.circleci
if args.pipelines < 1 then error("pipelines must be 1 or more: without any, every context looks unused", 0) end

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

-- The three ways to write it in YAML: `context: name`, `context: [a, "b c"]`, and a line for each below `context:`.
local USES = [=[\bcontext:[ \t]*(?:\[(?<list>[^\]]*)\]|(?<one>[^\s\[#,}][^\n#,}]*)|]=]
  .. [=[(?:#[^\n]*)?(?<lines>\n(?<indent>[ \t]*)-[^\n]*(?:\n\k<indent>-[^\n]*)*))]=]

--- Add a name to a set, without the blanks, the comment and the quotes around it.
local function add(used, name)
  local bare = regex.gsub(name, [[^\s+|\s+#.*$|\s+$]], "")
  used[regex.gsub(bare, [[^(["'])(.*)\1$]], "$2")] = true
end

--- Add the names of the contexts in a configuration to the set `used`.
local function collect_names(config, used)
  for _, match in ipairs(regex.match_all(config, USES)) do
    if match.one then add(used, match.one) end
    for name in (match.list or ""):gmatch("[^,\n]+") do add(used, name) end
    for name in (match.lines or ""):gmatch("%-%s*([^\n]+)") do add(used, name) end
  end
end

--- The names of the contexts that the newest pipelines of a project use, as a set.
local function names_in(project)
  local used = {}
  local request = { project_slug = project.slug }
  for pipeline in flow.each(circleci.list_project_pipelines, request, { max_items = args.pipelines }) do
    local config = circleci.get_pipeline_config({ pipeline_id = pipeline.id })
    -- A refused configuration was not compiled; a setup workflow (dynamic configuration) has one of its own.
    for _, part in ipairs({ config.compiled or "", config.source or "", config["compiled-setup-config"] or "" }) do
      collect_names(part, used)
    end
  end
  return used
end

--- When each variable of a context was last set. API v3 has every page, v2 (a CircleCI Server) only the first.
local function changes_of(context)
  local times = {}
  local ok, rows = pcall(flow.all, circleci.list_context_env_vars_v3, { context_id = context.id, limit = 250 })
  if ok then
    for index, row in ipairs(rows) do times[index] = row.attributes.updated_at end
    return times
  end
  for row in flow.each(circleci.list_context_env_vars, { context_id = context.id }) do
    times[#times + 1] = row.updated_at
  end
  return times
end

local org = organization()
local contexts = flow.all(circleci.list_contexts, { owner_slug = org })
local projects = flow.all(circleci.list_projects, { org_slug = org })
if #projects == 0 then error("You follow no project of " .. org .. ", so nothing tells which contexts are used.", 0) end

local answers = flow.map(projects, names_in, { errors = "collect" })
local used, unread = {}, 0
for index, answer in ipairs(answers) do
  if answer.ok then
    for name in pairs(answer.value) do used[name] = true end
  else
    unread = unread + 1
    log("cannot read " .. projects[index].slug .. ": " .. tostring(answer.error))
  end
end
if unread == #projects then error(answers[1].error, 0) end   -- or every context would look unused

local now = time.now()
local function judged(context)
  local ok, times = pcall(changes_of, context)
  if not ok then
    log("cannot read the variables of " .. context.name .. ": " .. tostring(times))
    times = {}
  end
  local reason = not used[context.name] and "no pipeline names it" or ok and #times == 0 and "has no variables"
  if not reason then return {} end
  table.sort(times)   -- of one form, so they sort as text
  local changed_at = times[#times] or context.created_at
  return { {
    context = context.name, id = context.id, reason = reason, variables = ok and #times or nil,
    changed_at = changed_at, age_days = math.floor((now - time.parse(changed_at)) / 86400),
  } }
end

local rows = json.array()
for _, found in ipairs(flow.map(contexts, judged)) do table.move(found, 1, #found, #rows + 1, rows) end
table.sort(rows, function(a, b) return a.context < b.context end)

local headline = ("Unused: %d of %s of %s, by the newest %s of %s"):format(#rows, counted(#contexts, "context"), org,
  counted(args.pipelines, "pipeline"), counted(#projects - unread, "project"))
if unread > 0 then
  headline = headline .. "\nWhat they use may be among these: " .. counted(unread, "project") .. " could not be read"
end
if #rows == 0 then return view(rows, headline) end
return view(rows, headline .. "\n\n" .. text.table(rows, { "context", "reason", "variables", "age_days", "id" }))
