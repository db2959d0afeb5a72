-- The slowest tests of the newest job that has any, grouped by file.
local circleci = app.integrations.circleci
local project = args.project or "gh/example-org/example-repo"

local function tests_of(job)
  if job.type ~= "build" or not job.job_number then return {} end
  return flow.all(circleci.list_job_tests, { project_slug = project, job_number = job.job_number })
end

local function first_with_tests()
  for pipeline in flow.each(circleci.list_project_pipelines, { project_slug = project }) do
    for workflow in flow.each(circleci.list_pipeline_workflows, { pipeline_id = pipeline.id }) do
      for job in flow.each(circleci.list_workflow_jobs, { workflow_id = workflow.id }) do
        local tests = tests_of(job)
        if #tests > 0 then return tests, job, pipeline end
      end
    end
  end
end

local tests, job, pipeline = first_with_tests()
if tests == nil then return "no tests anywhere" end

local files, order = {}, {}
for _, test in ipairs(tests) do
  local file = test.file ~= "" and test.file or test.classname
  if files[file] == nil then
    files[file] = { seconds = 0, count = 0, slowest = nil }
    order[#order + 1] = file
  end
  local entry = files[file]
  entry.seconds = entry.seconds + test.run_time
  entry.count = entry.count + 1
  if entry.slowest == nil or test.run_time > entry.slowest.run_time then entry.slowest = test end
end
table.sort(order, function(a, b)
  if files[a].seconds ~= files[b].seconds then return files[a].seconds > files[b].seconds end
  return a < b
end)

local lines = { ("#%d %s: %d tests"):format(pipeline.number, job.name, #tests) }
for _, file in ipairs(order) do
  local entry = files[file]
  lines[#lines + 1] = ("%7.2f s  %3d  %s (slowest: %s, %s)"):format(
    entry.seconds, entry.count, file, entry.slowest.name, entry.slowest.result)
end
return table.concat(lines, "\n")
