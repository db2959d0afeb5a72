--- Download the artifacts of a job into a folder, and write a list of them.
-- @arg project string = @here.project_slug
-- @arg job     integer
-- @arg match   string? Only paths that match this regex.
local circleci = app.integrations.circleci

local rows, bytes = {}, 0
for artifact in flow.each(circleci.list_job_artifacts, { project_slug = args.project, job_number = args.job }) do
  if not args.match or regex.match(artifact.path, args.match) then
    local name = ("%d/%s"):format(artifact.node_index, artifact.path)
    files.download(artifact, name)
    local text = files.read(name)
    bytes = bytes + #text
    rows[#rows + 1] = { path = artifact.path, name = name, size = #text, sha256 = hash.sha256(text) }
    log(("%s: %d bytes"):format(name, #text))
  end
end
if #rows == 0 then exit(3, { reason = "no artifact matches" }) end

files.write("index.csv", csv.encode(rows, { "path", "size", "sha256" }))
files.append("history.log", time.format(time.now()) .. " " .. #rows .. " files\n")
for _, name in ipairs(files.list("**/*.xml")) do print(base64.encode(name)) end
return view(rows, text.table(rows, { "path", "size" }) .. "\n" .. bytes .. " bytes")
