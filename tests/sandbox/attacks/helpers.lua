--# a time of a million digits :: runtime a time is written
return time.parse(("9"):rep(1000000) .. "d ago")

--# a time before the first year :: runtime time.parse
return time.parse("0000-01-01T00:00:00Z")

--# an offset beyond the last year :: ok 253402214459
return time.parse("9999-12-31T23:59:59+23:59")

--# a time that is a zero byte :: runtime a time is written
return time.parse("2025-01-15\0")

--# times that no calendar has :: ok [false,false,false,false,false]
return (pcall(time.format, 1e300)), (pcall(time.format, -1e300)), (pcall(time.format, 0 / 0)),
  (pcall(time.format, 1e18)), (pcall(time.format, math.huge))

--# a format that repeats a million times :: ok true
return #time.format(0, ("%Y"):rep(1000000)) == 4000000

--# a format that asks for a billion places :: ok true
return #time.format(0, "%9999999999Y") < 100

--# a format with a zero in it :: runtime null byte
return time.format(0, "%Y\0%Y")

--# times without end, caught :: cpu
while true do pcall(time.parse, "x") end

--# base64 that is none :: ok [false,false,false,false]
return (pcall(base64.decode, "====")), (pcall(base64.decode, "YQ==YQ==")), (pcall(base64.decode, "\255\0")),
  (pcall(base64.decode, {}))

--# hashes without end :: cpu|memory
while true do hash.sha256(("x"):rep(1000000)) end

--# a checkout asked without end :: cpu
while true do pcall(app.integrations.circleci.here) end

--# a checkout asked for another folder :: ok [false,false,false]
local here = app.integrations.circleci.here
return (pcall(here, { folder = "/" })), (pcall(here, "/")), (pcall(here, {}, "/"))

--# a checkout that is changed for the next to ask :: ok "main"
local here = app.integrations.circleci.here
here().branch = "evil"
return here().branch

--# pages of documentation that are files :: ok [false,false,false,false]
return (pcall(docs.read, "../../../etc/passwd")), (pcall(docs.read, "workflows.../../x")),
  (pcall(docs.read, "workflows.\0")), (pcall(docs.read, "/etc/passwd"))

--# a page with a million dots :: validation Unknown documentation page
return docs.read(("workflows."):rep(100000))

--# what a run without files and modules has of them :: ok ["nil","nil","nil","nil","nil"]
return type(files), type(require), type(results), type(item), type(package)

--# the private floor by its names :: ok ["nil","nil","nil","nil"]
return type(core), type(host), type(kosmo), type(lupa)

--# the private floor by the environment of loaded text :: ok ["nil","nil"]
return load("return type(core)")(), load("return type(_ENV.host)")()

--# lines of a log without end, caught :: limit printed more than 16,777,216 bytes
while true do pcall(log, ("x"):rep(10000)) end

--# long lines of a log without end :: limit printed more than 16,777,216 bytes
while true do log(("x"):rep(1000000)) end

--# an exit that is caught, without end :: ok
while true do pcall(exit, 0) end

--# an exit with a code of its own kind :: validation got a table
exit(setmetatable({}, { __tostring = function() return "0" end }))

--# an exit in a handler of an error :: ok
xpcall(error, function() exit(0) end)

--# an exit that a branch catches :: ok 1
flow.map({ 1, 2, 3 }, function(n) while true do pcall(exit, 0, n) end end)

--# an exit with a value that never ends :: cpu|memory|ok
exit(0, setmetatable({}, { __len = function() return 1 << 60 end, __index = function() return 1 end }))

--# a log whose options lie :: validation flow.log
return flow.log("x", { steps = setmetatable({}, { __index = error, __eq = error }) })

--# a log of a job that climbs :: ok [false,false]
return (pcall(flow.log, "../x", { steps = "all" })) and pcall(function() for _ in flow.log("..") do end end),
  (pcall(function() for _ in flow.log("\0") do end end))

--# failures of a project that climbs :: validation cannot be ".."
return flow.failures({ project_slug = "gh/../..", branch = "x" })
