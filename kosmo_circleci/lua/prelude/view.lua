-- view(rows, text): a result that is rows for programs and a text for people.
--
-- A view is a read-only stand-in for its rows: it reads, lists and encodes as they do. Its text counts where a
-- script returns it, alone, or gives it to exit; see run.lua.

local core = ...

local next, setmetatable, type = next, setmetatable, type

local views = core.views

local function rows_of(view)
  return views[view].rows
end

local View = {
  __index = function(view, key)
    local rows = rows_of(view)
    if type(rows) == "table" then return rows[key] end
  end,
  __newindex = function(_, key)
    core.raise("runtime", "a view is read-only: '" .. core.show(key) .. "' cannot be set; change the rows before", "view")
  end,
  __len = function(view)
    local rows = rows_of(view)
    return (type(rows) == "table" or type(rows) == "string") and #rows or 0
  end,
  __pairs = function(view)
    local rows = rows_of(view)
    if type(rows) ~= "table" then return next, {}, nil end
    return core.globals.pairs(rows)
  end,
  __metatable = false,
}

--- view(rows, text): return it, and `rows` is the result, `text` what text mode prints in its place.
function core.globals.view(rows, text)
  core.expect("string", text, "view", 2)
  if views[rows] then rows = rows_of(rows) end
  local view = setmetatable({}, View)
  views[view] = { rows = rows, text = text }
  core.contents[view] = function() return type(rows) == "table" and rows or {} end
  return view
end
