-- Flaky tests as a Markdown table for a pull request's comment.
local circleci = app.integrations.circleci
local project = args.project or "gh/example-org/example-repo"

local report = circleci.list_flaky_tests({ project_slug = project })
local tests = report["flaky-tests"]

local COLUMNS = {
  { title = "Test", value = function(test) return test["test-name"] end },
  { title = "Job", value = function(test) return test["job-name"] end },
  { title = "Flaked", value = function(test) return test["times-flaked"] end, right = true },
  { title = "Wasted (s)", value = function(test) return ("%.0f"):format(test["time-wasted"] or 0) end, right = true },
}

local function escape(value)
  return (tostring(value):gsub("|", "\\|"):gsub("[\r\n]+", " "))
end

local function row(cells) return "| " .. table.concat(cells, " | ") .. " |" end

local lines, titles, rules = {}, {}, {}
for index, column in ipairs(COLUMNS) do
  titles[index] = column.title
  rules[index] = column.right and "---:" or "---"
end
lines[1], lines[2] = row(titles), row(rules)

table.sort(tests, function(a, b) return a["times-flaked"] > b["times-flaked"] end)
for _, test in ipairs(tests) do
  local cells = {}
  for index, column in ipairs(COLUMNS) do cells[index] = escape(column.value(test)) end
  lines[#lines + 1] = row(cells)
end
if #tests == 0 then lines = { "No flaky tests." } end
return table.concat(lines, "\n")
