-- Compare the variable names of two projects: what has one that the other lacks?
local c = app.integrations.circleci

local function set_of(list, key)
  local set = {}
  for _, item in ipairs(list) do set[item[key]] = true end
  return set
end

local function keys(set)
  local list = {}
  for key, _ in pairs(set) do list[#list + 1] = key end
  table.sort(list)
  return list
end

local function minus(a, b)
  local rest = {}
  for key in pairs(a) do
    if not b[key] then rest[key] = true end
  end
  return rest
end

local left_slug = args.left or "gh/example-org/example-repo"
local right_slug = args.right or "gh/example-org/another-repo"

local sides = flow.map({ left_slug, right_slug }, function(slug)
  local ok, variables = pcall(flow.all, c.list_project_env_vars, { project_slug = slug })
  if not ok then
    print("skipping " .. slug .. ": " .. tostring(variables))
    return {}
  end
  return variables
end)

local left, right = set_of(sides[1], "name"), set_of(sides[2], "name")
local result = {
  only_left = keys(minus(left, right)),
  only_right = keys(minus(right, left)),
  both = (function()
    local common = {}
    for key in pairs(left) do if right[key] then common[key] = true end end
    return keys(common)
  end)(),
}
for _, side in ipairs({ "only_left", "only_right", "both" }) do
  print(side, #result[side], table.concat(result[side], " "))
end
return result
