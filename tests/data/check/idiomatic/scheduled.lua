-- Schedules: list, create or update, delete what is not in the plan.
local circleci = app.integrations.circleci
local project = args.project or "gh/example-org/example-repo"

local PLAN = {
  nightly = { hours = { 2 }, days = { "MON", "TUE", "WED", "THU", "FRI" }, branch = "main" },
  weekly = { hours = { 5 }, days = { "SUN" }, branch = "main" },
}

local existing = {}
for schedule in flow.each(circleci.list_schedule_triggers, { project_slug = project }) do
  existing[schedule.name] = schedule
end

local function same_list(a, b)
  if #a ~= #b then return false end
  local set = {}
  for _, v in ipairs(a) do set[v] = true end
  for _, v in ipairs(b) do if not set[v] then return false end end
  return true
end

local actions = {}
for name, plan in pairs(PLAN) do
  local schedule = existing[name]
  if not schedule then
    circleci.create_schedule({
      project_slug = project, name = name, attribution_actor = "system",
      parameters = { branch = plan.branch },
      timetable = { ["per-hour"] = 1, ["hours-of-day"] = plan.hours, ["days-of-week"] = plan.days },
    })
    actions[#actions + 1] = "created " .. name
  else
    local timetable = schedule.timetable
    local hours, days = timetable["hours-of-day"] or {}, timetable["days-of-week"] or {}
    if not same_list(hours, plan.hours) or not same_list(days, plan.days) then
      circleci.update_schedule({ schedule_id = schedule.id, per_hour = 1, hours_of_day = plan.hours, days_of_week = plan.days })
      actions[#actions + 1] = "updated " .. name
    end
  end
end
for name, schedule in pairs(existing) do
  if PLAN[name] == nil and args.prune == "yes" then
    circleci.delete_schedule(schedule.id)
    actions[#actions + 1] = "deleted " .. name .. " by " .. schedule.actor.login
  end
end
table.sort(actions)
return actions
