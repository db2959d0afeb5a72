-- mcp.* and app.mcp.<server>.<tool>: the tools of MCP servers.
--
-- Nothing is fetched before a script asks: which servers there are comes from the host when
-- `app.mcp` is first looked into, the tools of one when it is first looked into, which starts it.

local core = ...

local type = type

local mcp = {}

--- A proxy whose content is fetched once, by `fetch(content)`; `missing(name)` answers for the rest.
local function lazy(path, fetch, missing)
  local content, fetched = {}, false
  local function all()
    if not fetched then
      fetch(content)
      fetched = true
    end
    return content
  end
  return core.read_only_of(all, path, missing)
end

local function tool(server, name)
  local path = "app.mcp." .. server .. "." .. name
  return function(...)
    local arguments = ...
    if core.count(...) > 1 or (arguments ~= nil and type(arguments) ~= "table") then
      core.raise("validation", path .. ": a tool takes one table of named arguments: " .. path ..
        "({name = value}). mcp.schema(\"" .. server .. "." .. name .. "\") describes them.", path)
    end
    return core.call_extension("mcp.call", server .. "." .. name, arguments)
  end
end

local function server(name)
  local tools
  local path = "app.mcp." .. name
  tools = lazy(path, function(content)
    local listed = core.call_extension("mcp.tools", name)
    for index = 1, #listed do content[listed[index].name] = tool(name, listed[index].name) end
  end, function(spelling)
    -- The server's own spelling counts too, as does a tool that it has gained since.
    return tool(name, core.call_extension("app.mcp.tool", name, core.show(spelling)))
  end)
  return tools
end

--- The content of `app.mcp`.
function core.build_mcp()
  local proxy
  proxy = lazy("app.mcp", function(content)
    local servers = core.call_extension("mcp.servers")
    for index = 1, #servers do content[servers[index].name] = server(servers[index].name) end
  end, function(spelling)
    return proxy[core.call_extension("app.mcp", core.show(spelling))]
  end)
  return proxy
end

--- mcp.servers(): the configured servers, [{name, transport, target, source, scope, trust}, …].
function mcp.servers() return core.call_extension("mcp.servers") end

--- mcp.tools([server]): the tools of one server, or of all: [{name, path, kind, description, …}, …].
function mcp.tools(name) return core.call_extension("mcp.tools", name) end

--- mcp.schema("server.tool"): the JSON Schema of a tool's arguments.
function mcp.schema(name) return core.call_extension("mcp.schema", name) end

--- mcp.call("server.tool"[, args]): the same as app.mcp.server.tool(args).
function mcp.call(name, args) return core.call_extension("mcp.call", name, args) end

--- mcp.resources(server): [{uri, name, description, mimeType}, …].
function mcp.resources(name) return core.call_extension("mcp.resources", name) end

--- mcp.read_resource(server, uri): its text, or {uri, mimeType, blob}; a list where it has several.
function mcp.read_resource(name, uri) return core.call_extension("mcp.read_resource", name, uri) end

--- mcp.prompts(server): [{name, description, arguments}, …].
function mcp.prompts(name) return core.call_extension("mcp.prompts", name) end

--- mcp.get_prompt(server, name[, args]): {description, messages}.
function mcp.get_prompt(server_name, name, args) return core.call_extension("mcp.get_prompt", server_name, name, args) end

core.globals.mcp = mcp
