--# output without end :: output
while true do print(("x"):rep(100000)) end

--# one line of more than the limit :: output|memory
print(("x"):rep(17 * 1024 * 1024))

--# output without end, caught :: output
while true do pcall(print, ("x"):rep(100000)) end

--# output without end from coroutines :: output
while true do coroutine.resume(coroutine.create(print), ("x"):rep(100000)) end

--# empty lines without end :: cpu|output
while true do print() end

--# dump without end :: output
while true do dump(("x"):rep(100000)) end

--# output of bytes that are not text :: output|cpu
while true do print(("\255"):rep(100000)) end

--# a line of many arguments :: ok true
print(table.unpack({}, 1, 10000))
return true

--# output that looks like the envelope :: ok 1
print('{"success":false}\n\0\27[2J')
return 1

--# output without end, with a character that makes each take four bytes in Python :: output
print("\u{1F600}")
while true do print(("x"):rep(100000)) end

--# output without end that JSON writes six times as long :: output|cpu
while true do print(("\1"):rep(100000)) end

--# a result of characters that JSON writes six times as long, beside much output :: output|memory|cpu|ok
print("\u{1F600}" .. ("x"):rep(8000000))
print(("\1"):rep(4000000))
return "\u{1F600}" .. ("y"):rep(6000000)
