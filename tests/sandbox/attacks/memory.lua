--# a string that doubles :: memory
local text = "x"
while true do text = text .. text end

--# string.rep of a gigabyte :: memory
return (("x"):rep(1 << 30))

--# string.rep caught, again and again :: cpu
while true do pcall(string.rep, "x", 1 << 30) end

--# string.rep beyond any size :: runtime resulting string too large
return (("x"):rep(1 << 62))

--# a separator bomb :: memory
return (""):rep(1 << 24, "xxxxxxxxxxxxxxxx")

--# a table that grows :: memory
local list = {}
for i = 1, math.huge do list[i] = i end

--# tables without end :: memory
local list = {}
while true do list = { list } end

--# memory kept through pcall :: memory|cpu
local kept = {}
while true do pcall(function() while true do kept[#kept + 1] = ("x"):rep(1000) end end) end

--# closures without end :: memory
local kept = {}
while true do kept[#kept + 1] = function() return kept end end

--# coroutines without end :: memory
local kept = {}
while true do
  kept[#kept + 1] = coroutine.create(function() coroutine.yield() end)
  coroutine.resume(kept[#kept])
end

--# table.concat of big strings :: memory
local list = {}
for i = 1, 1000 do list[i] = ("x"):rep(1000000) end
return table.concat(list)

--# gsub that makes a thousand out of one :: memory
return (("x"):rep(1000000):gsub("x", ("y"):rep(1000)))

--# string.format with the widest fields :: memory|cpu
local list = {}
while true do list[#list + 1] = ("%99.99f"):format(1e300) end

--# string.pack of a million numbers :: ok true
return #(string.pack(("i"):rep(1000), table.unpack(json.decode("[" .. ("1,"):rep(999) .. "1]")))) == 4000

--# string.char of a long list :: ok true
return #string.char(table.unpack(json.decode("[" .. ("65,"):rep(9999) .. "65]"))) == 10000

--# utf8 over a long string :: ok true
return utf8.len(("ä"):rep(1000000)) == 1000000

--# recursion in Lua :: memory|runtime stack overflow
local function deeper() return 1 + deeper() end
return deeper()

--# recursion in Lua through pcall :: runtime C stack overflow
local function deeper() local ok, err = pcall(deeper) if not ok then error(err, 0) end end
deeper()

--# recursion through gsub :: runtime C stack overflow
local function deeper(...) return (("x"):gsub(".", deeper)) end
deeper()

--# recursion through tostring :: memory|runtime stack overflow
local meta = {}
meta.__tostring = function(value) return tostring(value) end
return tostring(setmetatable({}, meta))

--# recursion through __index :: memory|runtime stack overflow
local meta = {}
meta.__index = function(value, key) return value[key .. "x"] end
return setmetatable({}, meta).x

--# an __index chain that is a cycle :: runtime '__index' chain too long
local a, b = {}, {}
setmetatable(a, { __index = b })
setmetatable(b, { __index = a })
return a.x

--# recursion through __concat :: runtime C stack overflow
local meta = {}
meta.__concat = function(a, b) return a .. b end
return setmetatable({}, meta) .. "x"

--# recursion through coroutines :: runtime C stack overflow
local function deeper() return coroutine.wrap(deeper)() end
deeper()

--# recursion through load :: memory|cpu|runtime stack overflow
deeper = function() return load("return deeper()")() + 1 end
return deeper()

--# nesting beyond what the compiler takes :: runtime C stack overflow
assert(load("return " .. ("("):rep(1000) .. "1" .. (")"):rep(1000)))

--# a chunk of a million statements :: memory|cpu|ok true
load(("x = 1 "):rep(3000000))
return true

--# the value of an error is a large string :: memory|runtime xxx
error(("x"):rep(8000000), 0)

--# the result is a large string :: memory|ok
return (("x"):rep(8000000))

--# the result is a large list :: memory|cpu|ok
local list = {}
for i = 1, 300000 do list[i] = i end
return list

--# the result is a list of large strings that are one :: memory|cpu
local text, list = ("x"):rep(1000000), {}
for i = 1, 1000 do list[i] = text end
return list

--# the result needs escapes for every byte :: memory|cpu
return (("\1"):rep(8000000))

--# a name of an unknown function is a large string :: memory|cpu|validation Unknown
return app.integrations.circleci[("x"):rep(4000000)]

--# a large argument :: memory|cpu|api
return app.integrations.circleci.get_pipeline(("x"):rep(8000000))

--# an address that is a large string :: memory|cpu|validation|api
return app.integrations.circleci.api_get({ path = "/" .. ("x/"):rep(4000000) })

--# a body of a million fields, sent :: memory|cpu|api|permission|validation
local fields = {}
for i = 1, 100000 do fields["key" .. i] = i end
return app.integrations.circleci.api_get({ path = "/me", query = fields }).id == nil

--# a documentation page that is a large string :: memory|cpu|validation Unknown
return docs.read(("x"):rep(8000000))

--# a documentation search that is a large string :: memory|cpu|ok
return #docs.search(("x"):rep(8000000)) >= 0
