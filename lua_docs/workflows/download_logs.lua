#!/usr/bin/env -S kosmo integrations:lua
--- Download the logs of a branch's newest pipeline, or of another pipeline, into a folder, a file for each step.
--
--   kosmo run --workflow download_logs --files logs --arg branch=main
--   kosmo run --workflow download_logs --files logs --arg number=44 --arg only='^test' --arg failed=true
--
-- A file is named PIPELINE/JOB-NUMBER/EXECUTION-STEP-NAME.log and reads as a person saw it: no colours, no redraws.
-- A step that printed nothing has none. A second start writes the same files again.
-- Rows: one for each file.
-- @arg project  string  = @here.project_slug  The project's slug.
-- @arg branch   string? = @here.branch        The branch whose newest pipeline is taken.
-- @arg number   integer?                      The number of another pipeline.
-- @arg only     string?                       Only jobs whose name matches this regex.
-- @arg failed   boolean = false               Only the steps that failed.
-- @writes none
local circleci = app.integrations.circleci
local project = args.project
if args.branch == "" then error("branch is empty. Name one: --arg branch=main", 0) end
if not args.branch and not args.number then
  error("no branch to look at. Name one: --arg branch=main, or a pipeline: --arg number=…", 0)
end
if not files then error("no folder to write to. Give one that exists: --files DIR", 0) end

local function find_pipeline()
  if args.number then
    return circleci.get_project_pipeline_by_number({ project_slug = project, pipeline_number = args.number })
  end
  local request = { project_slug = project, branch = args.branch }
  return flow.all(circleci.list_project_pipelines, request, { max_items = 1 })[1]
    or error(project .. " has no pipeline on the branch " .. args.branch .. ". Name another: --arg branch=…", 0)
end

--- Call fn(item), which returns a list, for all items, so many at a time, and join the lists.
local function gathered(items, concurrency, fn)
  local result = json.array()
  for _, list in ipairs(flow.map(items, fn, { concurrency = concurrency })) do
    table.move(list, 1, #list, #result + 1, result)
  end
  return result
end

--- The jobs that have run, each once: a rerun of a workflow takes over what had succeeded.
local function jobs_of(pipeline)
  local workflows = flow.all(circleci.list_pipeline_workflows, { pipeline_id = pipeline.id })
  local seen = {}
  return gathered(workflows, 16, function(workflow)
    local jobs = {}
    for job in flow.each(circleci.list_workflow_jobs, { workflow_id = workflow.id }) do
      local chosen = job.job_number and not seen[job.job_number] and (not args.only or regex.match(job.name, args.only))
      if chosen then jobs[#jobs + 1], seen[job.job_number] = job, true end
    end
    return jobs
  end)
end

--- A name as a part of a path.
local function safe(name)
  return (name:gsub("[^%w._-]+", "-"))
end

--- Write what one step printed, and return its row.
local function save(pipeline, job, step, lines)
  local file = ("%d/%s-%d/%d-%d-%s.log"):format(
    pipeline.number, safe(job.name), job.job_number, step.execution, step.num, safe(step.name))
  files.write(file, table.concat(lines, "\n") .. "\n")
  return {
    project_slug = project, pipeline_number = pipeline.number, job = job.name, job_number = job.job_number,
    execution = step.execution, step = step.name, status = step.status, lines = #lines, file = file,
  }
end

--- The files of one job. Lines come step by step, so one step's are held at a time.
local function logs_of(pipeline, job)
  local rows, current, lines = {}, nil, {}
  local function finish()
    if current then rows[#rows + 1] = save(pipeline, job, current, lines) end
  end
  local target = { project_slug = project, job_number = job.job_number }
  for line, step in flow.log(target, { steps = args.failed and "failed" or "all" }) do
    if not current or current.num ~= step.num or current.execution ~= step.execution then
      finish()
      current, lines = step, {}
    end
    lines[#lines + 1] = line
  end
  finish()
  return rows
end

local function page(pipeline, rows)
  if #rows == 0 then return ("pipeline %d of %s has no such log"):format(pipeline.number, project) end
  local lines = {}
  for index, row in ipairs(rows) do lines[index] = ("%6d lines  %s"):format(row.lines, row.file) end
  return table.concat(lines, "\n")
end

local pipeline = find_pipeline()
-- Logs are large: four jobs at a time are enough to keep the line busy.
local rows = gathered(jobs_of(pipeline), 4, function(job) return logs_of(pipeline, job) end)
return view(rows, page(pipeline, rows))
