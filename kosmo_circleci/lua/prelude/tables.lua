-- csv.* and text.*: rows as text for other programs and for people. The host computes; nothing is sent.

local core = ...

local csv, text = {}, {}

--- The JSON text of an argument, null where there is none.
local function written(helper, value, position)
  if value == nil then return nil end
  core.expect("table", value, helper, position)
  local json, fault, key, kind = core.encode(value, { strict = true })
  if json == nil then
    core.raise(kind or "runtime", helper .. ": " .. fault .. " cannot be written" ..
      (key and " (at key '" .. key .. "')" or ""), helper)
  end
  return json
end

--- A function (rows[, columns]) that the host function `name` answers.
local function of_rows(helper, name)
  return function(rows, columns)
    core.expect("table", rows, helper, 1)
    return core.call_host(name, written(helper, rows, 1), written(helper, columns, 2))
  end
end

--- csv.encode(rows[, columns]): a header and a line for each row, each with a newline at its end.
csv.encode = of_rows("csv.encode", "csv_encode")

--- csv.decode(text): a list of tables, the fields of each record by the names in the header.
function csv.decode(value)
  core.expect("string", value, "csv.decode", 1)
  return core.call_host("csv_decode", value)
end

--- text.table(rows[, columns]): aligned columns, none cut.
text.table = of_rows("text.table", "text_table")

--- text.markdown(rows[, columns]): a table of Markdown.
text.markdown = of_rows("text.markdown", "text_markdown")

core.globals.csv, core.globals.text = csv, text
