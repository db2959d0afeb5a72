-- One run per line of a file: kosmo integrations:lua each_item.lua --each projects.txt
local circleci = app.integrations.circleci
local slug = type(item) == "table" and item.slug or item

local project = circleci.get_project({ project_slug = slug })
local settings = circleci.get_project_settings({ project_slug = slug })
local advanced = settings.advanced or {}

local wanted = { autocancel_builds = true, forks_receive_secret_env_vars = false, oss = false }
local changes = {}
for name, value in pairs(wanted) do
  if advanced[name] ~= value then changes[name] = value end
end
if next(changes) then
  circleci.update_project_settings({ project_slug = slug, advanced = changes })
  circleci.update_project_settings({ project_slug = slug, autocancel_builds = true, pr_only_branch_overrides = { "main" } })
end

local keys = 0
for key in flow.each(circleci.list_checkout_keys, { project_slug = slug, digest = "sha256" }) do
  if key.preferred or key["public-key"]:match("^ssh%-rsa") then keys = keys + 1 end
end
print(item_index, project.name, project.vcs_info.default_branch, keys)
return { slug = project.slug, changed = next(changes) ~= nil, keys = keys, dry = results and results["last"] or nil }
