-- app.integrations.circleci.<function> and app.integrations.circleci.<account>.<function>.

local core = ...

local next, setmetatable, type = next, setmetatable, type

local NAMESPACE = "app.integrations.circleci"

--- What `pairs` walks a read-only table with: `next` itself would need the content, and give it away.
local function each_of(content)
  return function(_, key) return next(content, key) end
end

--- A table that can be read and listed, not changed. `all()` returns its content; `missing(name)` answers for an
-- unknown name.
local function read_only_of(all, path, missing)
  local proxy = setmetatable({}, {
    __index = function(_, name)
      local value = all()[name]
      if value == nil then return missing(name) end
      return value
    end,
    __newindex = function(_, name)
      core.raise("runtime", path .. " is read-only: '" .. core.show(name) .. "' cannot be set")
    end,
    __pairs = function(self) return each_of(all()), self, nil end,
    __len = function() return 0 end,
    __metatable = false,
  })
  core.contents[proxy] = all
  return proxy
end
core.read_only_of = read_only_of

local function read_only(content, path, missing)
  return read_only_of(function() return content end, path, missing)
end

--- Refuse arguments that JSON cannot carry: the host names the parameter where there are stand-ins for them.
local function refuse_arguments(name, named, value, fault, key, kind)
  local text = core.encode(value, { strict = true, stand_ins = true })
  if text ~= nil then core.call_host("refuse_arguments", name, named, text) end
  core.raise(kind or "validation", name .. ": the arguments hold " .. fault .. ", which JSON cannot carry" ..
    (key and " (at '" .. key .. "')" or ""), name)
end

--- One function of the namespace. A single table is the named form; anything else is positional.
local function caller(name, account, call_path)
  return function(...)
    local count = core.count(...)
    local first = ...
    local named = count == 0 or count == 1 and type(first) == "table"
    local value = count == 0 and {} or first
    if not named then value = core.list(count, ...) end
    local text, fault, key, kind = core.encode(value, { strict = true })
    if text == nil then refuse_arguments(name, named, value, fault, key, kind) end
    return core.call_waiting("call", name, account, call_path, named, text)
  end
end

-- The raw functions: their page token goes into the query.
local RAW = { api_get = true, api_post = true, api_put = true, api_patch = true, api_delete = true }

local function functions(names, account, path)
  local content = {}
  for index = 1, #names do
    local name = names[index]
    local call = caller(name, account, path .. "." .. name)
    content[name] = call
    core.item_only[call] = true
    core.call_names[call] = name
    if RAW[name] then core.raw_calls[call] = true end
  end
  for name, helper in next, core.namespace_helpers do content[name] = helper end
  content.here = core.here_of(account)
  return content
end

local function unknown(path)
  return function(name)
    return core.call_host("unknown_name", path, core.show(name))
  end
end

--- Call `name` of the host's extension with JSON-like arguments; see lua/extension.py.
function core.call_extension(name, ...)
  local text, fault, key = core.encode(core.list(core.count(...), ...), { strict = true })
  if text == nil then
    core.raise("validation", name .. ": the arguments hold " .. fault .. ", which JSON cannot carry" ..
      (key and " (at '" .. key .. "')" or ""))
  end
  return core.call_waiting("extension", name, text)
end

--- Build `app` from the host's lists of function and account names, and the default account's name.
function core.build_app(names, accounts, default)
  local content = {}
  core.globals.app = read_only(content, "app", unknown("app"))
  if core.build_mcp then content.mcp = core.build_mcp() end
  if #names == 0 then return end
  local circleci = functions(names, default, NAMESPACE)
  core.flow_circleci = circleci
  for index = 1, #accounts do
    local account = accounts[index]
    local path = NAMESPACE .. "." .. account
    circleci[account] = read_only(functions(names, account, path), path, unknown(path))
  end
  local integrations = { circleci = read_only(circleci, NAMESPACE, unknown(NAMESPACE)) }
  content.integrations = read_only(integrations, "app.integrations", unknown("app.integrations"))
end
