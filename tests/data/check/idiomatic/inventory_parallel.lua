-- Nested flow.map: contexts and their variables, projects and theirs, all at once.
local circleci = app.integrations.circleci
local org = args.org or "gh/example-org"

local function all(fn, request) return flow.all(fn, request) end

local answers = flow.map({
  function()
    local contexts = all(circleci.list_contexts, { owner_slug = org })
    return flow.map(contexts, function(context)
      local names = {}
      for i, variable in ipairs(all(circleci.list_context_env_vars, { context_id = context.id })) do
        names[i] = variable.variable
      end
      return { kind = "context", name = context.name, names = names }
    end)
  end,
  function()
    local projects = all(circleci.list_projects, { org_slug = org })
    return flow.map(projects, function(project)
      local names = json.array()
      local ok, variables = pcall(all, circleci.list_project_env_vars, { project_slug = project.slug })
      if ok then
        for _, variable in ipairs(variables) do names[#names + 1] = variable.name end
      end
      return { kind = "project", name = project.slug, names = names }
    end)
  end,
}, function(task) return task() end, { concurrency = 4 })

local rows, seen = json.array(), {}
for _, part in ipairs(answers) do
  for _, owner in ipairs(part) do
    for _, name in ipairs(owner.names) do
      local row = seen[name]
      if row == nil then
        row = { name = name, places = {} }
        seen[name] = row
        rows[#rows + 1] = row
      end
      row.places[#row.places + 1] = owner.kind .. " " .. owner.name
    end
  end
end
table.sort(rows, function(x, y) return x.name < y.name end)
return rows
