-- Code that runs on several Luas asks what there is before it uses it.
local unpack = table.unpack or unpack
local loadstring = loadstring or load
local pack = table.pack or function(...) return { n = select("#", ...), ... } end
local is_jit = type(jit) == "table"
local bits = bit32 or bit
if setfenv then setfenv(1, {}) end
if io and io.stdout then io.stdout:write("outside the sandbox\n") end
if os.getenv then print(os.getenv("HOME")) end
if package ~= nil and package.loaded then print("modules") end

local chunk = assert(loadstring("return ..."))
local values = pack(chunk(1, nil, 3))
assert(values.n == 3 and not is_jit and bits == nil)

local function sandboxed(code, environment)
  local fn, message = load(code, "inner", "t", environment)
  if not fn then return nil, message end
  return pcall(fn)
end
local ok, sum = sandboxed("x = x + 1; return x + y", { x = 1, y = 2 })
assert(ok and sum == 4)
local none, message = sandboxed("return +", {})
assert(none == nil and message ~= nil)

local function counter()
  local n = 0
  return { inc = function() n = n + 1 return n end, get = function() return n end }
end
local c1, c2 = counter(), counter()
c1.inc() c1.inc() c2.inc();
(function() c2.inc() end)()
assert(c1.get() == 2 and c2.get() == 2)

do
  local handle <close> = setmetatable({}, { __close = function() c1.inc() end })
  local limit <const> = 10
  assert(handle and limit == 10)
end
assert(c1.get() == 3)
return { unpack({ 1, 2, 3 }, 2) }
