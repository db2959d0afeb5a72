-- Data structures: queue, stack, set, ordered map, binary heap.
local Queue = {}
Queue.__index = Queue
function Queue.new() return setmetatable({ first = 1, last = 0 }, Queue) end
function Queue:push(value)
  self.last = self.last + 1
  self[self.last] = value
end
function Queue:pop()
  if self.first > self.last then return nil end
  local value = self[self.first]
  self[self.first] = nil
  self.first = self.first + 1
  return value
end

local Heap = {}
Heap.__index = Heap
function Heap.new(less) return setmetatable({ less = less, items = {} }, Heap) end
function Heap:push(item)
  local items, i = self.items, #self.items + 1
  items[i] = item
  while i > 1 and self.less(items[i], items[i // 2]) do
    items[i], items[i // 2] = items[i // 2], items[i]
    i = i // 2
  end
end
function Heap:pop()
  local items = self.items
  local top, last = items[1], table.remove(items)
  if #items > 0 then
    items[1] = last
    local i = 1
    while true do
      local smallest = i
      for _, child in ipairs({ 2 * i, 2 * i + 1 }) do
        if items[child] and self.less(items[child], items[smallest]) then smallest = child end
      end
      if smallest == i then break end
      items[i], items[smallest] = items[smallest], items[i]
      i = smallest
    end
  end
  return top
end

local queue, heap = Queue.new(), Heap.new(function(a, b) return a.priority < b.priority end)
for job in flow.each(app.integrations.circleci.list_workflow_jobs, { workflow_id = "failed-workflow-uuid" }) do
  queue:push(job)
end
local order = { failed = 1, canceled = 2, success = 3 }
for job in function() return queue:pop() end do
  heap:push({ priority = order[job.status] or 9, name = job.name, job = job })
end
local names = {}
while #heap.items > 0 do
  local top = heap:pop()
  names[#names + 1] = top.name .. " " .. top.job.status
end
return names
