-- files.*: the files of one folder, where the run has one (--files DIR). The host does the work.

local core = ...

local rawget, type = rawget, type

local files = {}

local function name_of(value, helper, position)
  core.expect("string", value, helper, position)
  return value
end

--- files.read(name): the content of a file, byte for byte.
function files.read(name)
  return core.call_host("files_read", name_of(name, "files.read", 1))
end

--- files.write(name, text): put a file in place, whole or not at all.
function files.write(name, text)
  core.expect("string", text, "files.write", 2)
  core.call_host("files_write", name_of(name, "files.write", 1), text)
end

--- files.append(name, text): add to the end of a file, in one write.
function files.append(name, text)
  core.expect("string", text, "files.append", 2)
  core.call_host("files_append", name_of(name, "files.append", 1), text)
end

--- files.list([pattern]): the names of the files, sorted; `*` within a name, `**` for any folders.
function files.list(pattern)
  if pattern ~= nil then core.expect("string", pattern, "files.list", 1) end
  return core.call_host("files_list", pattern)
end

--- The URL of an artifact, as list_job_artifacts (v2: url) and list_job_artifacts_v3 (attributes.url) answer it.
local function url_of(artifact)
  if type(artifact) == "string" then return artifact end
  local url = type(artifact) == "table" and rawget(artifact, "url")
  local attributes = type(artifact) == "table" and rawget(artifact, "attributes")
  if not url and type(attributes) == "table" then url = rawget(attributes, "url") end
  if type(url) == "string" then return url end
  core.raise("runtime", "files.download: argument 1 must be a URL, or an artifact of list_job_artifacts (a table " ..
    "with a url), got " .. core.shown(artifact), "files.download")
end

--- files.download(artifact_or_url, name): fetch into a file, whole or not at all; the size in bytes.
function files.download(artifact, name)
  return core.call_waiting("download", url_of(artifact), name_of(name, "files.download", 2))
end

if core.host.files_read then core.globals.files = files end
