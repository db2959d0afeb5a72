--# what must be absent :: ok []
local absent = json.array()
for _, name in ipairs { "io", "package", "require", "dofile", "loadfile", "python", "loadstring", "unpack", "warn" } do
  if _G[name] ~= nil then absent[#absent + 1] = name end
end
for _, name in ipairs { "execute", "exit", "getenv", "remove", "rename", "tmpname", "setlocale" } do
  if os[name] ~= nil then absent[#absent + 1] = "os." .. name end
end
for name in pairs(debug) do if name ~= "traceback" then absent[#absent + 1] = "debug." .. name end end
if string.dump then absent[#absent + 1] = "string.dump" end
return absent

--# bytecode :: runtime attempt to load a binary chunk
assert(load("\27Lua\84\0\25\147\r\n\26\n\4\8\8xV\0\0\0"))

--# bytecode by a reader, with a mode that allows it :: runtime attempt to load a binary chunk
local done = false
assert(load(function() if not done then done = true return "\27Lua" end end, "x", "b"))

--# load sees the same globals :: ok ["nil","nil","nil"]
return { load("return type(io)")(), load("return type(_G.python)", "x", "t")(), load("return type(os.exit)")() }

--# load with an environment of nothing :: runtime global 'print'
load("print(1)", "x", "t", {})()

--# __gc on a metatable :: runtime '__gc' is not available
setmetatable({}, { __gc = function() while true do end end })

--# __gc added afterwards :: ok true
local meta = {}
local ran = false
do local doomed = setmetatable({}, meta) end
meta.__gc = function() ran = true end
for i = 1, 100000 do local garbage = {} end
return not ran

--# __gc hidden from pairs :: runtime '__gc' is not available
local meta = setmetatable({}, { __index = { __gc = print }, __pairs = error })
rawset(meta, "__gc", print)
setmetatable({}, meta)

--# collectgarbage :: runtime only "count" is available
collectgarbage("stop")

--# the string metatable is locked :: ok [false,false]
return { getmetatable(""), (pcall(setmetatable, "", {})) }

--# the string metatable, by debug :: ok true
return debug.getmetatable == nil and debug.setmetatable == nil

--# functions of strings replaced :: ok "{\"a\":\"b\"}"
string.format, string.gsub, string.rep, string.find, string.byte = error, error, error, error, error
string.sub, table.concat, table.sort, math.type, utf8.len = error, error, error, error, error
print({ a = { "b", 1.5 } })
return json.encode({ a = "b" })

--# every global replaced :: ok {"a":[1,2.5]}
local encode, decode, list = json.encode, json.decode, {}
for name in pairs(_G) do list[#list + 1] = name end
local globals = _G
for i = 1, #list do globals[list[i]] = function() return "mine" end end
return decode('{"a":[1,2.5]}')

--# pcall, error and type replaced, then an API error :: api CircleCI API error (404)
local circleci = app.integrations.circleci
pcall, error, type, select, next, tostring, setmetatable = nil, nil, nil, nil, nil, nil, nil
circleci.get_project("gh/acme/nowhere")

--# tostring and print replaced :: ok "mine"
function tostring() return "mine" end
local kept = print
function print() kept("printed") end
print({})
return tostring({})

--# _G emptied, then an error :: runtime attempt to call a nil value (global 'print')
local globals = _G
for name in pairs(globals) do globals[name] = nil end
print(1)

--# a metatable on _G :: ok {"a":"mine"}
setmetatable(_G, { __index = function() return "mine" end, __newindex = function() end })
return { a = anything }

--# _ENV replaced :: ok 1
local _ENV = { json = json }
return json.decode("1")

--# debug.traceback replaced :: runtime stdin:2: boom
debug.traceback = function() while true do end end
error("boom")

--# debug.traceback tells nothing of the host :: ok true
local text = debug.traceback(coroutine.create(function() end)) .. debug.traceback("x")
return text:find("python") == nil and text:find("/kosmo_circleci/") == nil and text:find("0x") == nil

--# app cannot be written to :: runtime read-only
app.integrations.circleci.get_pipeline = print

--# app cannot be written to by rawset :: runtime read-only
rawset(app, "integrations", {})

--# an account cannot be written to by rawset :: runtime read-only
rawset(app.integrations.circleci.default, "get_pipeline", print)

--# app cannot be written to through what pairs gives :: ok true
local step, state = pairs(app.integrations.circleci)
local key, value = step(state)
if type(state) == "table" then pcall(rawset, state, key, print) end
pcall(function() state[key] = print end)
return app.integrations.circleci[key] == value

--# app cannot be written to by the functions of table :: ok true
pcall(table.insert, app, 1)
pcall(table.move, { 1 }, 1, 1, 1, app)
pcall(table.sort, app)
return next(app) == nil and rawlen(app) == 0

--# app has no other metatable :: ok [false,false]
return { getmetatable(app), (pcall(setmetatable, app, {})) }

--# json.null cannot be changed :: ok [false,false,false,"null"]
return { pcall(rawset, json.null, "x", 1) and 1 or false, (pcall(function() json.null.x = 1 end)), (pcall(setmetatable, json.null, {})), json.encode(json.null) }

--# error values have no metatable to take :: ok [false,false]
local _, err = pcall(json.decode, "nonsense")
return { getmetatable(err), (pcall(setmetatable, err, {})) }

--# an error value that lies about itself :: runtime json.decode
local _, err = pcall(json.decode, "nonsense")
err.message, err.type, err.fatal = {}, print, true
error(err)

--# an error value made to look like a limit :: runtime fake
error(setmetatable({ type = "limit", message = "fake", fatal = true }, { __tostring = function() return "fake" end }))

--# "not enough memory" said by the script :: limit --memory-limit
error("not enough memory", 0)

--# an error value whose __tostring gives no string :: runtime an error value that cannot be shown
error(setmetatable({}, { __tostring = function() return {} end }))

--# an error value whose __tostring raises :: runtime an error value that cannot be shown
error(setmetatable({}, { __tostring = function() error({}) end }))

--# nil as an error :: runtime nil was raised as an error
error(nil)

--# a function as an error :: runtime <function>
error(print)

--# an error in the handler of an error :: ok [false,true]
local ok, err = xpcall(error, function() error("again") end)
return { ok, err ~= nil }

--# the coroutine of a flow.map branch cannot be resumed :: ok [false,"example-user"]
local thread, resumed
local names = flow.map({ 1, 2 }, function(index)
  if index == 1 then
    thread = coroutine.running()
    return app.integrations.circleci.get_current_user().login
  end
  resumed = coroutine.resume(thread, true, {}, { arrays = {}, nulls = {}, bigs = { {}, "nonsense" } })
  pcall(coroutine.close, thread)
end)
return { resumed, names[1] }

--# the main coroutine cannot be resumed or closed :: ok [false,false]
local main = coroutine.running()
return coroutine.wrap(function() return { (coroutine.resume(main)), (pcall(coroutine.close, main)) } end)()

--# yielding out of the script :: runtime attempt to yield from outside a coroutine
coroutine.yield(1)

--# args are the script's own :: ok [null,"x"]
args.more = "x"
args = { args.token, args.more }
return { args[1], args[2] }

--# dates of every kind :: ok true
for code = 32, 126 do
  pcall(os.date, "%" .. string.char(code))
  pcall(os.date, "%E" .. string.char(code))
  pcall(os.date, "!%O" .. string.char(code), 0)
end
pcall(os.date, "*t", math.maxinteger)
pcall(os.date, "*t", math.mininteger)
pcall(os.time, { year = math.maxinteger, month = 1, day = 1 })
pcall(os.time, setmetatable({}, { __index = function() return 1e308 end }))
return #os.date(("%c"):rep(10000)) > 0

--# every library function with senseless arguments :: ok true
local values = { 0, -1, 1 << 62, 1e308, 0 / 0, "", "%", "\0", {}, print, true }
for name, library in pairs { string = string, table = table, math = math, utf8 = utf8, os = os, json = json } do
  for each, fn in pairs(library) do
    if type(fn) == "function" and each ~= "rep" and not (name == "table" and each ~= "pack") then
      for _, a in ipairs(values) do for _, b in ipairs(values) do pcall(fn, a, b) end end
    end
  end
end
return true

--# every function of the API with senseless arguments :: ok 0
local sent = 0
for name, fn in pairs(app.integrations.circleci.default) do
  for _, value in ipairs { print, { { {} } }, { ["\0"] = 1 }, coroutine.create(print), 0 / 0 } do
    if pcall(fn, value) and value == print then sent = sent + 1 end
  end
end
return sent

--# a path that climbs :: ok [false,false,false]
local get = app.integrations.circleci.api_get
return { (pcall(get, { path = "/../../etc/passwd" })), (pcall(get, { path = "//evil.example/x" })), (pcall(get, { path = "file:///etc/passwd" })) }

--# strings with formats that read beyond their arguments :: ok 0
local leaked = 0
for _, shape in ipairs { "%n", "%s", "%d", "%*d", "%1$s", "%q", "%999d" } do
  if pcall(string.format, shape) then leaked = leaked + 1 end
end
return leaked

--# a script that begins like bytecode :: ok 1
return 1 -- the file below it is text

--# a name of a chunk that poses as the prelude :: runtime boom
load('json.decode("x") error("boom")', "=[kosmo/app]")
load('error("boom")', "=[kosmo/app]")()

--# a function that closes over the host's errors :: ok "json.decode"
local ok, err = pcall(json.decode, "x")
local method = err.match
return (method(err, "^json.decode"))

--# methods of an error value whose string table is gone :: ok null
string = nil
local ok, err = pcall(json.decode, "x")
return err.match
