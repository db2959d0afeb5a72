-- Long strings, buffers, formats, escapes.
local buffer = {}
local function emit(text, ...)
  if select("#", ...) > 0 then text = text:format(...) end
  buffer[#buffer + 1] = text
end

emit("# Report\n")
emit("Generated for %s\n", args.who or "everybody")
emit [[

A long string: "quotes" and \backslashes\ stay.
]]
emit([==[ nested ]] brackets ]==])
emit('single \'quotes\', tab\t, byte \65, hex \x42, unicode \u{20AC}, joined \z
      lines\n')

local project = app.integrations.circleci.get_project("gh/example-org/example-repo")
emit("%-12s|%12s|%+d|%05.1f|%x|%q\n", project.name, project.slug, 42, 3.14159, 255, "a \"quoted\" word")
emit("%s %s %s\n", true, nil, { a = 1 })
emit("100%%\n")
local rule = ("="):rep(20)
emit(rule .. "\n")

local pieces = {}
for i = 1, 10 do
  pieces[#pieces + 1] = i % 3 == 0 and "fizz" or tostring(i)
end
emit("%s\n", table.concat(pieces, ", ", 1, 5))

local template = "Hello ${name}, you have ${count} failures in ${project}."
local values = { name = "Ann", count = 3, project = project.name }
emit("%s\n", (template:gsub("%${(%w+)}", values)))
emit("%s\n", (template:gsub("%${(%w+)}", function(key) return tostring(values[key] or "?") end)))

local utf = "naïve café"
local letters = 0
for _, code in utf8.codes(utf) do if code > 127 then letters = letters + 1 end end
emit("%d of %d characters are not ASCII, the last is %s\n", letters, utf8.len(utf), utf8.char(utf8.codepoint(utf, -2)))
return table.concat(buffer)
