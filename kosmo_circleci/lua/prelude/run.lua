-- The run of a chunk: its result, its error, or the exit it asked for.

local core = ...

local gsub, load, pcall, raw_rawset, select = string.gsub, load, pcall, rawset, select
local tointeger, type = math.tointeger, type

local G = core.globals

--- Set a global such as `args`, whatever metatable an earlier chunk has given its globals.
function core.set_global(name, value, marks)
  if marks ~= nil then core.adopt(marks) end
  raw_rawset(G, name, value)
end

local function text_of_record(record)
  local text = record.message
  if record.called then text = text .. " (" .. record.called .. ")" end
  if record.item then text = text .. " (item " .. record.item .. ")" end
  return text, record.type, record.where
end

local function text_of(err)
  local record = core.error_records[err]
  if record then return text_of_record(record) end
  if type(err) == "string" then
    if err == "not enough memory" then return err, "limit", "" end
    local text = gsub(err, "^%[kosmo/%w+%]:%d+: ", "")   -- a line of ours tells a script's author nothing
    return core.hinted(text), "runtime", ""
  end
  if err == nil then return "nil was raised as an error", "runtime", "" end
  if type(err) ~= "table" then return core.show(err), "runtime", "" end
  local shown, text = pcall(core.show, err)
  return shown and type(text) == "string" and text or "an error value that cannot be shown", "runtime", ""
end

local pretty_result, exit_code, exit_result, view_text = false, nil, nil, nil

--- The JSON text of what a script returns; takes note of the text of a view.
local function results_of(pretty, ...)
  local count = select("#", ...)
  view_text = nil
  if count == 0 then return "null" end
  local value = ...
  if count > 1 then value = core.list(count, ...) end
  local text, fault = core.encode(value, { pretty = pretty })
  if text == nil then core.raise("limit", "the result has " .. fault) end
  local view = count == 1 and type(value) == "table" and core.views[value]
  view_text = view and view.text or nil
  return text
end

--- exit([code[, value]]): end the run here, whatever pcall is around, with an exit code and a result.
function G.exit(code, ...)
  if code == nil then code = 0 end
  if not core.kinds.exit_code[2](code) then
    core.refuse("exit", "argument 1 must be " .. core.kinds.exit_code[1] .. ", got " .. core.shown(code))
  end
  exit_result = results_of(pretty_result, ...)
  exit_code = tointeger(code)
  core.abort = "exit"
  core.end_run()
end

local function error_of(outcome)
  local trace = core.trace
  local text, kind, where
  local complete = core.protected(function() text, kind, where = text_of(outcome) end)
  if not complete then text, kind, where = text_of(core.abort or "not enough memory") end
  return "error", text, kind, where, trace
end

--- Run the script: ("ok", result as JSON), ("exit", result as JSON, code) or
-- ("error", message, error type, where, traceback). A view's text follows the result, or the code.
-- `prefix` keeps the chunk's `return f()` from being a tail call, so that errors know their line.
function core.run(source, name, prefix, pretty)
  core.host.bound()
  core.abort = false    -- a limit that ended the last chunk does not end this one
  core.line_keeper = prefix
  core.start_modules()
  core.trace, pretty_result, exit_code, view_text = "", pretty, nil, nil
  local chunk, message = load(prefix .. source, name, "t", G)
  if chunk == nil then return "error", message, message == "not enough memory" and "limit" or "syntax", "", "" end
  local ok, outcome = core.protected(function()
    core.start_clock()
    return results_of(pretty, chunk())
  end)
  if ok then return "ok", outcome, view_text end
  if exit_code == nil then return error_of(outcome) end
  return "exit", exit_result, core.show(exit_code), view_text
end
