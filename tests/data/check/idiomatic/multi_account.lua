-- The same question to several accounts.
local integrations = app.integrations
local names = { "default", "work" }
local rows = {}

for _, name in ipairs(names) do
  local circleci = integrations.circleci[name]
  local ok, user = pcall(circleci.get_current_user)
  rows[#rows + 1] = {
    account = name,
    login = ok and user.login or nil,
    error = not ok and tostring(user) or nil,
  }
end

local work = app.integrations.circleci.work
local default = app.integrations.circleci.default
local clients = { work = work, default = default }
for name, client in pairs(clients) do
  for index, org in ipairs(client.list_collaborations()) do
    rows[#rows + 1] = { account = name, index = index, org = org.slug }
  end
end

local function first_that(predicate, ...)
  for _, client in ipairs({ ... }) do
    local user = client.get_current_user({})
    if predicate(user) then return user end
  end
end
local someone = first_that(function(user) return user.login ~= "" end, work, default)
return { rows = rows, someone = someone and someone.name }
