-- docs.*: the documentation a script can read.

local core = ...

local docs = {}

--- docs.list(): every page, one a line.
function docs.list() return core.call_host("docs_list") end

--- docs.search(query): the functions whose meaning is nearest, at most ten lines.
function docs.search(query)
  core.expect("string", query, "docs.search", 1)
  return core.call_host("docs_search", query)
end

--- docs.read(page): the text of one page.
function docs.read(page)
  core.expect("string", page, "docs.read", 1)
  return core.call_host("docs_read", page)
end

core.globals.docs = docs
core.globals.lua_read_doc = docs.read
