-- When did each job of a workflow start and stop, as a bar of characters?
local circleci = app.integrations.circleci
local workflow_id = args.workflow or "failed-workflow-uuid"

local function seconds(stamp)
  if not stamp then return nil end
  local y, mo, d, h, mi, s = stamp:match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)")
  if not y then return nil end
  return os.time({ year = tonumber(y), month = tonumber(mo), day = tonumber(d), hour = tonumber(h), min = tonumber(mi), sec = tonumber(s) })
end

local jobs = flow.all(circleci.list_workflow_jobs, { workflow_id = workflow_id })
local first, last = math.huge, -math.huge
local spans = {}
for _, job in ipairs(jobs) do
  local started, stopped = seconds(job.started_at), seconds(job.stopped_at)
  if started then
    stopped = stopped or started
    first, last = math.min(first, started), math.max(last, stopped)
    spans[#spans + 1] = { name = job.name, status = job.status, from = started, to = stopped }
  end
end
if #spans == 0 then return "nothing has started" end

local WIDTH = 40
local scale = last > first and WIDTH / (last - first) or 0
local out = {}
for i, span in ipairs(spans) do
  local indent = math.floor((span.from - first) * scale)
  local length = math.max(1, math.floor((span.to - span.from) * scale + 0.5))
  out[i] = string.format("%-20s %s%s %s", span.name, (" "):rep(indent), ("="):rep(length), span.status)
end
return table.concat(out, "\n")
