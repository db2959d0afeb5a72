-- flow.each and flow.all: the items of every page, whatever API version they come from.
--
-- How it works: the form of an answer tells its style. {items, next_page_token} is API v2, {data, page = {next}} is v3.
-- The cursor goes back as the parameter page_token, which the manifest places in the query or in the body; a raw
-- function has no such parameter, so there it goes where the style has it. What else a list needs (parameters that go
-- with the first page only, a server that ignores the cursor) is in the manifest, and asked for when there is a second
-- page at all.

local core = ...

local huge, next, type = math.huge, next, type
local kinds, options, refuse, shown = core.kinds, core.options, core.refuse, core.shown

local pages = {}
core.pages = pages

core.raw_calls = core.weak()    -- raw functions -> their names
core.call_names = core.weak()   -- API functions -> their names

local function copy(from)
  local to = {}
  for name, value in next, from or {} do to[name] = value end
  return to
end

--- Put a cursor into the request of a raw function: v3 searches take it in the body, all else in the query.
local function set_raw_cursor(request, style, cursor)
  if style == "v3" and request.body ~= nil then
    local body = copy(request.body)
    local page = copy(body.page)
    page.cursor, body.page, request.body = cursor, page, body
    return
  end
  local query = copy(request.query)
  query[style == "v3" and "page[cursor]" or "page-token"], request.query = cursor, query
end

local function set_cursor(fn, request, style, cursor, paging)
  if core.raw_calls[fn] then return set_raw_cursor(request, style, cursor) end
  request.page_token = cursor
  local first_only = paging.first_page_only or {}
  for index = 1, #first_only do request[first_only[index]] = nil end
end

local function is_list(value)
  if type(value) ~= "table" then return false end
  local key = next(value)
  return key == nil or type(key) == "number"
end

--- The items, the cursor (nil on the last page) and the style of a page.
local function read(helper, page)
  local items, cursor, style
  if type(page) == "table" then
    if type(page.items) == "table" then
      items, cursor, style = page.items, page.next_page_token, "v2"
    elseif is_list(page.data) then
      items, style = page.data, "v3"
      cursor = type(page.page) == "table" and page.page.next or nil
      if core.length(items) == 0 then cursor = nil end   -- an empty page ends a list of v3
    end
  end
  if items == nil then
    refuse(helper, "the function must answer a page, {items = {…}, next_page_token = …} or " ..
      "{data = {…}, page = {next = …}}; it answered " .. (type(page) == "table" and "a table without items" or shown(page)))
  end
  if cursor == "" then cursor = nil end
  return items, cursor, style
end

--- Refuse a cursor that leads nowhere. It is compared with the one before and with one that is kept for ever longer
-- (Brent's cycle detection), so that a circle of any length is found and no list of cursors is kept.
local function watch_cursor(helper)
  local last, kept, left, span = nil, nil, 1, 1
  return function(cursor)
    if cursor == last or cursor == kept then
      core.raise("api", helper .. ": the page token does not advance, '" .. core.show(cursor) .. "' came again", helper)
    end
    last, left = cursor, left - 1
    if left == 0 then
      span = span * 2
      kept, left = cursor, span
    end
  end
end

local NONE = {}

local function paging_of(fn)
  local name = core.call_names[fn]
  return name and core.call_host("paging", name) or NONE
end

--- A function that returns the items of the next page, or nil after the last one.
local function reader(helper, fn, args)
  local request = copy(args)   -- the caller's table stays as it was
  local more, cursor, style, paging, check = true, nil, nil, nil, watch_cursor(helper)
  return function()
    if not more then return nil end
    if cursor ~= nil then set_cursor(fn, request, style, cursor, paging) end
    local items, following
    items, following, style = read(helper, fn(request))
    if following ~= nil then
      paging = paging or paging_of(fn)
      if paging.repeats and following == cursor then
        more = false
        return nil   -- the server ignored the cursor: these are the items of the page before
      end
      check(following)
    end
    more, cursor = following ~= nil, following
    return items
  end
end

local OPTIONS = { max_items = { huge, kinds.limit } }

--- An iterator over the items of every page; `helper` is the name in messages.
function pages.each(helper, fn, args, opts)
  core.expect_function(helper, fn, 1)
  if args ~= nil and type(args) ~= "table" then
    refuse(helper, "argument 2 must be a table of the function's parameters, got " .. shown(args))
  end
  local left = options(helper, opts, OPTIONS).max_items
  local items, index, length, next_items = nil, 0, 0, reader(helper, fn, args)
  return function()
    if left <= 0 then return nil end
    local item
    repeat   -- a null among the items would end the loop
      index = index + 1
      while index > length do
        items = nil   -- one page at a time, also while the next one arrives
        items = next_items()
        if items == nil then return nil end
        index, length = 1, core.length(items)
      end
      item = items[index]
    until item ~= nil
    left = left - 1
    return item
  end
end
