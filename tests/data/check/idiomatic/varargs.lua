-- Varargs, multiple results, select, pack and unpack.
local function count(...) return select("#", ...) end
local function last(...)
  local n = select("#", ...)
  if n == 0 then return nil end
  return (select(n, ...))
end
local function swap(a, b) return b, a end
local function sum(first, ...)
  if first == nil then return 0 end
  return first + sum(...)
end
local function printf(format, ...) print(string.format(format, ...)) end
local function defaults(a, b, c)
  if b == nil then b = 2 end
  c = c or a * b
  return a, b, c
end
local function tail(...) return select(2, ...) end
local function curry(fn, n, ...)
  local bound = { n = select("#", ...), ... }
  if bound.n >= n then return fn(table.unpack(bound, 1, bound.n)) end
  return function(...)
    local all = { table.unpack(bound, 1, bound.n) }
    local more = table.pack(...)
    for i = 1, more.n do all[bound.n + i] = more[i] end
    return curry(fn, n, table.unpack(all, 1, bound.n + more.n))
  end
end

assert(count() == 0 and count(nil, nil) == 2 and last(1, 2, 3) == 3 and last() == nil)
local x, y = swap(1, 2)
assert(x == 2 and y == 1 and sum(1, 2, 3) == 6)
local a, b, c, d = defaults(3)
assert(a == 3 and b == 2 and c == 6 and d == nil)
assert(count(tail(1, 2, 3)) == 2)
assert(curry(function(p, q, r) return p + q + r end, 3)(1)(2)(3) == 6)

local circleci = app.integrations.circleci
local function call(name, ...)
  local fn = circleci[name]
  return fn(...)
end
local workflow = call("get_workflow", "failed-workflow-uuid")
local same = call("get_workflow", { workflow_id = "failed-workflow-uuid" })
assert(workflow.id == same.id)

local function all_of(...)
  local out = {}
  for _, fn in ipairs({ ... }) do
    for _, value in ipairs(table.pack(fn())) do out[#out + 1] = value end
  end
  return table.unpack(out)
end
printf("%s %s", all_of(function() return "a" end, function() return "b", "c" end))
local t = { swap("p", "q"), swap("r", "s") }
assert(#t == 3 and t[1] == "q" and t[3] == "r")
return { ("%d-%d"):format(swap(10, 20)) }
