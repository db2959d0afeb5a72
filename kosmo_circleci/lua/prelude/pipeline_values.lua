-- circleci.default_pipeline_values: the values of `<< pipeline.… >>` where no pipeline runs.
--
-- The names and values are those that CircleCI's own command line fills in before it asks the server to compile a
-- configuration, seen in its version 1 (August 2026): without them a configuration that uses one does not compile.

local core = ...

local next, type = next, type
local options, kinds = core.options, core.kinds

local NAME = "circleci.default_pipeline_values"
local ID, TIME = "00000000-0000-0000-0000-000000000001", "2020-01-01T00:00:00Z"

-- Values that are empty, names below "pipeline.".
local EMPTY = {
  "name", "git.commit.author_avatar_url", "git.commit.author_email", "git.commit.author_login", "git.commit.author_name",
  "git.commit.body", "git.commit.subject", "git.commit.url", "git.repo_id", "git.repo_name", "git.repo_owner",
  "trigger_parameters.webhook.body", "trigger_parameters.github_app.commit_title",
  "trigger_parameters.github_app.commit_message", "trigger_parameters.github_app.commit_author_name",
  "trigger_parameters.github_app.repo_name", "trigger_parameters.github_app.repo_url",
  "trigger_parameters.github_app.user_avatar", "trigger_parameters.github_app.user_name",
  "trigger_parameters.github_app.user_username", "trigger_parameters.github_app.web_url", "trigger.type", "trigger.name",
  "schedule.name", "schedule.id", "event.name", "event.action", "event.github.sender.avatar_url",
  "event.github.sender.type", "event.github.head_commit.url", "event.github.pull_request.title", "event.github.label",
  "event.github.comment.body", "config.file_path", "config.repository.name", "deploy.component_name",
  "deploy.environment_name", "deploy.target_version", "deploy.current_version", "deploy.namespace", "deploy.reason",
}

local FIXED = {
  id = ID, number = 1, trigger_source = "webhook",
  ["git.branch.is_default"] = false,
  ["trigger_parameters.circleci.event_time"] = TIME,
  ["trigger_parameters.circleci.trigger_type"] = "github_app",
  ["trigger_parameters.circleci.event_type"] = "push",
  ["trigger_parameters.github_app.branch"] = "main",
  ["trigger_parameters.github_app.commit_timestamp"] = TIME,
  ["trigger_parameters.github_app.ref"] = "refs/heads/master",
  ["trigger_parameters.github_app.total_commits_count"] = 1,
  ["trigger_parameters.github_app.user_id"] = ID,
  ["trigger_parameters.gitlab.default_branch"] = "main",
  ["trigger_parameters.gitlab.x_gitlab_event_id"] = ID,
  ["trigger_parameters.gitlab.is_fork_merge_request"] = false,
  ["trigger.id"] = ID, ["trigger.received_at"] = TIME,
  ["event.github.repository.name"] = "repo-name",
  ["event.github.repository.owner.login"] = "repo-owner",
  ["event.github.sender.login"] = "user-login",
  ["event.github.ref"] = "branch-name",
  ["event.github.pull_request.base.ref"] = "base-branch",
  ["event.github.pull_request.head.ref"] = "head-branch",
  ["event.github.pull_request.merged"] = false,
  ["event.github.pull_request.number"] = 111,
  ["event.github.pull_request.draft"] = false,
  ["config.ref"] = "refs/head/master",
}

-- Values that are one of the options.
local FROM_OPTIONS = {
  branch = { "git.branch" },
  tag = { "git.tag" },
  project_type = { "project.type" },
  revision = {
    "git.revision", "git.base_revision", "trigger_parameters.github_app.checkout_sha",
    "trigger_parameters.github_app.commit_sha", "trigger_parameters.gitlab.commit_sha", "event.github.after",
    "event.github.pull_request.head.sha", "event.github.pull_request.base.sha", "config.sha",
  },
  repo_url = {
    "project.git_url", "git.repo_url", "event.context.github.pr_url", "event.github.repository.url",
    "event.github.pull_request.url", "config.repository.url",
  },
}

local TABLE = { "a table", function(value) return type(value) == "table" end }

local OPTIONS = {
  branch = { "", kinds.name }, tag = { "", kinds.name }, revision = { "", kinds.name }, repo_url = { "", kinds.name },
  project_type = { "github", kinds.name }, parameters = { nil, TABLE },
}

--- circleci.default_pipeline_values([{branch = …, parameters = …}]): the values, by their full names; no request.
local function default_pipeline_values(opts)
  local chosen, values = options(NAME, opts, OPTIONS), {}
  for index = 1, #EMPTY do values["pipeline." .. EMPTY[index]] = "" end
  for name, value in next, FIXED do values["pipeline." .. name] = value end
  for option, names in next, FROM_OPTIONS do
    for index = 1, #names do values["pipeline." .. names[index]] = chosen[option] end
  end
  for name, value in next, chosen.parameters or {} do values["pipeline.parameters." .. core.show(name)] = value end
  return values
end

core.namespace_helpers = { default_pipeline_values = default_pipeline_values }
