-- A module: functions in a table that is returned.
local M = {}
M._VERSION = "1.0"
M.channels = { builds = "#builds" }

local circleci = app.integrations.circleci
local private = {}

--- Post a text; here it is only printed.
function M.post(channel, text, options)
  options = options or {}
  local prefix = options.mention and ("@" .. options.mention .. " ") or ""
  print(("[%s] %s%s"):format(M.channels[channel] or channel, prefix, text))
  return M
end

function M.link(pipeline)
  pipeline.link_text = "#" .. pipeline.number
  return ("<%s|%s>"):format(pipeline.id, pipeline.link_text)
end

function M.describe(job)
  return job.name .. " is " .. job.status .. (job.web_url and " " .. job.web_url or "")
end

M.count = function(job, size)
  private[job.id] = (private[job.id] or 0) + size
end

function M.owner(slug)
  if private.owner == nil then private.owner = circleci.get_project(slug).organization_name end
  return private.owner
end

function M.extend(target)
  for name, fn in pairs(M) do
    if target[name] == nil then target[name] = fn end
  end
  return setmetatable(target, { __index = private })
end

return M
