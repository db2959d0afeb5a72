-- Tracebacks: the script's frames at the error that ended a run, innermost first.
--
-- An error crosses stacks: it leaves a coroutine dead, and is raised again in the one that resumed it. So the
-- frames of a dead coroutine are carried along with the error until the frames of the main chunk complete them.

local core = ...

local concat, getinfo, gsub, sub, type = table.concat, debug.getinfo, string.gsub, string.sub, type

local MOST_LINES = 50

-- Finding the frame of a level takes time that grows with the level: after a stack overflow, all of them would
-- take seconds.
local MOST_LEVELS = 4000

local by_error = core.weak()          -- error value -> its lines so far
local last_text, last_lines = "", nil -- the same for an error that is a string: the last one

local function add(lines, line)
  if #lines < MOST_LINES then
    lines[#lines + 1] = gsub(line, "%c", "?")
  elseif #lines == MOST_LINES then
    lines[#lines + 1] = "…"
  end
end

local function file_of(frame)
  return sub(frame.source, 1, 1) == "@" and sub(frame.source, 2) or frame.short_src
end

local function described(frame)
  if frame.what == "main" then return "in main chunk" end
  if frame.namewhat ~= "" then return "in function " .. frame.name end
  return "in function <" .. file_of(frame) .. ":" .. frame.linedefined .. ">"
end

--- Add the script's frames of a stack: of `thread`, or of the running coroutine without one. `stop` is the
-- function whose frame ends it.
local function add_frames(lines, thread, stop)
  local level = thread and 0 or 1
  while #lines <= MOST_LINES and level < MOST_LEVELS do
    local frame
    if thread then frame = getinfo(thread, level, "Slnf") else frame = getinfo(level, "Slnf") end
    if frame == nil or frame.func == stop then return end
    if frame.currentline > 0 and core.is_scripts(frame) then
      add(lines, file_of(frame) .. ":" .. frame.currentline .. ": " .. described(frame))
    end
    level = level + 1
  end
end

local function lines_of(err)
  if type(err) == "table" then return by_error[err] or {} end
  return err == last_text and last_lines or {}
end

local function keep(err, lines)
  if type(err) == "table" then by_error[err] = lines else last_text, last_lines = err, lines end
end

--- Keep the frames of a coroutine that `err` has left dead; `place` is what to call it.
function core.carry_trace(err, thread, place)
  local lines = lines_of(err)
  add_frames(lines, thread)
  if place then add(lines, place) end
  keep(err, lines)
end

--- A message handler for xpcall that keeps the frames above `stop`, the function that calls xpcall.
function core.keep_trace(stop)
  return function(err)
    local lines = lines_of(err)
    add_frames(lines, nil, stop)
    keep(err, lines)
    return err
  end
end

--- Have the frames that were kept for `err` follow `successor`, which is raised in its place.
function core.rename_trace(err, successor)
  local lines = lines_of(err)
  core.drop_trace(err)
  keep(successor, lines)
end

--- Forget what was kept of `err`: it has been caught.
function core.drop_trace(err)
  if type(err) == "table" then by_error[err] = nil else last_lines = nil end
end

--- The frames at `err`, which is raised in the main chunk now, one a line.
function core.traceback(err)
  local lines = lines_of(err)
  add_frames(lines)
  return concat(lines, "\n")
end
