#!/usr/bin/env -S kosmo integrations:lua
--- Audit an organization: its contexts, secrets, settings, keys, webhooks, runners, OIDC. Findings with a severity.
--
--   kosmo run --workflow org_audit --arg org=gh/acme --arg least=medium
--   kosmo run --workflow org_audit --arg org=gh/acme --arg fail_on=high --format csv > audit.csv   # exit code 1 if any
--
-- The checks are a list of functions below; to add one, write another. What the token may not read is a finding too,
-- "not checked", so that a short report is not mistaken for a good one. A CircleCI Server has no API v3: there the
-- settings of the organization and runners are not checked.
-- Four requests for each project that you follow, two for each context.
-- Returns {{severity, area, subject, finding, advice}, …}; severity is high, medium, low or unknown.
-- @arg org      string?        The organization, such as gh/acme; without it that of this folder's git checkout.
-- @arg max_age  integer = 180  Days after which a secret, a key or a token counts as old.
-- @arg least    string  = low  The least severity to report: low, medium or high.
-- @arg fail_on  string?        Exit with code 1 if there is a finding of this severity, or of a higher one.
-- @writes none
local circleci = app.integrations.circleci

local RANKS = { high = 3, medium = 2, low = 1 }
for _, name in ipairs({ "least", "fail_on" }) do
  local level = args[name]
  if level and not RANKS[level] then
    error(name .. " cannot be '" .. level .. "'. It is one of: low, medium, high", 0)
  end
end

local function organization()
  if args.org then return args.org end
  local ok, here = pcall(circleci.here)   -- an error outside of a git checkout
  local slug = ok and here.project_slug or ""
  return slug:match("^(.+)/[^/]+$")
    or error("Which organization? Say --arg org=gh/acme, or run this in a checkout of one of its projects.", 0)
end

local org = organization()
local org_id = circleci.get_organization({ org_slug_or_id = org }).id
local now = time.now()

local function days_since(moment)
  return math.floor((now - time.parse(moment)) / 86400)
end

local function is_old(moment)
  return days_since(moment) > args.max_age
end

-- A check gets what it is about and a function `report(severity, finding, advice)`.

--- {setting, its value that draws a finding, severity, finding, advice}
local ORG_SETTINGS = {
  { "enable_unversioned_config", true, "medium", "pipelines may run with a configuration that is in no repository",
    "turn enable_unversioned_config off" },
  { "enable_uncertified_public_orbs", true, "medium", "any public orb may be used",
    "turn enable_uncertified_public_orbs off, or pin the versions of orbs and review them" },
  { "is_user_checkout_keys_disabled", false, "low", "personal keys may be used to check code out",
    "turn is_user_checkout_keys_disabled on, and use deploy keys" },
  { "is_context_group_restriction_required", false, "low", "a context may be made without a group restriction",
    "turn is_context_group_restriction_required on" },
}

--- The same for the settings of a project.
local PROJECT_SETTINGS = {
  { "forks_receive_secret_env_vars", true, "high", "pull requests from forks receive the project's secrets",
    "turn forks_receive_secret_env_vars off" },
  { "write_settings_requires_admin", false, "low", "everyone who may push may change the project's settings",
    "turn write_settings_requires_admin on" },
}

local function check_settings(settings, table_of_checks, report)
  for _, check in ipairs(table_of_checks) do
    local name, bad, severity, finding, advice = table.unpack(check)
    if settings[name] == bad then report(severity, finding, advice) end
  end
end

local function org_settings(_, report)
  check_settings(circleci.get_org_settings({ org_id = org_id }).data.attributes, ORG_SETTINGS, report)
end

local function config_policy(_, report)
  if not circleci.get_decision_settings({ owner_id = org_id, context = "config" }).enabled then
    report("low", "configurations are not held to a policy",
      "write config policies and turn them on: update_decision_settings")
  end
end

--- The seconds of a duration such as 1h30m.
local UNITS = { ms = 0.001, s = 1, m = 60, h = 3600, d = 86400, w = 604800 }
local function seconds_of(duration)
  local seconds = 0
  for amount, unit in duration:gmatch("(%d+)(%a+)") do seconds = seconds + amount * (UNITS[unit] or 0) end
  return seconds
end

local function oidc(_, report)
  local claims = circleci.get_org_oidc_claims({ org_id = org_id })
  if claims.ttl and seconds_of(claims.ttl) > 3600 then
    report("medium", "OIDC tokens are valid for " .. claims.ttl, "set a ttl of an hour or less: update_org_oidc_claims")
  end
  for _, audience in ipairs(claims.audience or {}) do
    if audience:match("%*") then
      report("high", "the OIDC audience is " .. audience, "name the service that accepts the token")
    end
  end
end

local function orb_urls(_, report)
  for entry in flow.each(circleci.list_url_orb_allow_list_entries, { org_slug_or_id = org }) do
    if (entry.prefix or ""):match("^https://[^/]+/?$") then
      report("low", "orbs may be loaded from anywhere on " .. entry.prefix, "allow a folder of that host only")
    end
  end
end

local function runners(_, report)
  for class in flow.each(circleci.list_runner_resource_classes, { org_id = org_id }) do
    local name = class.attributes.resource_class
    for token in flow.each(circleci.list_runner_tokens, { resource_class_id = class.id }) do
      local days = days_since(token.attributes.created_at)
      if days > args.max_age then
        report("medium", ("the token %s of runner %s is %d days old"):format(token.attributes.nickname, name, days),
          "create_runner_token, give it to the runners, then delete_runner_token")
      end
    end
  end
end

--- The variables of a context: {name, updated_at}. API v3 has every page; v2 (a CircleCI Server) ends with the first.
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

local function is_restricted(context)
  for restriction in flow.each(circleci.list_context_restrictions, { context_id = context.id }) do
    if restriction.restriction_value ~= org_id then return true end   -- that group is everyone
  end
  return false
end

local function context(subject, report)
  local variables = variables_of(subject)
  if #variables == 0 then
    return report("low", "the context is empty", "delete_context, if nothing names it: see unused_contexts")
  end
  if not is_restricted(subject) then
    report("high", ("everyone may use its %d variables"):format(#variables),
      "create_context_restriction, for projects or a group")
  end
  for _, variable in ipairs(variables) do
    if is_old(variable.updated_at) then
      report("medium", ("%s was last set %d days ago"):format(variable.name, days_since(variable.updated_at)),
        "make a new value: rotate_context_secret")
    end
  end
end

local function project_settings(project, report)
  check_settings(circleci.get_project_settings({ project_slug = project.slug }).advanced, PROJECT_SETTINGS, report)
end

local function checkout_keys(project, report)
  for key in flow.each(circleci.list_checkout_keys, { project_slug = project.slug }) do
    local days = days_since(key["created-at"])
    if key.type:match("user%-key") then
      report("medium", "the key " .. key.fingerprint .. " has all the access of a person",
        "use a deploy key: create_checkout_key")
    end
    if days > args.max_age then
      report("low", ("the key %s is %d days old"):format(key.fingerprint, days),
        "create_checkout_key, then delete_checkout_key")
    end
  end
end

local function webhooks(project, report)
  local id = circleci.get_project({ project_slug = project.slug }).id
  for webhook in flow.each(circleci.list_webhooks, { scope_id = id, scope_type = "project" }) do
    if not webhook["verify-tls"] then
      report("medium", "the webhook " .. webhook.name .. " does not verify certificates",
        "update_webhook with verify_tls = true")
    end
  end
end

-- The run: what is to be checked, all of it at once, then the report.

local findings, unchecked = json.array(), 0

local function keep(task, severity, finding, advice)
  findings[#findings + 1] = {
    severity = severity, area = task.area, subject = task.subject.slug or task.subject.name,
    finding = finding, advice = advice,
  }
end

local function not_checked(task, err)
  unchecked = unchecked + 1
  local hidden = err.status == 401 or err.status == 403 or err.status == 404
  local advice = hidden and "use a token that may read it" or "run the audit again"
  keep(task, "unknown", "not checked: " .. tostring(err), advice)
end

local whole = { name = org }
local tasks = {
  { area = "settings", subject = whole, check = org_settings },
  { area = "policy", subject = whole, check = config_policy },
  { area = "oidc", subject = whole, check = oidc },
  { area = "orbs", subject = whole, check = orb_urls },
  { area = "runners", subject = whole, check = runners },
}

--- Add a task for each item of a list and each of the checks: {area = check}.
local function add_tasks(list, request, checks)
  local ok, items = pcall(flow.all, list, request)
  for area, check in pairs(checks) do
    if not ok then not_checked({ area = area, subject = whole }, items) end
    for _, item in ipairs(ok and items or {}) do tasks[#tasks + 1] = { area = area, subject = item, check = check } end
  end
end
add_tasks(circleci.list_contexts, { owner_slug = org }, { contexts = context })
add_tasks(circleci.list_projects, { org_slug = org }, {
  settings = project_settings, keys = checkout_keys, webhooks = webhooks,
})

for index, answer in ipairs(flow.map(tasks, function(task)
  task.check(task.subject, function(...) keep(task, ...) end)
end, { errors = "collect" })) do
  if not answer.ok then not_checked(tasks[index], answer.error) end
end

-- The worst first. What could not be checked may be anything, so it comes before all and is always reported.
local function rank(finding) return RANKS[finding.severity] or 4 end
table.sort(findings, function(a, b)
  if rank(a) ~= rank(b) then return rank(a) > rank(b) end
  return table.concat({ a.area, a.subject, a.finding }, " ") < table.concat({ b.area, b.subject, b.finding }, " ")
end)

local rows, lines, count, fails = json.array(), {}, { high = 0, medium = 0, low = 0, unknown = 0 }, false
for _, finding in ipairs(findings) do
  local severity = finding.severity
  count[severity] = count[severity] + 1
  fails = fails or (args.fail_on and (RANKS[severity] or 0) >= RANKS[args.fail_on])
  if rank(finding) >= RANKS[args.least] then
    rows[#rows + 1] = finding
    lines[#lines + 1] = ("%-8s%s, %s: %s"):format(severity, finding.area, finding.subject, finding.finding)
    lines[#lines + 1] = "        -> " .. finding.advice
  end
end

local headline = ("%s: %d high, %d medium, %d low, %d not checked"):format(
  org, count.high, count.medium, count.low, unchecked)
local report = view(rows, headline .. (#rows > 0 and "\n\n" .. table.concat(lines, "\n") or ""))
if fails then exit(1, report) end
return report
