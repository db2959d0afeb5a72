-- Create a usage export, wait until it is ready, and say how many files there are.
local circleci = app.integrations.circleci
local org_id = args.org_id or "org-uuid"

local DAY = 24 * 60 * 60
local function iso(seconds) return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds) end
local now = os.time()

local export = circleci.create_usage_export({
  org_id = org_id,
  start = iso(now - 7 * DAY),
  ["end"] = iso(now),
})
local id = export.usage_export_job_id
print("export " .. id .. ": " .. export.state)

local finished = flow.wait(function()
  return circleci.get_usage_export({ org_id = org_id, usage_export_job_id = id })
end, function(job)
  return job.state == "completed" or job.state == "failed"
end, { timeout = 900, interval = 15 })

if finished.state == "failed" then
  error("the export failed: " .. (finished.error_reason or "no reason"), 0)
end
local files = #finished.download_urls
print(("%d file%s from %s to %s"):format(files, files == 1 and "" or "s", export.start, export["end"]))
return { id = id, files = files }
