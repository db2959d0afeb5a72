-- goto is rare, and mostly "continue".
local circleci = app.integrations.circleci
local lines = {}

for number = 1, 5 do
  if number % 2 == 0 then goto continue end
  do
    local square = number * number
    lines[#lines + 1] = number .. "^2 = " .. square
  end
  ::continue::
end

local tries = 0
::again::
tries = tries + 1
local ok, user = pcall(circleci.get_current_user)
if not ok and tries < 3 then
  flow.sleep(1)
  goto again
end
if ok then lines[#lines + 1] = "hello " .. user.login end

for i = 1, 3 do
  for j = 1, 3 do
    if i * j == 4 then
      lines[#lines + 1] = ("found %d x %d"):format(i, j)
      goto found
    end
  end
end
lines[#lines + 1] = "not found"
::found::

repeat
  local line = table.remove(lines, 1)
  if line and line:match("^hello") then break end
until line == nil
return lines
