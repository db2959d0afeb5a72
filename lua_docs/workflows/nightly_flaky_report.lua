#!/usr/bin/env -S kosmo integrations:lua
-- Report the flaky tests of every project of an organization, the worst first. Read-only: fit for a nightly job.
--   kosmo integrations:lua nightly_flaky_report.lua --json --arg org=gh/example-org --arg top=20
-- org    organization whose projects are asked (default: the documentation's example)
-- top    how many tests to name (default 20)
-- Returns {projects, flaky, tests = {{project, test, job, times_flaked}, …}, errors = {…}}, and prints a line per test.
-- A project that cannot be asked (no rights, no insights) is named under errors and stops nothing.
local circleci = app.integrations.circleci
local org = args.org or "gh/example-org"
local top = tonumber(args.top or "20") or error("top must be a number", 0)

local slugs = {}
for project in flow.each(circleci.list_projects, { org_slug = org }) do slugs[#slugs + 1] = project.slug end

local answers = flow.map(slugs, function(slug)
  return circleci.list_flaky_tests({ project_slug = slug })["flaky-tests"]
end, { errors = "collect" })

local tests, errors = json.array(), json.array()
for index, answer in ipairs(answers) do
  if answer.ok then
    for _, test in ipairs(answer.value) do
      tests[#tests + 1] = {
        project = slugs[index], test = test["test-name"], job = test["job-name"], times_flaked = test["times-flaked"],
      }
    end
  else
    errors[#errors + 1] = { project = slugs[index], error = tostring(answer.error) }
    print("cannot ask " .. slugs[index] .. ": " .. answer.error)
  end
end

table.sort(tests, function(a, b)
  if a.times_flaked ~= b.times_flaked then return a.times_flaked > b.times_flaked end
  return a.project .. a.test < b.project .. b.test   -- the same order every night
end)

local found = #tests
for index = found, top + 1, -1 do tests[index] = nil end
print(found .. " flaky tests in " .. #slugs .. " projects of " .. org)
for _, test in ipairs(tests) do
  print(("%5d×  %s  %s (%s)"):format(test.times_flaked, test.project, test.test, test.job))
end
return { projects = #slugs, flaky = found, tests = tests, errors = errors }
