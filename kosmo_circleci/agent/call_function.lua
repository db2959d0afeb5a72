-- One call for the MCP server: args.name is the function, args.arguments its arguments as JSON.
-- An error is a value here, so that all its fields reach the client.

local ok, value = pcall(app.integrations.circleci[args.name], json.decode(args.arguments))
if ok then return { value = value } end
return { error = value }
