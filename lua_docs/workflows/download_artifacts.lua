#!/usr/bin/env -S kosmo integrations:lua
--- Download the artifacts of a branch's newest pipeline, or of another pipeline, into a folder.
--
--   kosmo run --workflow download_artifacts --files artifacts --arg branch=main
--   kosmo run --workflow download_artifacts --files artifacts --arg number=44 --arg paths='\.xml$' --files-limit 4G
--
-- A file is named PIPELINE/JOB-NUMBER/EXECUTION/PATH. A file that is there already is complete and is not downloaded again.
-- Exit code 1 if a download failed; the others are made all the same. Rows: one for each artifact.
-- @arg project  string  = @here.project_slug  The project's slug.
-- @arg branch   string? = @here.branch        The branch whose newest pipeline is taken.
-- @arg number   integer?                      The number of another pipeline.
-- @arg only     string?                       Only jobs whose name matches this regex.
-- @arg paths    string?                       Only artifacts whose path matches this regex.
-- @arg again    boolean = false               Download also what is there already.
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

--- Call fn(item), which returns a list, for all items at once, and join the lists.
local function gathered(items, fn)
  local result = json.array()
  for _, list in ipairs(flow.map(items, fn)) do table.move(list, 1, #list, #result + 1, result) end
  return result
end

--- The jobs that have run, each once: a rerun of a workflow takes over what had succeeded.
local function jobs_of(pipeline)
  local workflows = flow.all(circleci.list_pipeline_workflows, { pipeline_id = pipeline.id })
  local seen = {}
  return gathered(workflows, function(workflow)
    local jobs = {}
    for job in flow.each(circleci.list_workflow_jobs, { workflow_id = workflow.id }) do
      local chosen = job.job_number and not seen[job.job_number] and (not args.only or regex.match(job.name, args.only))
      if chosen then jobs[#jobs + 1], seen[job.job_number] = job, true end
    end
    return jobs
  end)
end

--- A job's name as a part of a path.
local function safe(name)
  return (name:gsub("[^%w._-]+", "-"))
end

local function artifacts_of(pipeline, job)
  local rows = {}
  for artifact in flow.each(circleci.list_job_artifacts, { project_slug = project, job_number = job.job_number }) do
    if not args.paths or regex.match(artifact.path, args.paths) then
      local folder = ("%d/%s-%d/%d/"):format(pipeline.number, safe(job.name), job.job_number, artifact.node_index)
      rows[#rows + 1] = {
        project_slug = project, pipeline_number = pipeline.number, job = job.name, job_number = job.job_number,
        path = artifact.path, url = artifact.url, file = folder .. artifact.path,
      }
    end
  end
  return rows
end

local function page(pipeline, rows)
  if #rows == 0 then return ("pipeline %d of %s has no such artifact"):format(pipeline.number, project) end
  local lines = {}
  for index, row in ipairs(rows) do lines[index] = ("%-10s  %s"):format(row.result, row.file) end
  return table.concat(lines, "\n")
end

local pipeline = find_pipeline()
local rows = gathered(jobs_of(pipeline), function(job) return artifacts_of(pipeline, job) end)

local present = {}
for _, name in ipairs(files.list(pipeline.number .. "/**")) do present[name] = not args.again end

local outcomes = flow.map(rows, function(row)
  if not present[row.file] then files.download(row.url, row.file) end
end, { errors = "collect", concurrency = 8 })

local code = 0
for index, outcome in ipairs(outcomes) do
  local row = rows[index]
  row.result = not outcome.ok and "failed" or present[row.file] and "kept" or "downloaded"
  if not outcome.ok then
    row.error, code = tostring(outcome.error), 1
    log(row.file .. ": " .. row.error)
  end
end
exit(code, view(rows, page(pipeline, rows)))
