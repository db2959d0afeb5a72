--# an endless loop :: cpu
while true do end

--# an endless loop inside pcall :: cpu
while true do pcall(function() while true do end end) end

--# pcall nested in pcall :: cpu
local function again() pcall(again) while true do pcall(error) end end
while true do pcall(again) end

--# a loop under as many pcalls as C takes :: cpu
local function nest() pcall(nest) while true do pcall(function() while true do end end) end end
nest()

--# a loop under as many gsub callbacks as C takes :: cpu
local function nest() pcall(string.gsub, "x", "x", nest) while true do pcall(function() while true do end end) end end
nest()

--# a loop with memory full to the brim :: memory|cpu
local pcall, kept, size, chain = pcall, {}, 1 << 20, {}
local function add() kept[#kept + 1] = ("x"):rep(size + #kept % 13) end
local function link() chain = { chain } end
while size >= 16 do if not pcall(add) then size = size // 2 end end
while pcall(link) do end
local function spin() while true do end end
while true do pcall(spin) end

--# an xpcall handler that loops :: cpu
while true do xpcall(error, function() while true do end end) end

--# an xpcall handler that raises :: cpu
while true do xpcall(error, function() error("again") end) end

--# xpcall inside its own handler :: cpu
local function handler() xpcall(error, handler) while true do end end
while true do xpcall(error, handler) end

--# the body of coroutine.wrap :: cpu
coroutine.wrap(function() while true do end end)()

--# the body of coroutine.create, again and again :: cpu
while true do coroutine.resume(coroutine.create(function() while true do end end)) end

--# a coroutine that catches what ends it :: cpu
coroutine.wrap(function() while true do pcall(function() while true do end end) end end)()

--# short coroutines without end :: cpu
while true do coroutine.wrap(function() for i = 1, 500 do end end)() end

--# two coroutines that hand over to each other :: cpu
local a = coroutine.wrap(function() while true do coroutine.yield() end end)
while true do a() end

--# coroutine.close of a body with a closing loop :: cpu
local thread = coroutine.create(function()
  local scope <close> = setmetatable({}, { __close = function() while true do end end })
  coroutine.yield()
end)
coroutine.resume(thread)
coroutine.close(thread)

--# a <close> variable that loops :: cpu
local scope <close> = setmetatable({}, { __close = function() while true do end end })

--# a <close> variable that loops after the limit :: cpu
local scope <close> = setmetatable({}, { __close = function() while true do pcall(error) end end })
while true do end

--# an __index function that loops :: cpu
return setmetatable({}, { __index = function() while true do end end }).x

--# an __eq that loops inside table.concat of a proxy :: cpu
local meta = { __len = function() return 1 << 53 end, __index = function() return "" end }
table.concat(setmetatable({}, meta))

--# a sort comparator that loops :: cpu
table.sort({ 1, 2, 3 }, function() while true do end end)

--# a sort whose comparator is never content :: ok true
local list = {}
for i = 1, 2000 do list[i] = i % 7 end
pcall(table.sort, list, function() return true end)
return true

--# a sort of a table with a huge __len :: runtime array too big
table.sort(setmetatable({}, { __len = function() return 1 << 40 end }))

--# a gsub callback that loops :: cpu
("x"):gsub(".", function() while true do end end)

--# a gsub table whose __index loops :: cpu
("x"):gsub(".", setmetatable({}, { __index = function() while true do end end }))

--# a reader of load that never ends :: memory|cpu
load(function() return "x = 1 " end)

--# a reader of load that loops :: cpu
load(function() while true do end end)

--# one endless statement read by load :: memory|cpu
local first = true
load(function() if first then first = false return "--[[" end return "x" end)

--# string.rep of nothing, 1e18 times :: cpu
string.rep("", 1 << 60)

--# string.rep of nothing inside pcall inside a coroutine :: cpu
coroutine.wrap(function() while true do pcall(string.rep, "", 1 << 60) end end)()

--# table.move over a huge range :: cpu
table.move({}, 1, 1 << 60, 2)

--# table.move between proxies :: cpu
local proxy = setmetatable({}, { __index = function() return 1 end, __newindex = function() end })
table.move(proxy, 1, 1 << 60, 2)

--# table.insert with a huge __len :: cpu
table.insert(setmetatable({}, { __len = function() return 1 << 60 end }), 1, 0)

--# table.remove with a huge __len :: cpu
table.remove(setmetatable({}, { __len = function() return 1 << 60 end }), 1)

--# table.unpack of a huge range :: runtime too many results to unpack
table.unpack({}, 1, 1 << 60)

--# table.concat of a huge range :: runtime invalid value
table.concat({}, "", 1, 1 << 60)

--# a pattern of lazy dots :: cpu
(("a"):rep(30000)):find((".-"):rep(4) .. "b")

--# a pattern of greedy stars :: cpu
(("a"):rep(30000)):match(("a*"):rep(6) .. "b")

--# string.gmatch with a pattern that backtracks :: cpu
for _ in (("a"):rep(30000)):gmatch((".-"):rep(4) .. "b") do end

--# a plain find that is quadratic :: cpu
local half = ("a"):rep(3000000)
half:find(("a"):rep(1500000) .. "b", 1, true)

--# a plain find in the metamethod of a comparison :: cpu
local slow = { __lt = function() return ("a"):rep(4000000):find(("a"):rep(2000000) .. "b", 1, true) end }
return setmetatable({}, slow) < setmetatable({}, slow)

--# a for loop over a float range :: cpu
for i = 1, math.huge do end

--# goto :: cpu
::again:: goto again

--# recursion by tail call :: cpu
local function again() return again() end
again()

--# next over a table that grows :: cpu
while true do for _ in pairs(setmetatable({}, { __pairs = function() return function() return 1 end end })) do end end

--# tostring of an error value that loops :: cpu
error(setmetatable({}, { __tostring = function() while true do end end }))

--# tostring of an error value that waits for the limit :: cpu
error(setmetatable({}, { __tostring = function() while true do pcall(error) end end }))

--# a result that a table shares a billion times :: cpu|memory
local shared = {}
for i = 1, 60 do shared = { shared, shared } end
return shared

--# a printed table that shares a billion times :: cpu|memory
local shared = {}
for i = 1, 60 do shared = { shared, shared } end
print(shared)

--# math.random over the widest range :: cpu
while true do math.random(math.mininteger, math.maxinteger) math.random(0) end

--# documentation searched without end :: cpu
while true do docs.search("cancel a running job") end

--# documentation searched for a novel :: ok true
return #docs.search(("cancel "):rep(10000)) < 10000

--# arguments that are refused, without end :: cpu
local big = { pipeline_id = ("x"):rep(1000000), nonsense = 1 }
while true do pcall(app.integrations.circleci.get_pipeline, big) end

--# a function name that is looked for without end :: cpu
while true do pcall(function() return app.integrations.circleci.get_pipelin end) end

--# trailing nils by the hundred thousand :: cpu|validation Too many
local function nils(n) return table.unpack({}, 1, n) end
app.integrations.circleci.get_pipeline("id", nils(200000))

--# json.decode without end :: cpu
local text = "[" .. ("1,"):rep(10000) .. "1]"
while true do json.decode(text) end

--# a weak table that costs the collector its time :: ok true
local meta, chain = { __mode = "k" }, {}
local weak = setmetatable({}, meta)
for i = 1, 20000 do local key = {} weak[key] = chain chain = key end
return true
