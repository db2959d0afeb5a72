-- The steps of jobs and what they printed, and flow.failures: which of them failed. flow.log is in log.lua.
--
-- How it works: a job's steps and outputs come from API v3. A CircleCI Server has no v3: where it answers 404 for a
-- job that v1.1 knows, v1.1 is asked from then on, by that account in this run. Both are brought to one form of step:
-- {execution, name, num, status, exit_code, command, ended, read = function that returns stdout, stderr, whole};
-- those of v3 also have read_on(seen) and read_stderr(), for what is still being printed.

local core = ...

local error, find, ipairs, match, pcall = error, string.find, ipairs, string.match, pcall
local sub, type = string.sub, type
local concat = table.concat
local flow, refuse = core.globals.flow, core.refuse
local all, each, map = flow.all, flow.each, flow.map

local FAILED_STEP = { failed = true, timedout = true, errored = true, infrastructure_fail = true }
local FAILED_JOB = { failed = true, timedout = true, infrastructure_fail = true, ["terminated-unknown"] = true }
local FAILED_WORKFLOW = { failed = true, failing = true, error = true, unauthorized = true }

-- Of an output that is a megabyte longer than this only the end is asked for.
local TAIL_BYTES, WORTH_BYTES = 1 << 18, 1 << 20

local without_v3 = {}   -- account -> true where only v1.1 answers

local function is_absent(err)
  local record = core.error_records[err]
  return record ~= nil and record.type == "api" and (err.status == 404 or err.status == 410)
end

--- fn(request), or nil where the answer is 404 or 410.
local function unless_absent(fn, request)
  local ok, value = pcall(fn, request)
  if ok then return value end
  if not is_absent(value) then error(value, 0) end
end

-- Steps -------------------------------------------------------------------------------------------

--- Where to start reading an output of `size` bytes of which only the end is wanted; nil for its beginning.
local function tail_offset(size, tail)
  if tail and type(size) == "number" and size > TAIL_BYTES + WORTH_BYTES then return size - TAIL_BYTES end
end

local function read_v3(fn, job_id, step, size, tail)
  if size == 0 then return "", true end
  local offset = tail_offset(size, tail)
  local text = fn({ job_id = job_id, execution = step.execution, step_num = step.num, offset = offset })
  if offset == nil then return text, true end
  local line_end = find(text, "\n", 1, true)   -- the first line may begin in its middle
  return line_end and sub(text, line_end + 1) or text, false
end

-- What the host puts in place of bytes that are not UTF-8: behind it the server's offsets are unknown.
local REPLACED = "\u{FFFD}"

--- Read what stdout has grown by since the last time; false where it has not. `seen.text` is all of it, and
-- `seen.kept` the whole lines at its beginning that are not asked for again.
local function read_on_v3(circleci, job_id, step, seen)
  local kept = seen.kept or ""
  local piece = circleci.get_job_stdout({
    job_id = job_id, execution = step.execution, step_num = step.num, offset = kept ~= "" and #kept or nil,
  })
  local text = kept .. piece
  local replaced = find(piece, REPLACED, 1, true)
  local line_end = match(replaced and sub(piece, 1, replaced - 1) or piece, "^.*()\n") or 0
  seen.kept = kept .. sub(piece, 1, line_end)
  if text == seen.text then return false end
  seen.text = text
  return true
end

local function steps_v3(circleci, answer)
  local steps, job_id = {}, answer.data.id
  for number, execution in ipairs(answer.data.attributes.parallel_executions or {}) do
    for _, each_step in ipairs(execution.steps or {}) do
      local step = {
        execution = number - 1, name = each_step.name, num = each_step.num, exit_code = each_step.exit_code,
        status = each_step.outcome or each_step.phase, command = each_step.command, ended = each_step.phase == "ended",
      }
      function step.read(mode)
        if mode == "condensed" then
          return circleci.get_job_stdout_condensed({ job_id = job_id, execution = step.execution, step_num = step.num }),
            "", true
        end
        local tail = mode == "tail"
        local stdout, all_of_it = read_v3(circleci.get_job_stdout, job_id, step, each_step.stdout_bytes, tail)
        local stderr, all_of_that = read_v3(circleci.get_job_stderr, job_id, step, each_step.stderr_bytes, tail)
        return stdout, stderr, all_of_it and all_of_that
      end
      function step.read_on(seen) return read_on_v3(circleci, job_id, step, seen) end
      function step.read_stderr()
        return (read_v3(circleci.get_job_stderr, job_id, step, each_step.stderr_bytes, false))
      end
      steps[#steps + 1] = step
    end
  end
  return steps
end

local function steps_of_build(circleci, project_slug, build)
  local steps = {}
  for _, group in ipairs(build.steps or {}) do
    for _, action in ipairs(group.actions or {}) do
      local failed = action.failed or action.timedout or action.infrastructure_fail
      local step = {
        execution = action.index, name = action.name, num = action.step, exit_code = action.exit_code,
        status = failed and not FAILED_STEP[action.status] and "failed" or action.status,
        command = action.bash_command, ended = action.status ~= "running",
      }
      function step.read()
        local text = unless_absent(circleci.get_build_output, {
          project_slug = project_slug, job_number = build.build_num, step = action.step, index = action.index,
          allocation_id = action.allocation_id,
        })
        return text or "", "", not action.truncated
      end
      steps[#steps + 1] = step
    end
  end
  return steps
end

--- The steps of a job {id, job_number, project_slug, started_at}; none where it has not run.
local function steps_of(circleci, account, job)
  if not without_v3[account] and job.id then
    local answer = unless_absent(circleci.get_job, { job_id = job.id })
    if answer then return steps_v3(circleci, answer) end
  end
  -- A job that has not run is not there either, and says nothing about the server.
  if job.job_number == nil then return {} end
  local build = unless_absent(circleci.get_build, { project_slug = job.project_slug, job_number = job.job_number })
  if build == nil then return {} end
  if job.id and job.started_at then without_v3[account] = true end
  return steps_of_build(circleci, job.project_slug, build)
end

local function has_failed(step, job)
  if FAILED_STEP[step.status] then return true end
  if step.status == "canceled" then return job.status ~= "canceled" end
  return step.exit_code ~= nil and step.exit_code ~= 0
end

-- What to look at ----------------------------------------------------------------------------------

local function pipeline_of(pipeline)
  local vcs = pipeline.vcs or {}
  return {
    project_slug = pipeline.project_slug, pipeline_id = pipeline.id, pipeline_number = pipeline.number,
    branch = vcs.branch, revision = vcs.revision,
  }
end

local function add_failed(base, workflow, jobs, entries, only)
  for _, job in ipairs(jobs) do
    if FAILED_JOB[job.status] and (only == nil or only(job)) then
      entries[#entries + 1] = { base = base, workflow = workflow, job = job }
    end
  end
end

local function jobs_of(circleci, workflow)
  return all(circleci.list_workflow_jobs, { workflow_id = workflow.id })
end

--- The failed jobs of a pipeline's workflows.
local function in_pipeline(circleci, pipeline, workflows, entries, concurrency)
  local failed = {}
  for _, workflow in ipairs(workflows) do
    if FAILED_WORKFLOW[workflow.status] or workflow.status == "running" then failed[#failed + 1] = workflow end
  end
  local lists = map(failed, function(workflow) return jobs_of(circleci, workflow) end, { concurrency = concurrency })
  for index, workflow in ipairs(failed) do add_failed(pipeline_of(pipeline), workflow, lists[index], entries) end
  if pipeline.state == "errored" then
    local texts = {}
    for index, each_error in ipairs(pipeline.errors or {}) do texts[index] = each_error.message end
    entries[#entries + 1] = { base = pipeline_of(pipeline), message = concat(texts, "; "), status = "errored" }
  end
end

local function workflows_of(circleci, pipeline)
  return all(circleci.list_pipeline_workflows, { pipeline_id = pipeline.id })
end

--- Whether every workflow has ended, or one is failing.
local function tells_something(pipeline, workflows)
  if pipeline.state == "errored" then return true end
  local ended = #workflows > 0
  for _, workflow in ipairs(workflows) do
    if FAILED_WORKFLOW[workflow.status] then return true end
    if not flow.is_final(workflow.status) then ended = false end
  end
  return ended
end

local function in_workflow(circleci, workflow_id, entries, only)
  local workflow = circleci.get_workflow({ workflow_id = workflow_id })
  local pipeline = circleci.get_pipeline({ pipeline_id = workflow.pipeline_id })
  add_failed(pipeline_of(pipeline), workflow, jobs_of(circleci, workflow), entries, only)
end

--- get_job's answer. A CircleCI Server has no route from a job's id to anything else.
local function job_by_id(helper, circleci, account, job_id)
  local ok, answer = pcall(circleci.get_job, { job_id = job_id })
  if ok then return answer end
  -- Either v3 does not know the job, or there is no v3: a list of one's own runs is never absent there.
  if is_absent(answer) and not without_v3[account] then
    without_v3[account] = unless_absent(circleci.list_my_runs, { limit = 1 }) == nil
  end
  if is_absent(answer) and without_v3[account] then
    refuse(helper, "a CircleCI Server finds no job by its id; name it by {project_slug = …, job_number = …}")
  end
  error(answer, 0)
end

local TARGETS = "{pipeline_id = …}, {workflow_id = …}, {job_id = …}, {project_slug = …, job_number = …} or " ..
  "{project_slug = …, branch = …}"

local function find_failed(circleci, account, target, concurrency)
  local entries = {}
  if target.pipeline_id then
    local pipeline = circleci.get_pipeline({ pipeline_id = target.pipeline_id })
    in_pipeline(circleci, pipeline, workflows_of(circleci, pipeline), entries, concurrency)
  elseif target.workflow_id then
    in_workflow(circleci, target.workflow_id, entries)
  elseif target.job_id then
    local answer = job_by_id("flow.failures", circleci, account, target.job_id)
    in_workflow(circleci, answer.data.references.workflow.id, entries,
      function(job) return job.id == target.job_id end)
  elseif target.job_number then
    local request = { project_slug = target.project_slug, job_number = target.job_number }
    local details = circleci.get_job_details(request)
    in_workflow(circleci, details.latest_workflow.id, entries,
      function(job) return job.job_number == details.number end)
  else
    local request = { project_slug = target.project_slug, branch = target.branch }
    for pipeline in each(circleci.list_project_pipelines, request) do
      local workflows = workflows_of(circleci, pipeline)
      if tells_something(pipeline, workflows) then
        in_pipeline(circleci, pipeline, workflows, entries, concurrency)
        break
      end
    end
  end
  return entries
end

-- Rows ---------------------------------------------------------------------------------------------

local function failed_tests(circleci, job, most)
  local tests = core.new_array()
  if most == 0 or job.job_number == nil then return tests end
  local request = { project_slug = job.project_slug, job_number = job.job_number }
  for test in each(circleci.list_job_tests, request) do
    if test.result == "failure" or test.result == "error" then
      tests[#tests + 1] = { name = test.name, classname = test.classname, file = test.file, message = test.message }
      if #tests >= most then break end
    end
  end
  return tests
end

local function messages_of(details, job)
  local texts = {}
  for index, each_message in ipairs(details and details.messages or {}) do texts[index] = each_message.message end
  return #texts > 0 and concat(texts, "; ") or "the job is " .. core.show(job.status) .. ", and none of its steps failed"
end

local function row_of(entry, details)
  local base, workflow, job = entry.base, entry.workflow or {}, entry.job or {}
  return {
    project_slug = base.project_slug, pipeline_id = base.pipeline_id, pipeline_number = base.pipeline_number,
    branch = base.branch, revision = base.revision, workflow = workflow.name, workflow_id = workflow.id,
    job = job.name, job_id = job.id, job_number = job.job_number, status = entry.status or job.status,
    url = details and details.web_url, tests = core.new_array(), message = entry.message,
  }
end

--- The rows of one failed job, each with the step whose output is still to be read.
local function rows_of(circleci, account, entry, settings)
  local job = entry.job
  if job == nil then return { { row = row_of(entry) } } end
  local details = job.job_number and unless_absent(circleci.get_job_details,
    { project_slug = job.project_slug, job_number = job.job_number })
  local rows, tests = {}, failed_tests(circleci, job, settings.tests)
  for _, step in ipairs(steps_of(circleci, account, job)) do
    if has_failed(step, job) then
      local row = row_of(entry, details)
      row.execution, row.step, row.step_num, row.status = step.execution, step.name, step.num, step.status
      row.exit_code, row.command, row.tests = step.exit_code, step.command, tests
      rows[#rows + 1] = { row = row, step = step }
    end
  end
  if #rows == 0 then
    local row = row_of(entry, details)
    row.tests, row.message = tests, messages_of(details, job)
    rows[1] = { row = row }
  end
  return rows
end

local function add_log(row, step, settings)
  local stdout, stderr, whole = step.read(settings.log)
  local most = settings.log ~= "full" and settings.lines or nil
  local text, count, cut = core.call_host_many("render_log", stdout, stderr, most)
  row.log, row.log_lines, row.truncated = text, count, cut or not whole
end

local FAILURES = {
  log = { "tail", core.one_of("tail", "condensed", "full", "none") }, lines = { 40, core.kinds.limit },
  tests = { 20, core.kinds.limit }, concurrency = { 8, core.kinds.concurrency }, account = { nil, core.kinds.name },
}

local function check_target(target)
  if type(target) ~= "table" then refuse("flow.failures", "argument 1 must be " .. TARGETS .. ", got " .. core.shown(target)) end
  if not (target.pipeline_id or target.workflow_id or target.job_id or target.project_slug) then
    refuse("flow.failures", "argument 1 must be " .. TARGETS)
  end
end

--- flow.failures(target[, {log = "tail", lines = 40, tests = 20, concurrency = 8}]): a row for every failed step.
function flow.failures(target, opts)
  check_target(target)
  local settings = core.options("flow.failures", opts, FAILURES)
  local circleci, account = core.flow_functions("flow.failures", settings.account), settings.account or ""
  local at_once = { concurrency = settings.concurrency }
  local entries = find_failed(circleci, account, target, settings.concurrency)
  local parts = {}
  local lists = map(entries, function(entry) return rows_of(circleci, account, entry, settings) end, at_once)
  for _, list in ipairs(lists) do
    for _, part in ipairs(list) do parts[#parts + 1] = part end
  end
  if settings.log ~= "none" then
    map(parts, function(part) if part.step then add_log(part.row, part.step, settings) end end, at_once)
  end
  local rows = core.new_array()
  for index, part in ipairs(parts) do rows[index] = part.row end
  return rows
end

core.job_steps = { by_id = job_by_id, of_v3 = steps_v3, of_build = steps_of_build, has_failed = has_failed }
