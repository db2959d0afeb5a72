-- Generators with coroutines: rows are produced while they are consumed.
local circleci = app.integrations.circleci

local function generate(producer)
  return coroutine.wrap(function()
    producer(coroutine.yield)
  end)
end

local function failed_jobs(project)
  return generate(function(yield)
    for pipeline in flow.each(circleci.list_project_pipelines, { project_slug = project }, { max_items = 10 }) do
      for _, workflow in ipairs(circleci.list_pipeline_workflows({ pipeline_id = pipeline.id }).items) do
        for _, job in ipairs(circleci.list_workflow_jobs({ workflow_id = workflow.id }).items) do
          if job.status == "failed" then yield(job, workflow, pipeline) end
        end
      end
    end
  end)
end

local function take(count, iterator)
  local taken = 0
  return function()
    if taken >= count then return nil end
    taken = taken + 1
    return iterator()
  end
end

local lines = {}
for job, workflow, pipeline in take(3, failed_jobs("gh/example-org/example-repo")) do
  lines[#lines + 1] = ("#%s %s/%s"):format(pipeline.number, workflow.name, job.name)
end

local co = coroutine.create(function(first, second)
  local third = coroutine.yield(first + second)
  local fourth = coroutine.yield(third * 2)
  return fourth, "end"
end)
local _, sum = coroutine.resume(co, 1, 2)
local _, doubled = coroutine.resume(co, 21)
local alive, last, word = coroutine.resume(co, "x")
assert(alive and last == "x" and word == "end" and coroutine.status(co) == "dead")
assert(sum == 3 and doubled == 42 and not coroutine.isyieldable())
return lines
