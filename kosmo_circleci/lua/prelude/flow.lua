-- flow.*: pages, parallel calls, waiting. Reading pages is in pages.lua, the loop behind flow.map in schedule.lua.

local core = ...

local error, huge, next, pack, xpcall = error, math.huge, next, table.pack, xpcall
local format, offset, rawget, sub, type, unpack = string.format, utf8.offset, rawget, string.sub, type, table.unpack
local kinds, options, refuse, shown = core.kinds, core.options, core.refuse, core.shown

local flow = {}

-- Pages -------------------------------------------------------------------------------------------

--- for job in flow.each(circleci.list_workflow_jobs, {workflow_id = id}[, {max_items = n}]) do … end
-- fn answers {items = {…}, next_page_token = string or nil}, or {data = {…}, page = {next = …}}; the token returns to
-- it as page_token. A page is fetched when the loop reaches it, so `break` saves the rest, and one page is held at a time.
function flow.each(fn, args, opts)
  return core.pages.each("flow.each", fn, args, opts)
end

--- flow.all(fn, args[, {max_items = n}]): the items of every page as one array.
function flow.all(fn, args, opts)
  local all, count = core.new_array(), 0
  for item in core.pages.each("flow.all", fn, args, opts) do
    count = count + 1
    all[count] = item
  end
  return all
end

-- Parallel calls ----------------------------------------------------------------------------------

local MAP = { concurrency = { 16, kinds.concurrency }, errors = { "raise", core.one_of("raise", "collect") } }

local function length_of(list)
  if type(list) ~= "table" then refuse("flow.map", "argument 1 must be a list, got " .. shown(list)) end
  local count = core.length(list)
  local key = next(list)
  if count == 0 and key ~= nil then
    refuse("flow.map", "argument 1 must be a list, got a table with the key '" .. core.show(key) .. "'" ..
      (rawget(list, "items") ~= nil and "; pass its items" or ""))
  end
  return count
end

--- flow.map(list, fn[, {concurrency = 16, errors = "raise"}]): fn(item, index) for all, in order.
function flow.map(list, fn, opts)
  local count = length_of(list)
  core.expect_function("flow.map", fn, 2)
  local settings = options("flow.map", opts, MAP)
  if count == 0 then return core.new_array() end
  return core.run_branches(list, count, fn, settings.concurrency, settings.errors == "collect")
end

-- Waiting -----------------------------------------------------------------------------------------

--- What flow.wait takes, and what waits like it.
core.wait_options = {
  timeout = { 600, kinds.timeout }, interval = { 5, kinds.seconds }, backoff = { 1.5, kinds.factor },
  max_interval = { 30, kinds.seconds },
}

local function seconds_text(seconds)
  return format(seconds < 10 and "%.2g s" or "%.0f s", seconds)
end

--- Let `pause` seconds pass while a person sees what is waited for.
local function wait_told(pause, text)
  core.call_host("waiting", text)
  core.wait(pause)
  core.call_host("waiting", "")
end

local function look_text(helper, look, pause, left)
  local rest = left < huge and ", " .. seconds_text(left) .. " left" or ""
  return format("%s: look %d, next in %s%s", helper, look, seconds_text(pause), rest)
end

--- flow.sleep(seconds)
function flow.sleep(seconds)
  local kind = kinds.seconds
  if not kind[2](seconds) then refuse("flow.sleep", "takes " .. kind[1] .. ", got " .. shown(seconds)) end
  wait_told(seconds, "flow.sleep: " .. seconds_text(seconds))
end

local SHOWN_BYTES = 200

--- A value as a message shows it: JSON on one line, cut where it is long.
local function excerpt(value)
  local text, fault = core.encode(value, {})
  if text == nil then return "one with " .. fault end
  if #text <= SHOWN_BYTES then return text end
  local ends = offset(text, 0, SHOWN_BYTES + 1)   -- not in the middle of a character
  return sub(text, 1, ends - 1) .. "…"
end

--- fn() until done(value), with the options of flow.wait.
function core.wait_until(helper, fn, done, settings)
  local now, shaped = core.now(), core.call_host("shaped")
  local stop_at, pause, look = now + settings.timeout, settings.interval, 0
  while true do
    look = look + 1
    local value = fn()
    -- A placeholder of a plan is taken as the end of any wait.
    if done(value) or core.call_host("shaped") > shaped then return value end
    now = core.now()
    if now >= stop_at then
      local err = core.make_error("limit", helper .. ": not done after " .. core.show(settings.timeout) ..
        " s. The last value was " .. excerpt(value) .. ". Raise the limit with the option timeout; the whole value " ..
        "is in the error's field value", helper)
      err.value = value
      error(err, 0)
    end
    local left = stop_at - now
    local next_look = pause < left and pause or left
    wait_told(next_look, look_text(helper, look, next_look, left))
    pause = pause * settings.backoff
    if pause > settings.max_interval then pause = settings.max_interval end
  end
end

--- flow.wait(fn, done[, {timeout = 600, interval = 5, backoff = 1.5, max_interval = 30}]): fn() until done(value).
function flow.wait(fn, done, opts)
  core.expect_function("flow.wait", fn, 1)
  core.expect_function("flow.wait", done, 2)
  return core.wait_until("flow.wait", fn, done, options("flow.wait", opts, core.wait_options))
end

local RETRYABLE = { [429] = true, [500] = true, [502] = true, [503] = true, [504] = true }

-- As long as the bridge itself waits when a server asks for it; a longer wait is the script's to decide.
local LONGEST_RETRY_AFTER = 60

local function pause_before_retry(err, pause)
  local record = core.error_records[err]
  if record == nil then return nil end
  if record.type ~= "network" and not (record.type == "api" and RETRYABLE[err.status]) then return nil end
  local retry_after = err.retry_after
  if type(retry_after) ~= "number" then return pause end
  if retry_after > LONGEST_RETRY_AFTER then return nil end
  return retry_after > pause and retry_after or pause
end

local keep_trace

local RETRY = { attempts = { 3, kinds.attempts }, delay = { 1, kinds.seconds } }

--- flow.retry(fn[, {attempts = 3, delay = 1}]): fn() again on network and retryable API errors.
-- The delay doubles from attempt to attempt.
function flow.retry(fn, opts)
  core.expect_function("flow.retry", fn, 1)
  local settings = options("flow.retry", opts, RETRY)
  local pause, attempt = settings.delay, 1
  while true do
    local outcome = pack(xpcall(fn, keep_trace))
    if outcome[1] then return unpack(outcome, 2, outcome.n) end
    local seconds = attempt < settings.attempts and pause_before_retry(outcome[2], pause)
    if not seconds then error(outcome[2], 0) end
    core.drop_trace(outcome[2])
    wait_told(seconds, format("flow.retry: attempt %d failed, next in %s", attempt, seconds_text(seconds)))
    pause, attempt = pause * 2, attempt + 1
  end
end

keep_trace = core.keep_trace(flow.retry)

core.globals.flow = flow
