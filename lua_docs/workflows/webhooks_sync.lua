#!/usr/bin/env -S kosmo integrations:lua
--- One webhook for every project of an organization: creates what is missing, updates what differs, leaves the rest.
--
--   kosmo run --workflow webhooks_sync --plan p --arg url=https://ci.acme.com/hook --arg-env secret=HOOK_SECRET
--   kosmo run --workflow webhooks_sync --apply p --arg url=https://ci.acme.com/hook --arg-env secret=HOOK_SECRET
--
-- A project's webhook is the one of that name, else the one of that url; no other is touched, and none is deleted. So
-- a second run changes nothing. CircleCI never shows a signing secret: to give existing webhooks a new one, say
-- --arg new_secret=yes, and all of them are updated. Give the secret with --arg-env or --arg-file, which keep it out of
-- the process list; it is masked in all that leaves the process.
-- Exit code 1 where a project refused; the others are done, and a second run does what is left.
-- Returns {{project, status, changes, webhook, error}, …}; status is created, updated, unchanged or failed.
-- @arg url        string                          Where the webhook sends to; https.
-- @arg secret     string                          The secret that signs each delivery.
-- @arg org        string?                         The organization, such as gh/acme; without it that of this checkout.
-- @arg projects   string?                         Only projects whose slug matches this regex.
-- @arg name       string  = kosmo                 The webhook's name.
-- @arg events     json    = ["workflow-completed"]  What it is told about: workflow-completed, job-completed.
-- @arg verify_tls boolean = true                  Whether the certificate of the url is verified.
-- @arg new_secret boolean = false                 Whether webhooks that exist get the secret too.
-- @writes create_webhook, update_webhook
local circleci = app.integrations.circleci

local EVENTS = { ["workflow-completed"] = true, ["job-completed"] = true }
if not args.url:match("^https://[^/%s]") then error("The url must begin with https://, got " .. args.url, 0) end
if args.secret == "" then error("The secret is empty. Is the variable of --arg-env set?", 0) end
if type(args.events) ~= "table" or #args.events == 0 then
  error('events must be a list, such as ["workflow-completed"]', 0)
end
for _, event in ipairs(args.events) do
  if not EVENTS[event] then
    error("There is no event '" .. tostring(event) .. "', only workflow-completed and job-completed", 0)
  end
end

local function organization()
  if args.org then return args.org end
  local ok, here = pcall(circleci.here)   -- an error outside of a git checkout
  local slug = ok and here.project_slug or ""
  return slug:match("^(.+)/[^/]+$")
    or error("Which organization? Say --arg org=gh/acme, or run this in a checkout of one of its projects.", 0)
end

--- The project's webhook of that name, else that of that url.
local function existing(project_id)
  local same_url
  for webhook in flow.each(circleci.list_webhooks, { scope_id = project_id, scope_type = "project" }) do
    if webhook.name == args.name then return webhook end
    if webhook.url == args.url then same_url = webhook end
  end
  return same_url
end

local function as_set(events)
  local sorted = table.move(events, 1, #events, 1, {})
  table.sort(sorted)
  return table.concat(sorted, " ")
end

--- What has to change, as arguments of update_webhook, and the names of it.
local function differences(webhook)
  local changes, names = { webhook_id = webhook.id }, {}
  local function want(name, current, wanted)
    if current ~= wanted then changes[name], names[#names + 1] = args[name], name end
  end
  want("name", webhook.name, args.name)
  want("url", webhook.url, args.url)
  want("events", as_set(webhook.events), as_set(args.events))
  want("verify_tls", webhook["verify-tls"], args.verify_tls)
  if args.new_secret then
    changes.signing_secret, names[#names + 1] = args.secret, "signing_secret"
  end
  return changes, names
end

local function sync(slug)
  local project_id = circleci.get_project({ project_slug = slug }).id
  local webhook = existing(project_id)
  if webhook == nil then
    webhook = circleci.create_webhook({
      name = args.name, url = args.url, events = args.events, verify_tls = args.verify_tls,
      signing_secret = args.secret, scope_id = project_id, scope_type = "project",
    })
    return { project = slug, status = "created", webhook = webhook.id }
  end
  local changes, names = differences(webhook)
  if #names == 0 then return { project = slug, status = "unchanged", webhook = webhook.id } end
  circleci.update_webhook(changes)
  return { project = slug, status = "updated", changes = table.concat(names, ", "), webhook = webhook.id }
end

local org = organization()
local slugs = {}
for project in flow.each(circleci.list_projects, { org_slug = org }) do
  if args.projects == nil or regex.match(project.slug, args.projects) then slugs[#slugs + 1] = project.slug end
end
if #slugs == 0 then
  local which = args.projects and " whose slug matches " .. args.projects or ""
  error("You follow no project of " .. org .. which .. ".", 0)
end

local rows, count = json.array(), { created = 0, updated = 0, unchanged = 0, failed = 0 }
for index, answer in ipairs(flow.map(slugs, sync, { errors = "collect" })) do
  if not answer.ok and answer.error.type == "permission" then error(answer.error, 0) end   -- it concerns them all
  local row = answer.value or { project = slugs[index], status = "failed", error = tostring(answer.error) }
  rows[index], count[row.status] = row, count[row.status] + 1
end

local headline = ("Webhooks of %s: %d created, %d updated, %d unchanged, %d failed"):format(
  org, count.created, count.updated, count.unchanged, count.failed)
local columns = { "project", "status" }
if count.updated > 0 then columns[#columns + 1] = "changes" end
if count.failed > 0 then columns[#columns + 1] = "error" end
local report = view(rows, headline .. "\n\n" .. text.table(rows, columns))
if count.failed > 0 then exit(1, report) end
return report
