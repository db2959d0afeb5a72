-- time.*, base64.* and hash.*: what scripts compute without CircleCI. The host computes; nothing is sent.

local core = ...

local floor, huge = math.floor, math.huge

local time, base64, hash = {}, {}, {}

local function text(value, helper)
  core.expect("string", value, helper, 1)
  return value
end

--- time.now(): seconds since 1970 (UTC), of the run's clock; with --simulate of the simulated one.
function time.now()
  return core.call_host("branch_epoch", core.branch_path())
end

--- time.parse(text): the seconds of "2025-01-15T10:00:00Z", "2025-01-15" (midnight UTC) or "7d ago".
function time.parse(value)
  return core.call_host("time_parse", text(value, "time.parse"), floor(time.now()))
end

--- time.format(seconds[, format]): the time in UTC, as RFC 3339 or as `format` (strftime) says.
function time.format(seconds, format)
  core.expect("number", seconds, "time.format", 1)
  if seconds ~= seconds or seconds == huge or seconds == -huge then
    core.raise("runtime", "time.format: argument 1 must be a finite number", "time.format")
  end
  if format ~= nil then core.expect("string", format, "time.format", 2) end
  return core.call_host("time_format", seconds, format)
end

--- base64.encode(text)
function base64.encode(value) return core.call_host("base64_encode", text(value, "base64.encode")) end

--- base64.decode(text): the bytes; line breaks are skipped.
function base64.decode(value) return core.call_host("base64_decode", text(value, "base64.decode")) end

--- hash.sha256(text): 64 hexadecimal digits.
function hash.sha256(value) return core.call_host("hash_sha256", text(value, "hash.sha256")) end

core.globals.time, core.globals.base64, core.globals.hash = time, base64, hash
