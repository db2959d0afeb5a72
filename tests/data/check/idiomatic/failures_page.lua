#!/usr/bin/env -S kosmo integrations:lua
--- Every failed step of the newest failed pipeline, as rows for programs and a page for people.
-- @arg project string  = @here.project_slug The project's slug.
-- @arg branch  string  = main The branch.
-- @arg lines   integer = 20 Lines of log per step.
-- @writes none
local rows = flow.failures({ project_slug = args.project, branch = args.branch }, { lines = args.lines, log = "tail" })
if #rows == 0 then return view(json.array(), "Nothing has failed on " .. args.branch .. ".") end

local function indented(log)
  return (log:gsub("[^\n]+", "    %0"))
end

local page = {}
local function add(format, ...) page[#page + 1] = format:format(...) end

local job
for _, row in ipairs(rows) do
  if row.job_id ~= job then
    job = row.job_id
    add("%s / %s (#%d, %s)", row.workflow, row.job, row.pipeline_number, row.status)
    add("  %s", row.url)
  end
  if row.step then
    add("  step %d, %s: exit code %s", row.step_num, row.step, row.exit_code or "none")
    if row.truncated then add("  … the last lines of %d", row.log_lines) end
    if row.log and row.log ~= "" then page[#page + 1] = indented(row.log) end
  else
    add("  %s", row.message)
  end
  for _, test in ipairs(row.tests or {}) do
    add("  test %s (%s): %s", test.name, test.file, test.message or "no message")
  end
end
return view(rows, table.concat(page, "\n"))
