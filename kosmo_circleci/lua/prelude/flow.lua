-- flow.*: pages, parallel calls, waiting.
--
-- A branch of flow.map is a coroutine. An API call in it becomes a ticket of the host; the branch
-- yields until the ticket has ended, and other branches go on meanwhile. There is one scheduler for
-- all maps of a run, nested ones too: `drive` runs whatever is ready until its own group is complete.

local core = ...

local close, create, isyieldable = coroutine.close, coroutine.create, coroutine.isyieldable
local resume, running, status, yield = coroutine.resume, coroutine.running, coroutine.status, coroutine.yield
local error, getmetatable, math_type, next, pack, pcall = error, debug.getmetatable, math.type, next, table.pack, pcall
local rawequal, rawget, sort = rawequal, rawget, table.sort
local type, unpack, concat = type, table.unpack, table.concat

local flow = {}

core.raw_calls = core.weak()   -- functions whose page token goes into `query`

-- The scheduler -----------------------------------------------------------------------------------

local TICKET, TIMER, GROUP = {}, {}, {}   -- what a branch yields first: why it waits

local branches = core.weak()   -- coroutine -> branch
local ready = {}               -- {branch, values…} that may go on, from `first` to `last`
local first, last = 1, 0
local by_ticket = {}           -- ticket -> branch
local timers = {}              -- branch -> when it may go on

local function push(branch, ...)
  last = last + 1
  ready[last] = { branch = branch, values = pack(...) }
end

--- The branch whose own code is running now, unless something between cannot yield.
local function current_branch()
  local branch = branches[running()]
  if branch and isyieldable() then return branch end
end

--- Call the host function `name`, which waits for an answer from outside: in a branch, while others go on.
function core.call_waiting(name, ...)
  local branch = current_branch()
  if branch == nil then return core.call_host(name, ...) end
  local ticket = core.call_host("submit_" .. name, branch.group.scope, ...)
  return core.settle(yield(TICKET, ticket))
end

local function wait(seconds)
  local branch = current_branch()
  if branch == nil then return core.call_host("sleep", seconds) end
  yield(TIMER, core.call_host("now") + seconds)
end

local function finish(group, outcome)
  group.finished = true
  core.call_host("close_scope", group.scope)
  if group.parent then push(group.parent, outcome) else group.outcome = outcome end
end

--- Stop a group: drop its branches, nested groups included, and call off what is in flight.
local function stop(group)
  group.finished = true
  core.call_host("call_off", group.scope)
  for branch in next, group.branches do
    if branch.nested then
      stop(branch.nested)
      core.call_host("close_scope", branch.nested.scope)
    end
    timers[branch] = nil
    if branch.ticket then by_ticket[branch.ticket] = nil end
    -- Runs what the branch left to close; an error there has nobody to go to.
    if status(branch.thread) == "suspended" then pcall(close, branch.thread) end
  end
  group.branches = {}
end

local function fail(group, index, fault)
  stop(group)
  finish(group, { fault = core.with_index(fault, index) })
end

local start_more

local function settle_branch(branch, ok, value)
  local group = branch.group
  group.branches[branch], group.running = nil, group.running - 1
  if group.collect then
    group.results[branch.index] = ok and { ok = true, value = value } or { ok = false, error = value }
  elseif not ok then
    return fail(group, branch.index, value)
  else
    group.results[branch.index] = value
  end
  group.open = group.open - 1
  if group.open == 0 then return finish(group, {}) end
  start_more(group)
end

local function step(branch, values)
  local outcome = pack(resume(branch.thread, unpack(values, 1, values.n)))
  if core.abort then error(core.abort, 0) end
  if branch.group.finished then return end
  if status(branch.thread) == "dead" then return settle_branch(branch, outcome[1], outcome[2]) end
  local why, what = outcome[2], outcome[3]
  if rawequal(why, TICKET) then
    branch.ticket = what
    by_ticket[what] = branch
  elseif rawequal(why, TIMER) then
    timers[branch] = what
  elseif not rawequal(why, GROUP) then
    pcall(close, branch.thread)
    settle_branch(branch, false, core.make_error("runtime",
      "attempt to yield from outside a coroutine: a function of flow.map is none of your own"))
  end
end

function start_more(group)
  while group.running < group.concurrency and group.next_index <= group.count do
    local index = group.next_index
    group.next_index, group.running = index + 1, group.running + 1
    local fn = group.fn
    local thread = create(function(...) return fn(...) end)   -- a callable table is no coroutine's body
    core.guard(thread)
    local branch = { thread = thread, group = group, index = index }
    branches[thread], group.branches[branch] = branch, true
    push(branch, group.list[index], index)
  end
end

--- Wait for the next ticket or timer.
local function wait_for_something()
  local now, soonest = nil, nil
  for _, at in next, timers do
    if soonest == nil or at < soonest then soonest = at end
  end
  if soonest then
    now = core.call_host("now")
    if soonest > now or next(by_ticket) == nil then soonest = soonest > now and soonest - now or 0 else soonest = 0 end
  end
  local ticket, ok, value, marks = core.call_host_many("wait", soonest)
  if ticket ~= nil then
    local branch = by_ticket[ticket]
    by_ticket[ticket] = nil
    if branch then
      branch.ticket = nil
      push(branch, ok, value, marks)
    end
  end
  if soonest == nil then return end
  now = core.call_host("now")
  for branch, at in next, timers do
    if at <= now then
      timers[branch] = nil
      push(branch)
    end
  end
end

local function drive(group)
  while not group.finished do
    if first <= last then
      local entry = ready[first]
      ready[first], first = nil, first + 1
      local branch = entry.branch
      if not branch.group.finished and status(branch.thread) == "suspended" then step(branch, entry.values) end
    else
      wait_for_something()
    end
  end
end

-- Arguments ---------------------------------------------------------------------------------------

local function refuse(helper, text)
  core.raise("validation", helper .. ": " .. text, helper)
end

local function callable(value)
  if type(value) == "function" then return true end
  local meta = type(value) == "table" and getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__call") ~= nil
end

local function expect_function(helper, value, position)
  if not callable(value) then
    refuse(helper, "argument " .. position .. " must be a function, got " .. (value == nil and "nothing" or type(value)))
  end
end

--- The options of a helper over its defaults; an unknown name or a wrong type is refused.
local function options(helper, given, defaults)
  local taken = {}
  for name, value in next, defaults do taken[name] = value end
  if given == nil then return taken end
  if type(given) ~= "table" then refuse(helper, "the options must be a table, got " .. type(given)) end
  for name, value in next, given do
    local default = defaults[name]
    if default == nil then
      local known = {}
      for each in next, defaults do known[#known + 1] = each end
      sort(known)
      refuse(helper, "unknown option '" .. core.show(name) .. "'. It takes: " .. concat(known, ", "))
    end
    local same = type(value) == type(default)
    if not same or type(value) == "number" and (value ~= value or value < 0) then
      refuse(helper, "'" .. name .. "' takes a " .. (type(default) == "number" and "number, 0 or more" or type(default)) ..
        ", got " .. (type(value) == "number" and core.show(value) or "a " .. type(value)))
    end
    taken[name] = value
  end
  return taken
end

-- Pages -------------------------------------------------------------------------------------------

local function next_page(fn, request, token)
  if token == nil then return fn(request) end
  if core.raw_calls[fn] then
    local query = {}
    for name, value in next, request.query or {} do query[name] = value end
    query["page-token"], request.query = token, query
  else
    request.page_token = token
  end
  return fn(request)
end

local function items_of(page)
  local items = type(page) == "table" and page.items
  if type(items) ~= "table" then
    refuse("flow.each", "the function must answer a page, {items = {…}, next_page_token = …}; it answered " ..
      (type(page) == "table" and "a table without items" or "a " .. type(page)))
  end
  return items
end

--- for job in flow.each(circleci.list_workflow_jobs, {workflow_id = id}) do … end
-- fn answers {items = {…}, next_page_token = string or nil}; the token returns to it as page_token.
-- A page is fetched when the loop reaches it, so `break` saves the rest, and one page is held at a time.
function flow.each(fn, args, opts)
  expect_function("flow.each", fn, 1)
  if args ~= nil and type(args) ~= "table" then
    refuse("flow.each", "argument 2 must be a table of the function's parameters, got " .. type(args))
  end
  local most = options("flow.each", opts, { max_items = 1 / 0 }).max_items
  local request = {}
  for name, value in next, args or {} do request[name] = value end   -- the caller's table stays as it was
  local items, index, length, token, more, seen, count = {}, 0, 0, nil, true, {}, 0
  return function()
    if count >= most then return nil end
    index = index + 1
    while index > length do
      if not more then return nil end
      local page = next_page(fn, request, token)
      items, index, length = items_of(page), 1, core.length(page.items)
      token = page.next_page_token
      if token == "" then token = nil end
      more = token ~= nil
      if more and seen[token] then
        core.raise("api", "flow.each: the page token does not advance, '" .. core.show(token) .. "' came again", "flow.each")
      end
      if more then seen[token] = true end
    end
    count = count + 1
    return items[index]
  end
end

--- flow.all(fn, args[, {max_items = n}]): the items of every page as one array.
function flow.all(fn, args, opts)
  local all, count = core.new_array(), 0
  for item in flow.each(fn, args, opts) do
    count = count + 1
    all[count] = item
  end
  return all
end

-- Parallel calls ----------------------------------------------------------------------------------

--- flow.map(list, fn[, {concurrency = 16, errors = "raise"}]): fn(item, index) for all, in order.
function flow.map(list, fn, opts)
  if type(list) ~= "table" then
    refuse("flow.map", "argument 1 must be a list, got " .. (list == nil and "nothing" or type(list)))
  end
  expect_function("flow.map", fn, 2)
  local taken = options("flow.map", opts, { concurrency = 16, errors = "raise" })
  if taken.errors ~= "raise" and taken.errors ~= "collect" then
    refuse("flow.map", "'errors' takes \"raise\" or \"collect\", got '" .. taken.errors .. "'")
  end
  local count = core.length(list)
  local results = core.new_array()
  if count == 0 then return results end
  local parent = current_branch()
  local group = {
    fn = fn, list = list, count = count, results = results, collect = taken.errors == "collect",
    concurrency = taken.concurrency, running = 0, open = count, next_index = 1, branches = {}, parent = parent,
    scope = core.call_host("open_scope", parent and parent.group.scope or 0, taken.concurrency),
  }
  start_more(group)
  local outcome
  if parent then
    parent.nested = group
    outcome = yield(GROUP)
    parent.nested = nil
  else
    local ok, fault = pcall(drive, group)
    if not ok then
      if not group.finished then stop(group) end
      error(fault, 0)
    end
    outcome = group.outcome
  end
  if outcome.fault ~= nil then error(outcome.fault, 0) end
  core.keep_length(results, count)
  return results
end

-- Waiting -----------------------------------------------------------------------------------------

--- flow.sleep(seconds)
function flow.sleep(seconds)
  if type(seconds) ~= "number" or seconds ~= seconds or seconds < 0 or seconds == 1 / 0 then
    refuse("flow.sleep", "takes a number of seconds, 0 or more, got " .. (type(seconds) == "number" and core.show(seconds)
      or seconds == nil and "nothing" or "a " .. type(seconds)))
  end
  wait(seconds)
end

local WAIT = { timeout = 600, interval = 5, backoff = 1.5, max_interval = 30 }

local function wait_until(helper, fn, done, taken)
  local now = core.call_host("now")
  local stop_at, pause = now + taken.timeout, taken.interval
  while true do
    local value = fn()
    if done(value) then return value end
    now = core.call_host("now")
    if now >= stop_at then
      local err = core.make_error("limit", helper .. ": not done after " .. core.show(taken.timeout) ..
        " s. Raise the limit with the option timeout; the last value is in the error's field value", helper)
      err.value = value
      error(err, 0)
    end
    wait(pause < stop_at - now and pause or stop_at - now)
    pause = pause * taken.backoff
    if pause > taken.max_interval then pause = taken.max_interval end
  end
end

--- flow.wait(fn, done[, {timeout = 600, interval = 5, backoff = 1.5, max_interval = 30}]): fn() until done(value).
function flow.wait(fn, done, opts)
  expect_function("flow.wait", fn, 1)
  expect_function("flow.wait", done, 2)
  return wait_until("flow.wait", fn, done, options("flow.wait", opts, WAIT))
end

local RETRYABLE = { [429] = true, [500] = true, [502] = true, [503] = true, [504] = true }

local function retryable(err)
  local record = core.error_records[err]
  if record == nil then return false end
  return record.type == "network" or record.type == "api" and RETRYABLE[err.status] == true
end

--- flow.retry(fn[, {attempts = 3, delay = 1}]): fn() again on network and retryable API errors.
function flow.retry(fn, opts)
  expect_function("flow.retry", fn, 1)
  local taken = options("flow.retry", opts, { attempts = 3, delay = 1 })
  if taken.attempts < 1 or math_type(taken.attempts) ~= "integer" then
    refuse("flow.retry", "'attempts' takes a whole number, 1 or more, got " .. core.show(taken.attempts))
  end
  local pause = taken.delay
  for attempt = 1, taken.attempts do
    local outcome = pack(pcall(fn))
    if outcome[1] then return unpack(outcome, 2, outcome.n) end
    local fault = outcome[2]
    if attempt == taken.attempts or not retryable(fault) then error(fault, 0) end
    local asked = fault.retry_after
    wait(type(asked) == "number" and asked > pause and asked or pause)
    pause = pause * 2
  end
end

-- A workflow in one of these states does not move on by itself (CircleCI API v2, Workflow.status).
local FINAL = { success = true, failed = true, error = true, canceled = true, unauthorized = true, not_run = true }

local function workflows_of(pipeline_id)
  local circleci = core.flow_circleci
  if circleci == nil then refuse("flow.wait_pipeline", "app.integrations is not available in this run") end
  return flow.all(circleci.list_pipeline_workflows, { pipeline_id = pipeline_id })
end

local function only_approvals_left(workflows)
  local held = false
  for index = 1, #workflows do
    local state = workflows[index].status
    if state == "on_hold" then held = true elseif not FINAL[state] then return false end
  end
  return held
end

local function all_final(workflows)
  for index = 1, #workflows do
    if not FINAL[workflows[index].status] then return false end
  end
  return true
end

-- A pipeline without workflows is final only when it cannot get any: its configuration was refused.
local function cannot_start(pipeline_id)
  local pipeline = core.flow_circleci.get_pipeline({ pipeline_id = pipeline_id })
  return pipeline.state == "errored"
end

local function announce(workflows, last)
  for index = 1, #workflows do
    local workflow = workflows[index]
    local id, state = core.show(workflow.id), core.show(workflow.status)
    if last[id] ~= state then
      last[id] = state
      core.call_host("notice", "workflow " .. core.show(workflow.name) .. ": " .. state)
    end
  end
end

--- flow.wait_pipeline(pipeline_id[, {on_hold = "stop", timeout = …}]): its workflows, once all are final.
function flow.wait_pipeline(pipeline_id, opts)
  if type(pipeline_id) ~= "string" or pipeline_id == "" then
    refuse("flow.wait_pipeline", "argument 1 must be a pipeline's id, got " ..
      (pipeline_id == nil and "nothing" or pipeline_id == "" and "an empty string" or "a " .. type(pipeline_id)))
  end
  local defaults = { on_hold = "stop" }
  for name, value in next, WAIT do defaults[name] = value end
  local taken = options("flow.wait_pipeline", opts, defaults)
  if taken.on_hold ~= "stop" and taken.on_hold ~= "wait" then
    refuse("flow.wait_pipeline", "'on_hold' takes \"stop\" or \"wait\", got '" .. taken.on_hold .. "'")
  end
  local last = {}
  local function look()
    local workflows = workflows_of(pipeline_id)
    announce(workflows, last)
    return workflows
  end
  local function done(workflows)
    if #workflows == 0 then return cannot_start(pipeline_id) end
    return all_final(workflows) or taken.on_hold == "stop" and only_approvals_left(workflows)
  end
  return wait_until("flow.wait_pipeline", look, done, taken)
end

core.globals.flow = flow
