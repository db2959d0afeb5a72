-- Approve a release only when main is green and nobody has put a freeze into the project's variables.
local circleci = app.integrations.circleci
local project = args.project or "gh/example-org/example-repo"
local FREEZE = "RELEASE_FREEZE"

local checks = {}
local function check(name, fn)
  checks[#checks + 1] = { name = name, fn = fn }
end

check("no freeze", function()
  for variable in flow.each(circleci.list_project_env_vars, { project_slug = project }) do
    if variable.name == FREEZE then return false, FREEZE .. " is set" end
  end
  return true
end)

check("main is green", function()
  local page = circleci.list_project_pipelines({ project_slug = project, branch = "main" })
  local newest = page.items[1]
  if not newest then return false, "main has no pipeline" end
  local workflows = flow.all(circleci.list_pipeline_workflows, { pipeline_id = newest.id })
  for _, workflow in ipairs(workflows) do
    if workflow.status ~= "success" then
      return false, ("workflow %s of #%d is %s"):format(workflow.name, newest.number, workflow.status)
    end
  end
  return #workflows > 0, "no workflow yet"
end)

check("it is a weekday", function()
  local weekday = tonumber(os.date("!%w"))
  return weekday >= 1 and weekday <= 5, "never on weekends"
end)

local reasons = {}
for _, each in ipairs(checks) do
  local ran, passed, reason = pcall(each.fn)
  if not ran then
    reasons[#reasons + 1] = each.name .. ": " .. tostring(passed)
  elseif not passed then
    reasons[#reasons + 1] = each.name .. ": " .. (reason or "no reason")
  end
end
return { open = #reasons == 0, reasons = reasons }
