--# a call
c.delete_context('context-uuid')

--# a call by the account's path
c.default.delete_context('context-uuid')

--# a raw post
c.api_post('/project/gh/example-org/example-repo/pipeline', {body = {}})

--# a raw delete
c.api_delete('context/context-uuid')

--# a raw put
c.api_put('/context/context-uuid/environment-variable/A', {body = {value = 'hunter2!!'}})

--# a raw patch of another version
c.api_patch('/api/v3/x', {body = {}})

--# caught
for n = 1, 9 do pcall(c.delete_context, 'context-uuid') end

--# caught with a handler that writes
xpcall(c.delete_context, c.delete_context, 'context-uuid')

--# in a coroutine
coroutine.resume(coroutine.create(c.delete_context), 'context-uuid')

--# in a coroutine of a coroutine
coroutine.wrap(function() coroutine.wrap(c.delete_context)('context-uuid') end)()

--# in branches
flow.map({1, 2, 3}, function() return c.delete_context('context-uuid') end, {errors = 'collect'})

--# as pages
for _ in flow.each(c.delete_context, {context_id = 'context-uuid'}) do end

--# as a list
flow.all(c.delete_context, {context_id = 'context-uuid'})

--# tried again
flow.retry(function() c.delete_context('context-uuid') end)

--# waited for
flow.wait(function() return c.delete_context('context-uuid') end, function() return true end)

--# in loaded text
load("app.integrations.circleci.delete_context('context-uuid')")()

--# found by pairs
for name, fn in pairs(c) do if name == 'delete_context' then fn('context-uuid') end end

--# with other globals
local d = c setmetatable(_G, {__index = function() return {} end}) d.delete_context('context-uuid')

--# with everything replaced
local d = c.delete_context pcall, error, type, next, select = nil d('context-uuid')

--# in a method of an error
error(setmetatable({}, {__tostring = function() c.delete_context('context-uuid') end}))

--# in a comparison
table.sort({3, 2, 1}, function() pcall(c.delete_context, 'context-uuid') return false end)

--# in a replacement
(('x'):gsub('x', function() c.delete_context('context-uuid') end))

--# in a replacement of a pattern
regex.gsub('x', 'x', function() c.delete_context('context-uuid') end)

--# where a variable ends
local x <close> = setmetatable({}, {__close = function() c.delete_context('context-uuid') end}) error('x')

--# at the exit
local x <close> = setmetatable({}, {__close = function() c.delete_context('context-uuid') end}) exit(0)

--# after the exit
pcall(exit, 0) c.delete_context('context-uuid')

--# in the value of an exit
exit(0, setmetatable({}, {__index = function() c.delete_context('context-uuid') end}))

--# in a result
return setmetatable({}, {__pairs = function() c.delete_context('context-uuid') end})

--# in a view
return view(setmetatable({}, {__len = function() c.delete_context('context-uuid') return 0 end}), 'x')

--# in what is printed
print(setmetatable({}, {__tostring = function() c.delete_context('context-uuid') end}))

--# in what is logged
log(setmetatable({}, {__tostring = function() c.delete_context('context-uuid') end}))

--# by a method in the query
c.api_get('/context/context-uuid', {query = {['_method'] = 'DELETE'}})

--# by a path that is a method
c.api_get('DELETE /context/context-uuid')

--# by a line end in a path
c.api_get('/me HTTP/1.1\r\nX: y\r\n\r\nDELETE /api/v2/context/context-uuid')

--# by arguments that change
local n = 0 c.delete_context(setmetatable({}, {__index = function() n = n + 1 return 'context-uuid' end}))

--# with the arguments of leave
c.delete_context({context_id = 'context-uuid', force = true})

--# a pipeline for a wait
flow.wait_pipeline(c.trigger_pipeline({project_slug = 'gh/example-org/example-repo'}).id)

--# a name in other letters
c['delete_context\0']('context-uuid')

--# a tool of another server
mcp.call('files.write', {path = 'x'})

--# the name of another function
app.integrations.circleci.default.default.delete_context('context-uuid')
