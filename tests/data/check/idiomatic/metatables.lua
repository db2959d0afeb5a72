-- Operators, read-only tables, defaults, proxies.
local Vector = {}
Vector.__index = Vector
local function vector(x, y) return setmetatable({ x = x, y = y }, Vector) end
Vector.__add = function(a, b) return vector(a.x + b.x, a.y + b.y) end
Vector.__mul = function(a, k) return vector(a.x * k, a.y * k) end
Vector.__eq = function(a, b) return a.x == b.x and a.y == b.y end
Vector.__len = function() return 2 end
Vector.__tostring = function(v) return "(" .. v.x .. ", " .. v.y .. ")" end
function Vector:length() return math.sqrt(self.x ^ 2 + self.y ^ 2) end
assert(vector(1, 2) + vector(2, 2) == vector(3, 4))
assert((vector(1, 2) * 2).y == 4 and vector(3, 4):length() == 5.0)

local function read_only(t)
  return setmetatable({}, {
    __index = t,
    __newindex = function(_, key) error("read-only: " .. tostring(key), 2) end,
    __pairs = function() return pairs(t) end,
  })
end
local settings = read_only({ retries = 3, branch = "main" })
assert(not pcall(function() settings.retries = 4 end) and settings.branch == "main")

local function with_defaults(options, defaults)
  return setmetatable(options or {}, { __index = defaults })
end
local options = with_defaults({ timeout = 10 }, { timeout = 600, interval = 5 })
assert(options.timeout == 10 and options.interval == 5)

-- A proxy that counts the calls of a table of functions.
local calls = {}
local circleci = setmetatable({}, {
  __index = function(_, name)
    return function(...)
      calls[name] = (calls[name] or 0) + 1
      return app.integrations.circleci[name](...)
    end
  end,
})
local me = circleci.get_current_user()
local again = circleci.get_current_user()
assert(me.login == again.login and calls.get_current_user == 2)

local stack = setmetatable({}, {
  __call = function(self, value)
    self[#self + 1] = value
    return self
  end,
})
stack("a")("b")("c")
return { text = tostring(vector(1, 2)), depth = #stack, calls = calls }
