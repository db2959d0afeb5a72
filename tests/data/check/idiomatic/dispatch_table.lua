-- One script, several commands: the table of commands is the documentation, too.
local circleci = app.integrations.circleci
local commands = {}

commands.whoami = {
  help = "who the token belongs to",
  run = function()
    local user = circleci.get_current_user()
    return ("%s (%s)"):format(user.name, user.login)
  end,
}

commands.orgs = {
  help = "the organizations one can see",
  run = function()
    local names = {}
    for _, org in ipairs(circleci.list_collaborations()) do
      names[#names + 1] = org.slug .. " (" .. org["vcs-type"] .. ")"
    end
    return table.concat(names, "\n")
  end,
}

commands.keys = {
  help = "checkout keys of a project",
  run = function(project)
    local lines = {}
    for key in flow.each(circleci.list_checkout_keys, { project_slug = project }) do
      lines[#lines + 1] = key.fingerprint .. " " .. key.type .. (key.preferred and " (preferred)" or "")
    end
    return #lines > 0 and table.concat(lines, "\n") or "none"
  end,
}

local function usage()
  local names = {}
  for name in pairs(commands) do names[#names + 1] = name end
  table.sort(names)
  local lines = { "usage: --arg command=NAME" }
  for _, name in ipairs(names) do
    lines[#lines + 1] = ("  %-8s %s"):format(name, commands[name].help)
  end
  return table.concat(lines, "\n")
end

local command = commands[args.command or "whoami"]
if not command then error(usage(), 0) end
return command.run(args.project or "gh/example-org/example-repo")
