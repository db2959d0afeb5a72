--# one long cell that pads every row of a table :: memory|cpu
local rows = {}
for n = 1, 20000 do rows[n] = { a = "x", b = "y" } end
rows[1].a = ("x"):rep(1 << 20)
return #text.table(rows)

--# rows times columns :: memory|cpu
local rows, columns = {}, {}
for n = 1, 5000 do rows[n] = { a = 1 } end
for n = 1, 5000 do columns[n] = "c" .. n end
return #csv.encode(rows, columns)

--# a short CSV of very many rows :: memory|cpu
return #csv.decode("a\n" .. ("1\n"):rep(1 << 20))

--# a header of very many columns :: memory|cpu
local names = {}
for n = 1, 1 << 17 do names[n] = n end
local header = table.concat(names, ",")
return #csv.decode(header .. ("\n" .. (","):rep((1 << 17) - 1)):rep(40))

--# CSV until the end of time, caught :: cpu|memory
local text = "a,b\n" .. ("1,2\n"):rep(1000)
while true do pcall(function() csv.encode(csv.decode(text)) end) end

--# a quote that never ends :: runtime line 1: a quoted field begins here
return csv.decode('"' .. ("x,\n"):rep(100000))

--# quotes that open and close :: runtime line 1: text after the closing quote
return csv.decode(('"a"b'):rep(100000))

--# a table in itself as CSV :: runtime a cycle
local rows = {}
rows[1] = { rows = rows }
return csv.encode(rows)

--# deep rows as Markdown :: limit nesting deeper
local deep = {}
for _ = 1, 1000 do deep = { deep } end
return text.markdown({ { deep = deep } })

--# the globals as rows :: runtime cannot be written
return text.table({ _G })

--# replaced functions :: ok ["a\n1\n",[{"a":"1"}],"a\n1"]
string.format, table.concat, pairs, type = nil, nil, nil, nil
return csv.encode({ { a = 1 } }), csv.decode("a\n1"), text.table({ { a = 1 } })

--# escape sequences in a table :: ok "a\n\\x1b[2J"
return text.table({ { a = "\27[2J" } })

--# a view as a way into its metatable :: ok [false,false,false]
local v = view({ 1 }, "one")
return getmetatable(v), (pcall(setmetatable, v, {})), (pcall(rawset, v, 1, 2))

--# a view in itself :: ok ["<circular>"]
local rows = {}
rows[1] = view(rows, "rows")
return rows

--# a view whose rows never end :: cpu|memory|ok
local v = view(setmetatable({}, { __index = function(t, k) return k end, __len = function() return 1 << 62 end }), "x")
for _ in ipairs(v) do end

--# a view of a view of a view :: ok [1]
local v = { 1 }
for n = 1, 100000 do v = view(v, "x") end
return v

--# a text of a view as large as memory :: memory
return view({}, ("x"):rep(1 << 30))

--# CSV with names that Lua has a use for :: ok [{"__gc":"2","__index":"1"}]
return csv.decode("__index,__gc\n1,2")

--# CSV with a name that is a zero :: ok "1"
return csv.decode("\0\n1")[1]["\0"]

--# CSV columns that are a list without an end :: runtime must be a list of column names
return csv.encode({ { a = 1 } }, setmetatable({}, { __len = function() return 1 << 60 end }))

--# rows that answer every key with an error :: ok ""
return csv.encode(setmetatable({}, { __index = error, __len = function() return 5 end }))

--# a table of combining characters :: ok true
return #text.table({ { a = ("e\u{301}"):rep(100000) } }) > 100000

--# Markdown that is HTML :: ok [null,null]
local shown = text.markdown({ { a = "<script>|`x`\n| b |" } })
return shown:match("[^\\]<script"), shown:match("\n.*\n.*\n")

--# a view whose metatable is asked for by everything :: ok [false,"table",0,null]
local v = view({ 1 }, "x")
return getmetatable(v), type(v), rawlen(v), rawget(v, 1)

--# a view of rows that loop :: cpu
for _ in pairs(view(setmetatable({}, { __pairs = function() return function() return 1 end end }), "x")) do end

--# a view as an error :: runtime [
error(view({ 1 }, "x"))

--# a view as an argument :: validation
return app.integrations.circleci.get_project(view({ project_slug = 1, nope = 2 }, "x"))

--# a view whose text steals the result of another :: ok [1,2]
local a, b = view(1, "a"), view(2, "b")
return a, b

--# the views of a run that ended :: runtime read-only
local v = view({}, "x")
v.rows = 1
