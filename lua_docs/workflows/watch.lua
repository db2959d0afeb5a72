#!/usr/bin/env -S kosmo integrations:lua
--- Wait until the newest pipeline of a branch, or of a commit, has ended, and fail with it: job, step, tests, log.
--
--   git push && kosmo run --workflow watch --arg revision="$(git rev-parse HEAD)"
--   kosmo run --workflow watch --arg branch=main --arg hold=true
--
-- Exit code 0: every workflow succeeded; 1: one did not; 3: nothing but approvals is left to wait for.
-- Rows: one for each workflow, a rerun in place of the run before it, with its `failures`.
-- @arg project   string  = @here.project_slug  The project's slug.
-- @arg branch    string? = @here.branch        The branch whose newest pipeline is watched.
-- @arg revision  string?                       A commit instead, or the beginning of its hash.
-- @arg hold      boolean = false               Wait for approvals too.
-- @arg appear    integer = 60                  Seconds to wait for the pipeline to appear.
-- @arg timeout   integer = 3600                Seconds to wait for its end.
-- @arg lines     integer = 20                  Lines of log of each failed step, in the text.
-- @writes none
local circleci = app.integrations.circleci
local project, revision = args.project, args.revision
if args.branch == "" then error("branch is empty. Name one: --arg branch=main", 0) end
if not args.branch and not args.revision then
  error("no branch to look at. Name one: --arg branch=main, or a commit: --arg revision=…", 0)
end
if revision and #revision < 4 then error("revision has fewer than 4 characters, too few to tell commits apart", 0) end
local LOOK_BACK <const> = 100   -- pipelines of all branches among which a commit is looked for

--- The newest pipeline of the branch or the commit, nil while there is none.
local function find_pipeline()
  local request = { project_slug = project, branch = not revision and args.branch or nil }
  for pipeline in flow.each(circleci.list_project_pipelines, request, { max_items = revision and LOOK_BACK or 1 }) do
    local commit = pipeline.vcs and pipeline.vcs.revision or ""
    if not revision or commit:sub(1, #revision) == revision then return pipeline end
  end
end

--- fn(…), or an error that says `what` where its time has run out.
local function in_time(what, fn, ...)
  local answer = table.pack(pcall(fn, ...))
  if answer[1] then return table.unpack(answer, 2, answer.n) end
  if answer[2].type == "limit" then error(what, 0) end
  error(answer[2], 0)
end

--- A push makes its pipeline some seconds later.
local function appeared()
  local target = revision and "commit " .. revision or "branch " .. args.branch
  local what = ("%s has no pipeline of the %s after %d seconds. Is it pushed?"):format(project, target, args.appear)
  return in_time(what, flow.wait, find_pipeline, function(pipeline) return pipeline ~= nil end, { timeout = args.appear })
end

--- The newest run of each workflow, by name.
local function newest_runs(workflows)
  local by_name, runs = {}, {}
  table.sort(workflows, function(a, b) return a.created_at < b.created_at end)
  for _, workflow in ipairs(workflows) do by_name[workflow.name] = workflow end
  for _, workflow in pairs(by_name) do runs[#runs + 1] = workflow end
  table.sort(runs, function(a, b) return a.name < b.name end)
  return runs
end

local function ended(pipeline)
  local what = ("pipeline %d has not ended after %d seconds. Wait longer with --arg timeout=%d"):format(
    pipeline.number, args.timeout, 2 * args.timeout)
  local options = { timeout = args.timeout, on_hold = args.hold and "wait" or "stop" }
  return newest_runs(in_time(what, flow.wait_pipeline, pipeline.id, options))
end

--- test, Run tests, exit code 1: test_login: expected 200, got 500
local function reason(failure)
  local test = failure.tests[1]
  return failure.job .. (failure.step and ", " .. failure.step or "")
    .. (failure.exit_code and ", exit code " .. failure.exit_code or "") .. ": "
    .. (test and test.name .. ": " .. (test.message or "failed") or failure.message or failure.status)
end

--- The row of one workflow, and the end of the logs of what failed in it.
local function row_of(pipeline, workflow)
  local vcs = pipeline.vcs or {}
  local row, logs = {
    project_slug = project, branch = vcs.branch, revision = vcs.revision, pipeline_number = pipeline.number,
    workflow = workflow.name, workflow_id = workflow.id, status = workflow.status, failures = json.array(),
  }, {}
  if workflow.status == "success" or workflow.status == "on_hold" then return row, logs end
  for index, failure in ipairs(flow.failures({ workflow_id = workflow.id }, { lines = args.lines })) do
    row.failures[index] = reason(failure)
    logs[index] = failure.log or ""
  end
  return row, logs
end

--- The rows, and a page on which each failure stands above its log.
local function report(pipeline, workflows)
  local where = pipeline.vcs and pipeline.vcs.branch or "a tag"
  local rows, lines = json.array(), { ("Pipeline %d on %s of %s"):format(pipeline.number, where, project) }
  for number, workflow in ipairs(workflows) do
    local row, logs = row_of(pipeline, workflow)
    rows[number] = row
    lines[#lines + 1] = ("  %-12s %s"):format(row.status, row.workflow)
    for index, failure in ipairs(row.failures) do
      lines[#lines + 1] = "    " .. failure
      if logs[index] ~= "" then lines[#lines + 1] = "\n      " .. logs[index]:gsub("\n", "\n      ") .. "\n" end
    end
  end
  return rows, table.concat(lines, "\n")
end

--- 0 for success everywhere, 1 for anything that ended otherwise, 3 for an approval that is left.
local function exit_code(rows)
  local code = 0
  for _, row in ipairs(rows) do
    if row.status == "on_hold" then code = math.max(code, 3)
    elseif row.status ~= "success" then return 1 end
  end
  return code
end

local pipeline = appeared()
log(("watching pipeline %d of %s"):format(pipeline.number, project))
local rows, page = report(pipeline, ended(pipeline))
exit(exit_code(rows), view(rows, page))
