-- Pages by hand, without flow: three ways.
local circleci = app.integrations.circleci
local slug = "gh/example-org/example-repo"

-- 1. while true
local pipelines, token = {}, nil
while true do
  local page = circleci.list_project_pipelines({ project_slug = slug, page_token = token })
  for _, pipeline in ipairs(page.items) do pipelines[#pipelines + 1] = pipeline end
  token = page.next_page_token
  if not token then break end
end

-- 2. repeat
local count = 0
local request = { project_slug = slug }
repeat
  local page = circleci.list_project_pipelines(request)
  count = count + #page.items
  request.page_token = page.next_page_token
until page.next_page_token == nil
assert(count == #pipelines)

-- 3. a recursive function
local function collect(args_of_call, into)
  local page = circleci.list_project_pipelines(args_of_call)
  for i = 1, #page.items do into[#into + 1] = page.items[i].number end
  if page.next_page_token then
    return collect({ project_slug = args_of_call.project_slug, page_token = page.next_page_token }, into)
  end
  return into
end
local numbers = collect({ project_slug = slug }, {})
table.sort(numbers)
return { first = numbers[1], last = numbers[#numbers], count = count, states = (function()
  local states = {}
  for _, pipeline in ipairs(pipelines) do states[pipeline.state] = (states[pipeline.state] or 0) + 1 end
  return states
end)() }
