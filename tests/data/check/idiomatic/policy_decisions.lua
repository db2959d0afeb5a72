-- Decisions of the config policies: what was refused lately, and by which rule?
local circleci = app.integrations.circleci
local owner = args.owner or "org-uuid"

local by_rule = {}
for _, log in ipairs(circleci.list_decision_logs({ owner_id = owner, context = "config" })) do
  local decision = log.decision
  if decision and decision.status ~= "PASS" then
    for _, failure in ipairs(decision.hard_failures or {}) do
      local rule = by_rule[failure.rule] or { count = 0, reasons = {} }
      rule.count = rule.count + 1
      rule.reasons[failure.reason] = true
      by_rule[failure.rule] = rule
    end
    for _, failure in ipairs(decision.soft_failures or {}) do
      print("soft", failure.rule, failure.reason, log.metadata and log.metadata.vcs and log.metadata.vcs.branch or "-")
    end
  end
end

local rows = {}
for name, rule in pairs(by_rule) do
  local reasons = {}
  for reason in pairs(rule.reasons) do reasons[#reasons + 1] = reason end
  table.sort(reasons)
  rows[#rows + 1] = { rule = name, count = rule.count, reasons = reasons }
end
table.sort(rows, function(a, b) return a.count > b.count end)

local settings = circleci.get_decision_settings({ owner_id = owner, context = "config" })
local bundle = circleci.get_policy_bundle({ owner_id = owner, context = "config" })
local files = {}
for file in pairs(bundle) do files[#files + 1] = file end
return { enabled = settings.enabled, rows = rows, files = files }
