-- The text of a message about a finished pipeline, with plurals and durations.
local circleci = app.integrations.circleci
local ICONS = { success = "+", failed = "x", canceled = "-", on_hold = "?" }

local function plural(n, one, many)
  return n == 1 and ("1 " .. one) or (n .. " " .. (many or one .. "s"))
end

local function human(seconds)
  local units = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } }
  local parts = {}
  for _, unit in ipairs(units) do
    local size, name = unit[1], unit[2]
    local n = seconds // size
    if n > 0 then
      parts[#parts + 1] = ("%d %s"):format(n, name)
      seconds = seconds % size
    end
    if #parts == 2 then break end
  end
  return #parts > 0 and table.concat(parts, " ") or "0 s"
end

local pipeline = circleci.list_project_pipelines("gh/example-org/example-repo").items[4]
local workflows = flow.wait_pipeline(pipeline.id, { timeout = 60, on_hold = "stop" })

local bad = {}
for _, workflow in ipairs(workflows) do
  if workflow.status ~= "success" then
    bad[#bad + 1] = (ICONS[workflow.status] or "!") .. " " .. workflow.name
  end
end

local who = pipeline.trigger.actor.login
local subject = pipeline.vcs and pipeline.vcs.commit and pipeline.vcs.commit.subject or "(no commit)"
local lines = {
  ("Pipeline %d by %s: %s"):format(pipeline.number, who, subject:sub(1, 60)),
  plural(#workflows, "workflow") .. ", " .. (#bad == 0 and "all good" or plural(#bad, "problem")),
  "checked after " .. human(os.difftime(os.time(), os.time() - 3700)),
}
for _, line in ipairs(bad) do lines[#lines + 1] = "  " .. line end
return table.concat(lines, "\n")
