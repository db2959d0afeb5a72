--# nested quantifiers :: cpu|regex
regex.match(("a"):rep(60) .. "b", "(a|aa)+$")

--# nested quantifiers, caught without end :: cpu|regex
while true do pcall(regex.match, ("a"):rep(60) .. "b", "(a|a)*$") end

--# a long literal in a long text :: cpu|regex|ok
return regex.match(("x"):rep(5000), ("x"):rep(5000)) ~= nil

--# a long literal in a long text that does not hold it :: cpu|regex|ok true
return regex.match(("x"):rep(200000), ("x"):rep(100000) .. "y") == nil

--# backtracking over alternatives :: cpu|regex
regex.match(("ab"):rep(20000), "^(?:(?:a|ab)(?:b|bb)?)*[cd]$")

--# back references :: cpu|regex
regex.match(("a"):rep(4000), "(a*)(a*)(a*)\\1\\2\\3[bc]")

--# recursion in a pattern :: cpu|regex|memory|runtime|ok true
return regex.match(("("):rep(100000), "(\\((?1)*\\))") == nil

--# a quantifier of a billion :: cpu|regex|memory|runtime Bad pattern|ok
return regex.match("a", "(?:a{1000000000}){1000000000}") == nil

--# a pattern nested a hundred thousand deep :: cpu|regex|memory|runtime Bad pattern
regex.match("a", ("("):rep(100000) .. (")"):rep(100000))

--# a pattern of a megabyte of classes :: cpu|regex|memory|runtime Bad pattern|ok
return regex.match("a", ("[a-z]"):rep(200000)) == nil

--# a replacement that asks for five gigabytes :: memory
return regex.gsub(("x"):rep(1000000), "x", ("y"):rep(5000))

--# a replacement that repeats its group :: memory
return regex.gsub(("x"):rep(1000000), "(x+)", ("$1"):rep(100))

--# matches by the million :: memory|cpu
return #regex.match_all(("x"):rep(5000000), "x")

--# pieces by the million :: memory|cpu
return #regex.split(("x,"):rep(3000000), ",")

--# empty matches by the million :: memory|cpu
return regex.gsub(("x"):rep(5000000), "", "-")

--# a callback that loops :: cpu
regex.gsub("x", "x", function() while true do end end)

--# a callback that raises :: runtime stdin:1: no
regex.gsub("x", "x", function() error("no") end)

--# a callback that returns no string :: runtime must return a string
regex.gsub("x", "x", function() return {} end)

--# a callback that yields :: ok "done"
return coroutine.wrap(function() return regex.gsub("x", "x", function() coroutine.yield("done") end) end)()

--# flags that are a table :: runtime flags must be a string
regex.match("x", "x", { "i" })

--# a limit that is not a number :: runtime limit must be a whole number
regex.gsub("x", "x", "y", 0 / 0)

--# code in a pattern :: cpu|ok true
return pcall(regex.match, "x", "(?{os.exit()})") == false or true

--# many groups, many matches :: memory|cpu
return #regex.match_all(("x"):rep(100000), ("()"):rep(90) .. "x")
