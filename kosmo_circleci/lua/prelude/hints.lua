-- What an error of Lua itself means to a script's author: the way out, behind the message.
--
-- Lua says `attempt to call a nil value (field 'mpa')` and not whose field that is. So the tables of the bridge
-- note the last name that was looked up in vain, and the line. The lookup itself gives nil, as ever: scripts test
-- for what there is (`if files then`).

local core = ...

local concat, find, match, next, pcall = table.concat, string.find, string.match, next, pcall
local rawget, setmetatable, sort, type = rawget, setmetatable, table.sort, type

local G = core.globals

local NO_FILES = "the sandbox has no %s. With --files DIR a script has files.read, files.write and files.list"
local MODULES = "the sandbox has no %s. A script file loads others with require, from its own folder or --lua-path DIR"
local NO_MODULES = "this run has no %s. A script that is a file loads modules from its own folder; with --eval and " ..
  "standard input give --lua-path DIR (Python: lua_path=[DIR])"

-- Names that scripts for other hosts use -> what to use here; "%s" is the name.
local INSTEAD = {
  io = NO_FILES, ["os.remove"] = NO_FILES, ["os.rename"] = NO_FILES, ["os.tmpname"] = NO_FILES,
  require = NO_MODULES,
  files = "this run has no %s. Give the folder it may use: --files DIR (Python: files=DIR)",
  package = MODULES, dofile = MODULES, loadfile = MODULES,
  circleci = "write local circleci = app.integrations.circleci first",
  ["os.exit"] = "the sandbox has no %s. exit(code) ends the run",
  ["os.getenv"] = "the sandbox has no %s. Pass values with --arg NAME=VALUE; they are args.NAME",
  ["os.execute"] = "the sandbox has no %s, and starts no programs",
  unpack = "Did you mean table.unpack?",
  loadstring = "Did you mean load?",
  ["json.parse"] = "Did you mean json.decode?", ["json.loads"] = "Did you mean json.decode?",
  ["json.stringify"] = "Did you mean json.encode?", ["json.dumps"] = "Did you mean json.encode?",
  ["csv.parse"] = "Did you mean csv.decode?", ["csv.read"] = "Did you mean csv.decode?",
  ["csv.format"] = "Did you mean csv.encode?", ["csv.write"] = "Did you mean csv.encode?",
  ["text.csv"] = "Did you mean csv.encode?", ["text.md"] = "Did you mean text.markdown?",
  ["regex.find"] = "Did you mean regex.match?", ["regex.search"] = "Did you mean regex.match?",
  ["regex.test"] = "Did you mean regex.match?", ["regex.findall"] = "Did you mean regex.match_all?",
  ["regex.replace"] = "Did you mean regex.gsub?", ["regex.sub"] = "Did you mean regex.gsub?",
  ["flow.parallel"] = "Did you mean flow.map?", ["flow.poll"] = "Did you mean flow.wait?",
  ["flow.wait_for"] = "Did you mean flow.wait?", ["flow.wait_for_pipeline"] = "Did you mean flow.wait_pipeline?",
  ["flow.pages"] = "Did you mean flow.each?", ["flow.collect"] = "Did you mean flow.all?",
  ["docs.get"] = "Did you mean docs.read?", ["docs.find"] = "Did you mean docs.search?",
}

local LONGEST_NAME, MOST_NAMES = 100, 1000

local own = {}                                     -- path -> table of the bridge
local missing_name, missing_path, missing_at       -- the last lookup in vain

local function note_missing(path)
  return function(_, name)
    missing_name, missing_path, missing_at = name, path, core.where()
    return nil
  end
end

for path, content in next, G do
  if type(content) == "table" and content ~= G and core.contents[content] == nil then
    own[path] = content
    setmetatable(content, { __index = note_missing(path) })
  end
end

local function identifiers(content)
  local names = {}
  for name in next, content do
    if type(name) == "string" and find(name, "^[%a_][%w_]*$") and #names < MOST_NAMES then names[#names + 1] = name end
  end
  sort(names)
  return concat(names, " ")
end

local function nearest(name, content, prefix)
  local near = core.call_host("nearest", name, identifiers(content))
  return near and "Did you mean " .. prefix .. near .. "?"
end

local function instead(path)
  local text = INSTEAD[path]
  if text == nil then return nil end
  local before, after = match(text, "^(.-)%%s(.*)$")
  return before and before .. path .. after or text
end

local function of_global(name)
  if rawget(G, name) ~= nil then return nil end
  local circleci = core.flow_circleci
  if circleci and circleci[name] then return "Did you mean app.integrations.circleci." .. name .. "?" end
  return instead(name) or nearest(name, G, "")
end

local function of_field(name, text)
  if name ~= missing_name or not find(text, missing_at .. " attempt to ", 1, true) then return nil end
  local path = missing_path .. "." .. name
  if INSTEAD[path] then return instead(path) end
  local near = nearest(name, own[missing_path], missing_path .. ".")
  return path .. " does not exist" .. (near and ". " .. near or "")
end

local function hint(text)
  local kind, name = match(text, "attempt to [%a ]+ a nil value %((%a+) '([%a_][%w_]*)'%)$")
  if kind == nil or #name > LONGEST_NAME then return nil end
  if kind == "global" then return of_global(name) end
  if kind == "field" or kind == "method" then return of_field(name, text) end
end

--- The text of an error of Lua, with the way out where there is one.
function core.hinted(text)
  local ok, words = pcall(hint, text)
  return ok and words and text .. ": " .. words or text
end
