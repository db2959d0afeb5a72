-- Text work with regex and with Lua's own patterns.
local log = [[
2024-05-01T10:00:00Z INFO  starting
2024-05-01T10:00:02Z ERROR could not connect to db-1:5432
2024-05-01T10:00:03Z WARN  retrying in 2s
2024-05-01T10:00:05Z ERROR could not connect to db-2:5432
]]

local errors = {}
for _, match in ipairs(regex.match_all(log, "^(?<time>\\S+) ERROR (?<text>.+)$", "m")) do
  errors[#errors + 1] = { at = match.time, text = match.text }
end

local hosts = {}
for host, port in log:gmatch("(db%-%d):(%d+)") do
  hosts[#hosts + 1] = host .. "/" .. port
end

local masked = regex.gsub(log, "db-(\\d)", function(match) return "db-<" .. match[1] .. ">" end)
local shouted = regex.gsub("a b c", "\\w", "[$0]", 2)
local words = regex.split("one,two;;three", "[,;]+")
local first = regex.match("v1.22.3", "^v(\\d+)\\.(\\d+)\\.(\\d+)$")
local major = first and tonumber(first[2])

local function trim(text) return (text:gsub("^%s+", ""):gsub("%s+$", "")) end
local function starts_with(text, prefix) return text:sub(1, #prefix) == prefix end
local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do lines[#lines + 1] = line end
  return lines
end
local function title(text)
  return (text:gsub("(%a)(%w*)", function(head, tail) return head:upper() .. tail:lower() end))
end

local warnings = 0
for _, line in ipairs(lines_of(trim(log))) do
  local level = line:match("%u%u%u%u+")
  if level == "WARN" then warnings = warnings + 1 end
  assert(starts_with(line, "2024-"))
end
return {
  errors = errors, hosts = hosts, masked = #masked, shouted = shouted, words = words, major = major,
  warnings = warnings, title = title("hello lua world"), reversed = ("abc"):reverse(), bytes = { ("AZ"):byte(1, -1) },
}
