--# a sleep beyond all time :: timeout :: --timeout 0.3
flow.sleep(1e18)

--# a sleep that is caught without end :: timeout :: --timeout 0.3
while true do pcall(flow.sleep, 1000) end

--# sleeps of nothing, without end :: cpu
while true do flow.sleep(0) end

--# a wait that is never done :: timeout :: --timeout 0.3
flow.wait(function() return 1 end, function() return false end, { interval = 0.05 })

--# a wait that does not wait :: cpu
flow.wait(function() return 1 end, function() return false end, { interval = 0, timeout = 1e9 })

--# a retry of what never raises what can be retried :: runtime stdin:1: no
flow.retry(function() error("no") end, { attempts = 1000000 })

--# a map over a huge length :: cpu|memory|ok
return #flow.map(setmetatable({}, { __len = function() return 1 << 60 end }), print)

--# a million branches :: cpu|memory|ok true
local list = {}
for i = 1, 1000000 do list[i] = i end
return #flow.map(list, function(item) return item end) == 1000000

--# a hundred thousand calls :: cpu|memory
local list = {}
for i = 1, 100000 do list[i] = i end
flow.map(list, function() return app.integrations.circleci.get_current_user() end, { concurrency = 100 })

--# maps inside maps :: runtime C stack overflow|cpu|memory
local function deeper() return flow.map({ 1, 2 }, deeper) end
deeper()

--# maps inside maps inside a coroutine :: runtime C stack overflow|cpu|memory
local function deeper() return coroutine.wrap(function() return flow.map({ 1 }, deeper) end)() end
deeper()

--# a branch that loops :: cpu
flow.map({ 1, 2, 3 }, function() while true do end end)

--# a branch that catches its end :: cpu
flow.map({ 1, 2, 3 }, function() while true do pcall(function() while true do end end) end end)

--# a branch that sleeps beyond the timeout :: timeout :: --timeout 0.3
flow.map({ 1, 2, 3 }, function() flow.sleep(1e9) end)

--# a branch that yields what is not its own :: runtime attempt to yield
flow.map({ 1 }, function() coroutine.yield(1) end)

--# a concurrency of a billion :: validation 'concurrency' takes a whole number from 1 to 100
flow.map({ 1 }, print, { concurrency = 1e9 })

--# pages without end :: cpu
local page = 0
local function endless() page = page + 1 return { items = { 1 }, next_page_token = tostring(page) } end
for _ in flow.each(endless) do end

--# empty pages without end :: cpu
local page = 0
local function endless() page = page + 1 return { items = {}, next_page_token = tostring(page) } end
for _ in flow.each(endless) do end

--# pages that come again :: api does not advance
for _ in flow.each(function() return { items = {}, next_page_token = "x" } end) do end

--# all items of pages without end :: memory|cpu
local page = 0
local function endless() page = page + 1 return { items = { ("x"):rep(1000) .. page }, next_page_token = tostring(page) } end
flow.all(endless)

--# a function of flow that runs in a sort :: ok [1,2,3]
local list = { 3, 1, 2 }
table.sort(list, function(a, b) flow.sleep(0) return a < b end)
return list

--# a branch closed by an error runs its closers :: runtime stdin:3: no
flow.map({ 1, 2 }, function(index)
  local scope <close> = setmetatable({}, { __close = function() pcall(flow.map, { 1 }, print) end })
  if index == 2 then error("no") end
  app.integrations.circleci.get_current_user()
end)

--# options that are not plain tables :: validation unknown option
flow.map({ 1 }, print, { [{}] = 1 })
