#!/usr/bin/env -S kosmo integrations:lua
--- Why did the newest build of a branch fail: job, step, exit code, failing tests, the end of the log.
--
--   kosmo run --workflow why_did_it_fail --arg branch=main
--   kosmo run --workflow why_did_it_fail --arg only='^test' --arg lines=200 --json
--
-- It looks at the newest pipeline of the branch that has ended or is failing already. What has succeeded since, when it
-- was run again, does not count. Rows: those of flow.failures, one for each failed step.
-- @arg project  string  = @here.project_slug   The project's slug.
-- @arg branch   string  = main  The branch.
-- @arg lines    integer = 40    Lines of log per step.
-- @arg only     string?         Only jobs whose name matches this regex.
-- @writes none
local circleci = app.integrations.circleci
local project, branch, only = args.project, args.branch, args.only
if args.branch == "" then error("branch is empty. Name one: --arg branch=main", 0) end

--- integration / test, step 103 "Run tests": failed, exit code 1
local function headline(row)
  if not row.job then return "the pipeline cannot run" end
  local step = row.step and (', step %d "%s"'):format(row.step_num, row.step) or ""
  local code = row.exit_code and ", exit code " .. row.exit_code or ""
  return row.workflow .. " / " .. row.job .. step .. ": " .. row.status .. code
end

--- What a person wants to read about one row, line by line.
local function paragraph(row)
  local lines = { "", headline(row) }
  if row.url then lines[#lines + 1] = "  " .. row.url end
  if row.message then lines[#lines + 1] = "  " .. row.message end
  for _, test in ipairs(row.tests) do
    lines[#lines + 1] = "  failed: " .. test.name .. ": " .. (test.message or "no message")
  end
  if row.log and row.log ~= "" then
    lines[#lines + 1] = "\n    " .. row.log:gsub("\n", "\n    ")
  end
  return table.concat(lines, "\n")
end

local function page(rows)
  local first = rows[1]
  local lines = { ("Pipeline %d on %s of %s"):format(first.pipeline_number, first.branch or "a tag", first.project_slug) }
  for _, row in ipairs(rows) do lines[#lines + 1] = paragraph(row) end
  return table.concat(lines, "\n")
end

--- Nothing failed is one thing; a branch that was never built, or its misspelt name, is another.
local function nothing_failed()
  local request = { project_slug = project, branch = branch }
  local newest = flow.all(circleci.list_project_pipelines, request, { max_items = 1 })[1]
  if newest then return "nothing failed in the newest pipeline of " .. project .. " on " .. branch end
  return project .. " has no pipeline on the branch " .. branch
end

--- The names of the workflows that have succeeded since, when they were run again.
local function healed_workflows(pipeline_id)
  local workflows, healed = flow.all(circleci.list_pipeline_workflows, { pipeline_id = pipeline_id }), {}
  table.sort(workflows, function(a, b) return a.created_at < b.created_at end)
  for _, workflow in ipairs(workflows) do healed[workflow.name] = workflow.status == "success" end
  return healed
end

--- The rows to report, and the names of the failed jobs that `only` filters out.
local function chosen_rows(failures, healed)
  local rows, others = json.array(), {}
  for _, row in ipairs(failures) do
    if not (row.workflow and healed[row.workflow]) then
      local chosen = not (only and row.job) or regex.match(row.job, only)
      if chosen then rows[#rows + 1] = row else others[#others + 1] = row.job end
    end
  end
  return rows, others
end

local failures = flow.failures({ project_slug = project, branch = branch }, { lines = args.lines })
local healed = failures[1] and healed_workflows(failures[1].pipeline_id)
local rows, others = chosen_rows(failures, healed)
if #rows > 0 then return view(rows, page(rows)) end
if #others > 0 then return view(rows, "no failed job matches " .. only .. "; failed: " .. table.concat(others, ", ")) end
return view(rows, nothing_failed())
