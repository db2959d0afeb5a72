-- The same webhook for every project of an organization; safe to run again.
local circleci = app.integrations.circleci
local url = args.url or "https://example.com/hooks/circleci"
local EVENTS = { "workflow-completed", "job-completed" }

local function contains(list, value)
  for _, each in ipairs(list) do
    if each == value then return true end
  end
  return false
end

local function has_all(list, values)
  for _, value in ipairs(values) do
    if not contains(list, value) then return false end
  end
  return true
end

local function sync(project)
  for webhook in flow.each(circleci.list_webhooks, { scope_id = project.id, scope_type = "project" }) do
    if webhook.url == url then
      if has_all(webhook.events, EVENTS) and webhook["verify-tls"] then return "unchanged", webhook end
      local updated = circleci.update_webhook({ webhook_id = webhook.id, events = EVENTS, verify_tls = true })
      return "updated", updated
    end
  end
  local created = circleci.create_webhook({
    name = "central", url = url, events = EVENTS, verify_tls = true,
    signing_secret = args.secret or "example-secret",
    scope = { id = project.id, type = "project" },
  })
  return "created", created
end

local summary = { unchanged = 0, updated = 0, created = 0 }
for project in flow.each(circleci.list_projects, { org_slug = args.org or "gh/example-org" }) do
  local ok, details = pcall(circleci.get_project, { project_slug = project.slug })
  if ok then
    local what, webhook = sync(details)
    summary[what] = summary[what] + 1
    print(what, details.slug, webhook.id, webhook.name)
  else
    print("skipped", project.slug, details.status, details.message)
  end
end
return summary
