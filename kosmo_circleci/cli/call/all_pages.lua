-- Every page of one function as one answer. args.account and args.name say which,
-- args.arguments the arguments as JSON. An error is a value here, so that it has no `FILE:LINE:`.

local circleci = app.integrations.circleci
local account, name = args.account, args.name
local fn = account == "default" and circleci[name] or circleci[account][name]

local ok, items = pcall(flow.all, fn, json.decode(args.arguments))
if ok then return { items = items, next_page_token = json.null } end
return { error = { type = items.type, message = tostring(items) } }
