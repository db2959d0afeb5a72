-- What an agent does first: search, read, look at servers.
local function first_line(text) return text:match("^[^\n]*") end

local hits = docs.search("cancel a running job")
local names = {}
for name in hits:gmatch("circleci%.([%w_]+)") do names[#names + 1] = name end

local pages = {}
for line in docs.list():gmatch("[^\n]+") do pages[#pages + 1] = line end
local page = lua_read_doc("circleci." .. names[1])
local guide = docs.read("flow")

local servers = {}
for _, server in ipairs(mcp.servers()) do
  servers[#servers + 1] = server.name .. " (" .. server.transport .. ")"
  local ok, tools = pcall(mcp.tools, server.name)
  if ok then
    for _, tool in ipairs(tools) do
      local schema = mcp.schema(server.name .. "." .. tool.name)
      print(tool.path, tool.kind, schema.type)
    end
  end
end
if #servers > 0 and args.tool then
  local answer = app.mcp[args.server][args.tool]({ text = "hello" })
  local same = mcp.call(args.server .. "." .. args.tool, { text = "hello" })
  print(json.encode(answer) == json.encode(same))
end
return { names = names, pages = #pages > 100, title = first_line(page), guide = #guide > 0, servers = servers }
