-- The branches of flow.map: coroutines, and the loop that runs them.
--
-- An API call in a branch becomes a ticket of the host; the branch yields until the ticket has ended,
-- and other branches run while it waits. A map inside a branch is driven by the loop of the outermost
-- one, its root. Where a branch cannot yield (in a coroutine of the script's own, in a sort
-- comparator), its calls wait in place, and a map there is a root again, which leaves the branches
-- around it alone: stepping them from inside would nest without end.

local core = ...

local close, create, isyieldable = coroutine.close, coroutine.create, coroutine.isyieldable
local resume, running, status, yield = coroutine.resume, coroutine.running, coroutine.status, coroutine.yield
local error, next, pack, pcall, tostring = error, next, table.pack, pcall, tostring
local insert, rawequal, setmetatable, unpack = table.insert, rawequal, setmetatable, table.unpack

core.item_only = core.weak()   -- functions to which an index would be one argument too many

local TICKET, TIMER, GROUP = {}, {}, {}   -- what a branch yields first: why it waits

-- Maps inside maps: each level is a scope of the host inside another.
local MOST_LEVELS = 100

local branches = core.weak()                             -- coroutine -> branch
local by_ticket = setmetatable({}, { __mode = "v" })     -- ticket -> branch that waits for it

-- The branch whose code runs, whatever coroutine of the script's own it runs in; nil in the main part.
local stepping
local main   -- how many maps the main part has begun: {maps = n}

--- Forget the branches of the last chunk.
function core.start_branches()
  stepping, main = nil, { maps = 0, path = "" }
end

--- The name of the running branch: "" for the main part, "2.5" for the fifth item of its second map, and so on.
function core.branch_path()
  return (stepping or main).path
end

--- The name of a map that begins now: "2" for the second one of the main part.
local function map_path()
  local owner = stepping or main
  owner.maps = owner.maps + 1
  return owner.path == "" and tostring(owner.maps) or owner.path .. "." .. owner.maps
end

local function new_root()
  -- ready: {branch, values} that are ready to run, from `first` to `last`; timers: {branch, at}, the soonest last
  return { ready = {}, first = 1, last = 0, timers = {} }
end

--- Resume `branch` at the time `at`; of two for the same time the first comes first.
local function add_timer(branch, at)
  local timers = branch.group.root.timers
  local low, high = 1, #timers + 1
  while low < high do
    local middle = (low + high) // 2
    if timers[middle].at > at then low = middle + 1 else high = middle end
  end
  insert(timers, low, { branch = branch, at = at })
end

--- The timer that ends next; those of branches that were stopped are dropped.
local function next_timer(timers)
  while #timers > 0 and timers[#timers].branch.group.finished do timers[#timers] = nil end
  return timers[#timers]
end

local function push(branch, ...)
  local root = branch.group.root
  root.last = root.last + 1
  root.ready[root.last] = { branch = branch, values = pack(...) }
end

--- The branch whose own code is running now, if it can yield.
local function current_branch()
  local branch = branches[running()]
  if branch and isyieldable() then return branch end
end

--- Run what a branch left to close, outside the loop; an error there is dropped.
local function close_branch(branch)
  branches[branch.thread] = nil
  pcall(close, branch.thread)
end

--- Call the host function `name`, which waits for an answer from outside: in a branch, while others run.
function core.call_waiting(name, ...)
  local branch = current_branch()
  if branch == nil then return core.call_host(name, ...) end
  local ticket = core.call_host("submit_" .. name, branch.group.scope, ...)
  return core.settle(yield(TICKET, ticket))
end

--- Let `seconds` pass: in a branch, while others run.
function core.wait(seconds)
  local branch = current_branch()
  if branch == nil then return core.sleep(seconds) end
  yield(TIMER, core.now() + seconds)
end

local function finish(group, outcome)
  group.finished = true
  if group.parent then push(group.parent, outcome) else group.outcome = outcome end
end

--- Stop a group: cancel what is in flight and drop its branches, nested groups included.
local function stop(group)
  group.finished = true
  core.call_host("cancel", group.scope)
  for _, branch in next, group.branches do
    if branch.nested then stop(branch.nested) end
    if branch.ticket then by_ticket[branch.ticket] = nil end
    if status(branch.thread) == "suspended" then close_branch(branch) end
  end
  group.branches = {}
end

local start_more

local function settle_branch(branch, ok, value)
  local group, index = branch.group, branch.index
  group.branches[index], group.running = nil, group.running - 1
  if ok then
    group.results[index] = group.collect and { ok = true, value = value } or value
  else
    if not group.collect then core.carry_trace(value, branch.thread, "in flow.map, item " .. index) end
    close_branch(branch)
    local fault = core.with_index(value, index)
    core.rename_trace(value, fault)
    if not group.collect then
      stop(group)
      return finish(group, { fault = fault })
    end
    group.results[index] = { ok = false, error = fault }
  end
  group.open = group.open - 1
  if group.open > 0 then return start_more(group) end
  core.call_host("close_scope", group.scope)
  finish(group, {})
end

local function step(branch, values)
  local outer = stepping
  stepping = branch
  local outcome = pack(resume(branch.thread, unpack(values, 1, values.n)))
  stepping = outer
  if core.abort then core.carry_trace(core.abort, branch.thread, "in flow.map, item " .. branch.index) end
  if core.abort or not outcome[1] then core.look() end
  if status(branch.thread) == "dead" then return settle_branch(branch, outcome[1], outcome[2]) end
  local why, what = outcome[2], outcome[3]
  if rawequal(why, TICKET) then
    branch.ticket = what
    by_ticket[what] = branch
  elseif rawequal(why, TIMER) then
    add_timer(branch, what)
  elseif not rawequal(why, GROUP) then
    settle_branch(branch, false, core.make_error("runtime",
      "attempt to yield from the function of flow.map, which is not a coroutine of the script's own"))
  end
end

function start_more(group)
  local fn, list = group.fn, group.list
  while group.running < group.concurrency and group.next_index <= group.count do
    local index = group.next_index
    group.next_index, group.running = index + 1, group.running + 1
    local thread = create(function()
      if core.item_only[fn] then return fn(list[index]) end
      return fn(list[index], index)
    end)
    core.guard(thread)
    core.begins(thread, fn, group.place)
    local branch = { thread = thread, group = group, index = index, path = group.path .. "." .. index, maps = 0 }
    branches[thread], group.branches[index] = branch, branch
    push(branch)
  end
end

local function deliver(ticket, ok, value, marks)
  local branch = by_ticket[ticket]
  by_ticket[ticket] = nil
  if branch then
    branch.ticket = nil
    push(branch, ok, value, marks)
  end
end

--- Wait for the next ticket, or for the next timer of `root`.
local function wait_for_something(root)
  local timer = next_timer(root.timers)
  local seconds = timer and timer.at - core.call_host("now")
  local ticket, ok, value, marks = core.call_host_many("wait", seconds and (seconds > 0 and seconds or 0))
  if ticket ~= nil then deliver(ticket, ok, value, marks) end
  if timer == nil then return end
  local now = core.call_host("now")
  while timer and timer.at <= now do
    root.timers[#root.timers] = nil
    push(timer.branch)
    timer = next_timer(root.timers)
  end
end

--- Run the branches of a root group, and of the groups inside it, until it is complete.
local function drive(group)
  local root = group.root
  start_more(group)
  while not group.finished do
    if root.first <= root.last then
      local entry = root.ready[root.first]
      root.ready[root.first], root.first = nil, root.first + 1
      if not entry.branch.group.finished then step(entry.branch, entry.values) end
    else
      wait_for_something(root)
    end
  end
end

--- Call fn(item, index) for the `count` items of a list, `concurrency` at a time, and return the results in
-- order. The first error stops the rest and is raised; with `collect` the results are {ok, value, error} rows.
function core.run_branches(list, count, fn, concurrency, collect)
  local parent = current_branch()
  local level = parent and parent.group.level + 1 or 1
  if level > MOST_LEVELS then
    core.raise("runtime", "flow.map: maps are nested more than " .. MOST_LEVELS .. " levels deep", "flow.map")
  end
  local group = {
    fn = fn, list = list, count = count, results = core.new_array(), collect = collect, concurrency = concurrency,
    running = 0, open = count, next_index = 1, branches = {}, level = level, path = map_path(),
    parent = parent, root = parent and parent.group.root or new_root(),
    scope = core.call_host("open_scope", parent and parent.group.scope or 0, concurrency),
    place = core.where(),
  }
  local outcome
  if parent then parent.nested = group end
  local ok, fault = pcall(parent and start_more or drive, group)
  if not ok then   -- memory has run out, or the run has to end: no branch fails this way
    if not group.finished then stop(group) end
    if parent then parent.nested = nil end
    error(fault, 0)
  end
  if parent then
    outcome = yield(GROUP)
    parent.nested = nil
  else
    outcome = group.outcome
  end
  if outcome.fault ~= nil then error(outcome.fault, 0) end
  core.keep_length(group.results, count)
  return group.results
end
