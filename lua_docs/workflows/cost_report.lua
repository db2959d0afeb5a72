#!/usr/bin/env -S kosmo integrations:lua
--- The credits that the projects, workflows or jobs of an organization used, the most first.
--
--   kosmo run --workflow cost_report --arg org=gh/acme --arg by=job --arg days=30 --format markdown
--
-- Uses charges of API v3 (experimental, and not on a CircleCI Server). share_percent is the part of all credits that
-- were used in that time, also by what is not shown.
-- Returns {{project, name, credits, runs, credits_per_run, share_percent}, …}; by project without the name.
-- @arg org     string?            The organization, such as gh/acme; without it that of this folder's git checkout.
-- @arg project string?            Only this project, such as gh/acme/web.
-- @arg by      string  = project  What a row is about: project, workflow or job.
-- @arg days    integer = 14       How many days to look back.
-- @arg top     integer = 20       How many rows to show; 0 shows all.
-- @writes none
local circleci = app.integrations.circleci

local ANALYSES = { project = "charge.pipeline", workflow = "charge.workflow", job = "charge.job" }
local analysis = ANALYSES[args.by] or error("by cannot be '" .. args.by .. "'. It is one of: project, workflow, job", 0)
if args.days < 1 then error("days must be 1 or more", 0) end

-- One request may ask about many projects; a list of 500 ids would be a long one.
local PROJECTS_A_REQUEST = 50

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

--- What the report is about, and how to search for its projects.
local function scope()
  if args.project then return args.project, { slug = args.project } end
  local org = organization()
  return org, { org_id = circleci.get_organization({ org_slug_or_id = org }).id, limit = 50 }
end

--- The ids of the projects, and id -> name.
local function projects(search)
  local ids, names = {}, {}
  for project in flow.each(circleci.search_projects, search) do
    ids[#ids + 1], names[project.id] = project.id, project.attributes.name
  end
  return ids, names
end

local function chunks(list, size)
  local parts = {}
  for first = 1, #list, size do
    parts[#parts + 1] = table.move(list, first, math.min(first + size - 1, #list), 1, {})
  end
  return parts
end

--- The rows of an analysis, the most credits first; at most `most` for each chunk of projects.
local function charges(what, ids, most)
  local since = time.format(time.now() - args.days * 86400)
  local rows = {}
  for _, part in ipairs(flow.map(chunks(ids, PROJECTS_A_REQUEST), function(chunk)
    local question = { analysis = what, project_ids = chunk, from = since, order_by = "credits desc", limit = 20 }
    return flow.all(circleci.analyze_charges, question, { max_items = most })
  end)) do
    table.move(part, 1, #part, #rows + 1, rows)
  end
  return rows
end

--- Credits and runs by project: a project has a row for each of its pipelines.
local function totals(rows)
  local totals_by_id, all = {}, 0
  for _, charge in ipairs(rows) do
    local id = charge.references.project.id
    local total = totals_by_id[id] or { credits = 0, runs = 0 }
    total.credits, total.runs = total.credits + charge.attributes.credits, total.runs + charge.attributes.runs
    totals_by_id[id], all = total, all + charge.attributes.credits
  end
  return totals_by_id, all
end

local subject, search = scope()
local ids, names = projects(search)
if #ids == 0 then error("There is no project " .. (args.project or "of " .. subject) .. " that this token sees.", 0) end

local most = args.top > 0 and args.top or nil
local by_project, all = totals(charges("charge.pipeline", ids))

local function row(project_id, name, credits, runs)
  local share = all > 0 and math.floor(credits / all * 1000 + 0.5) / 10 or 0
  local each = runs > 0 and math.floor(credits / runs * 10 + 0.5) / 10 or 0
  return {
    project = names[project_id] or project_id, name = name, credits = credits, runs = runs,
    credits_per_run = each, share_percent = share,
  }
end

local rows = json.array()
if args.by == "project" then
  for id, total in pairs(by_project) do rows[#rows + 1] = row(id, nil, total.credits, total.runs) end
else
  for _, charge in ipairs(charges(analysis, ids, most)) do
    local cost = charge.attributes
    rows[#rows + 1] = row(charge.references.project.id, cost.name, cost.credits, cost.runs)
  end
end
table.sort(rows, function(a, b)
  if a.credits ~= b.credits then return a.credits > b.credits end
  return a.project .. " " .. (a.name or "") < b.project .. " " .. (b.name or "")
end)
if most then
  for index = #rows, most + 1, -1 do rows[index] = nil end
end

local headline = ("%s: %s in %s, by %s"):format(
  subject, counted(all, "credit"), counted(args.days, "day"), counted(#ids, "project"))
if #rows == 0 then return view(rows, headline) end
local columns = { "project", "credits", "runs", "credits_per_run", "share_percent" }
if args.by ~= "project" then table.insert(columns, 2, "name") end
return view(rows, headline .. "\n\n" .. text.table(rows, columns))
