--# JSON nested a million deep, decoded :: limit nested deeper than 200 levels
json.decode(("["):rep(1000000) .. ("]"):rep(1000000))

--# JSON nested a million deep and unfinished :: limit nested deeper than 200 levels
json.decode(('{"a":'):rep(1000000))

--# a table nested a million deep, encoded :: memory|limit nesting deeper than 200 levels
local value = {}
for i = 1, 100000 do value = { value } end
return json.encode(value)

--# a table nested deep, returned :: limit nesting deeper than 200 levels
local value = {}
for i = 1, 1000 do value = { value } end
return value

--# a table nested deep, printed :: limit nesting deeper than 200 levels
local value = {}
for i = 1, 1000 do value = { value } end
print(value)

--# a table nested deep, as an argument :: limit nesting deeper than 200 levels
local value = {}
for i = 1, 1000 do value = { value } end
app.integrations.circleci.api_get({ path = "/me", query = value })

--# a table nested deep, as an error :: runtime an error value that cannot be shown
local value = {}
for i = 1, 1000 do value = { value } end
error(value)

--# a cycle, encoded :: runtime a cycle
local value = {}
value.value = value
json.encode(value)

--# a cycle, returned :: ok {"value":"<circular>"}
local value = {}
value.value = value
return value

--# a cycle, as an error :: runtime <circular>
local value = {}
value.value = value
error(value)

--# 24 megabytes of empty arrays :: memory|cpu
return #json.decode("[" .. ("[],"):rep(8000000) .. "[]]")

--# 12 megabytes of empty objects :: memory|cpu
return #json.decode("[" .. ("{},"):rep(4000000) .. "{}]")

--# 16 megabytes of numbers :: memory|cpu
return #json.decode("[" .. ("1,"):rep(8000000) .. "1]")

--# a string of sixteen megabytes :: memory|ok 14000000
return #json.decode('"' .. ("x"):rep(14000000) .. '"')

--# an integer of a million digits :: runtime json.decode
json.decode(("9"):rep(1000000))

--# an integer of four thousand digits :: ok true
return json.encode(json.decode(("9"):rep(4000))) == ("9"):rep(4000)

--# a number no double can hold :: runtime larger than a double
json.decode("1e400")

--# a million different keys :: memory|cpu
local parts = {}
for i = 1, 1000000 do parts[i] = '"' .. i .. '":1' end
return json.decode("{" .. table.concat(parts, ",") .. "}")

--# a string of backslashes that is not closed :: runtime json.decode
json.decode('"' .. ("\\"):rep(5000001))

--# quotes without end, in the search for nesting :: limit nested deeper|runtime json.decode
json.decode(('["'):rep(1000000))

--# results that are not JSON :: ok ["nan","inf","-inf","<function>"]
return { 0 / 0, 1 / 0, -1 / 0, print }

--# a result with keys of every kind :: ok {"1":1,"<function>":3,"true":2}
return { [1] = 1, [true] = 2, [print] = 3 }

--# a result of bytes that are not text :: ok "\ufffd\ufffdx"
return "\255\254x"

--# results without end :: runtime too many results
return table.unpack({}, 1, 10000000)

--# ten thousand results :: ok true
return select("#", table.unpack({}, 1, 10000)) == 10000

--# metamethods do not reach the encoder :: ok {"a":1}
return setmetatable({ a = 1 }, { __index = error, __len = error, __pairs = error, __name = "x", __eq = error })
