local circleci = app.integrations.circleci
local slug = "gh/example-org/example-repo"
local count = #circleci.list_project_pipelines(slug).items

function test_a_pipeline_is_triggered_on_main()
  local pipeline = circleci.trigger_pipeline({ project_slug = slug, branch = "main" })
  local workflows = flow.wait_pipeline(pipeline.id)
  expect.equal({ workflows[1].name, workflows[1].status }, { "build-and-test", "success" })
end

function test_the_world_of_each_test_is_new()
  expect.equal(#circleci.list_project_pipelines(slug).items, count)
  circleci.trigger_pipeline({ project_slug = slug, branch = "main" })
  expect.equal(#circleci.list_project_pipelines(slug).items, count + 1, "one more")
end

function test_an_unknown_project_is_an_api_error()
  local err = expect.error(function() circleci.get_project("gh/example-org/nowhere") end, { type = "api", status = 404 })
  expect.equal(expect.match(err.message, "Project (not) found$")[2], "not")
  expect.error(function() error("boom") end, "boom")
end

function test_equal_values_are_equal()
  expect.equal(1, 1.0)
  expect.equal(nil, nil)
  expect.equal({}, {})
  expect.equal({ a = { 1, { b = "x" } } }, { a = { 1, { b = "x" } } })
  local loop = {}
  loop.loop = loop
  expect.equal(loop, loop)
end
