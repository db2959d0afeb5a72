-- Raw paths: what no function covers, with the answer taken as it comes.
local circleci = app.integrations.circleci

local me = circleci.api_get({ path = "/me" })
assert(type(me.login) == "string")

local collaborations = circleci.api_get("/me/collaborations")
local first = collaborations[1]
local slug = first and (first.slug or first["vcs-type"] .. "/" .. first.name)

local page = circleci.api_get({ path = "/pipeline", query = { ["org-slug"] = slug, mine = false } })
local ids = {}
for index, pipeline in ipairs(page.items) do ids[index] = pipeline.id end

local count = 0
for pipeline in flow.each(circleci.api_get, { path = "/pipeline", query = { ["org-slug"] = slug } }, { max_items = 50 }) do
  count = count + 1
  if pipeline.vcs and pipeline.vcs.branch == args.branch then print(pipeline.number) end
end

local answer = circleci.api_post({ path = "/workflow/failed-workflow-uuid/rerun", body = { from_failed = true, sparse_tree = false } })
local patched = circleci.api_patch({ path = "/schedule/schedule-uuid", body = { description = "by hand" } })
return { first = ids[1], count = count >= #ids, workflow = answer.workflow_id, description = patched.description, slug = slug }
