-- flow.log: the lines of a job's steps, one by one, also while they are being printed.
--
-- How it works: one step after the other. While a step runs, its standard output is read on from the last whole line
-- every two seconds, and the lines it has more than before are given out. What is still drawn over (progress bars) is
-- rendered with all that was printed before it, so that a redraw does not count as a new line. When a step has ended, its output is
-- read until nothing more comes; its standard error follows, once.

local core = ...

local find, ipairs, sub, type = string.find, ipairs, string.sub, type
local flow, refuse, job_steps = core.globals.flow, core.refuse, core.job_steps

local OPTIONS = {
  steps = { nil, core.kinds.name }, follow = { false, core.kinds.flag }, ansi = { false, core.kinds.flag },
  account = { nil, core.kinds.name },
}

local LOOK_SECONDS = 2
local TARGETS = "a job's id, or {project_slug = …, job_number = …}"

--- Return a function that looks at the job: its steps, its status, and whether it has ended.
local function looker(circleci, account, target)
  if type(target) == "string" and target ~= "" then
    return function()
      local answer = job_steps.by_id("flow.log", circleci, account, target)
      local job = answer.data.attributes
      return job_steps.of_v3(circleci, answer), job.outcome or job.phase, job.phase == "ended"
    end
  end
  if type(target) ~= "table" or target.project_slug == nil or target.job_number == nil then
    refuse("flow.log", "argument 1 must be " .. TARGETS .. ", got " .. core.shown(target))
  end
  local request = { project_slug = target.project_slug, job_number = target.job_number }
  return function()
    local build = circleci.get_build(request)
    local steps = job_steps.of_build(circleci, target.project_slug, build)
    return steps, build.outcome or build.status, build.lifecycle == "finished"
  end
end

local function chosen(steps, which, status)
  local list, job = {}, { status = status }
  for _, step in ipairs(steps) do
    local matches = which == "all" or step.name == which or which == "failed" and job_steps.has_failed(step, job)
    if matches then list[#list + 1] = step end
  end
  return list
end

--- Both outputs as one text: as it came, or as a person saw it.
local function joined(stdout, stderr, ansi)
  if not ansi then return (core.call_host_many("render_log", stdout, stderr, nil)) end
  return stdout .. (stdout ~= "" and sub(stdout, -1) ~= "\n" and "\n" or "") .. stderr
end

--- The lines of `text` behind the first `skip`, and how many lines there are in all.
local function lines_of(text, skip)
  local lines, from, count = {}, 1, 0
  while from <= #text do
    local line_end = find(text, "\n", from, true)
    count = count + 1
    if count > skip then lines[#lines + 1] = sub(text, from, (line_end or #text + 1) - 1) end
    from = (line_end or #text) + 1
  end
  return lines, count
end

--- Read a step that is followed; returns false where it has printed nothing since the last time.
local function read_on(step, seen)
  if step.read_on == nil then
    local text = step.read("full")
    if text == seen.text then return false end
    seen.text = text
    return true
  end
  local grown = step.read_on(seen)
  -- Output may arrive after its step has ended: the end of it is where a read brings nothing.
  while step.ended and step.read_on(seen) do end
  return grown or step.ended
end

--- The new lines of a step that is followed. `seen.count` lines have been given out.
local function followed(step, seen, ansi)
  if not read_on(step, seen) and not step.ended then return {} end
  local stderr = step.ended and step.read_stderr and step.read_stderr() or ""
  local lines, count = lines_of(joined(seen.text, stderr, ansi), seen.count)
  if not step.ended and #lines > 0 and sub(seen.text, -1) ~= "\n" then
    lines[#lines], count = nil, count - 1   -- the last line may still grow
  end
  seen.count = count
  return lines
end

local function whole(step, ansi)
  local stdout, stderr = step.read("full")
  return (lines_of(joined(stdout, stderr, ansi), 0))
end

local function wait_for_more()
  core.call_host("waiting", "flow.log: waiting for more output")
  core.wait(LOOK_SECONDS)
  core.call_host("waiting", "")
end

--- for line, step in flow.log(job_id[, {steps = "failed", follow = false, ansi = false}]) do … end
function flow.log(target, opts)
  local settings = core.options("flow.log", opts, OPTIONS)
  local circleci = core.flow_functions("flow.log", settings.account)
  local look = looker(circleci, settings.account or "", target)
  local steps, status, job_ended = look()
  local which = settings.steps or (job_ended and "failed" or "all")
  local position, seen, lines, at, info = 1, { count = 0 }, {}, 1, nil

  --- Read the next lines into `lines`; false when the log has ended.
  local function more()
    while true do
      local step = chosen(steps, which, status)[position]
      if step == nil and (job_ended or not settings.follow) then return false end
      local step_ended = step ~= nil and (step.ended or not settings.follow)
      if step ~= nil then
        info = { name = step.name, num = step.num, execution = step.execution, status = step.status }
        lines, at = settings.follow and followed(step, seen, settings.ansi) or whole(step, settings.ansi), 1
      end
      if step_ended then position, seen = position + 1, { count = 0 } end
      if step ~= nil and #lines > 0 then return true end
      if not step_ended then
        wait_for_more()
        steps, status, job_ended = look()
      end
    end
  end

  return function()
    if at > #lines and not more() then return nil end
    at = at + 1
    return lines[at - 1], info
  end
end
