"""circleci.default_pipeline_values: the values of the official CLI, made without a request."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kosmo_circleci import Bridge

RunLua = Callable[[str], Any]


@pytest.fixture
def values() -> Iterator[RunLua]:
    accounts = {"CIRCLECI_TOKEN_WORK": "token-of-work", "HOME": "/nonexistent"}
    with Bridge(simulate=True, environ=accounts) as bridge:

        def run(code: str) -> Any:
            done = bridge.run(f"local circleci = app.integrations.circleci return {code}")
            assert (done.error, done.call_count) == (None, 0)
            return done.result

        yield run


def test_without_options_they_are_those_of_a_folder_without_git(values: RunLua) -> None:
    result = values("circleci.default_pipeline_values()")
    assert len(result) == 86
    assert {name.partition(".")[0] for name in result} == {"pipeline"}
    assert result["pipeline.id"] == "00000000-0000-0000-0000-000000000001"
    assert result["pipeline.number"] == 1
    assert result["pipeline.git.branch"] == ""
    assert result["pipeline.git.branch.is_default"] is False
    assert result["pipeline.project.type"] == "github"
    assert result["pipeline.trigger_source"] == "webhook"
    assert result["pipeline.trigger_parameters.github_app.branch"] == "main"
    assert result["pipeline.trigger_parameters.gitlab.is_fork_merge_request"] is False
    assert result["pipeline.event.github.pull_request.number"] == 111
    assert result["pipeline.deploy.reason"] == ""


def test_options_fill_every_value_they_stand_for(values: RunLua) -> None:
    before = values("circleci.default_pipeline_values({})")
    result = values("""circleci.default_pipeline_values({
        branch = "b", tag = "t", revision = "r", repo_url = "u", project_type = "gitlab",
        parameters = {deploy = true, count = 2, name = "x", [1] = "y"},
    })""")
    changed = {name: value for name, value in result.items() if before.get(name) != value}
    assert changed == {
        "pipeline.git.branch": "b",
        "pipeline.git.tag": "t",
        "pipeline.project.type": "gitlab",
        **dict.fromkeys(
            (
                "pipeline.git.revision",
                "pipeline.git.base_revision",
                "pipeline.trigger_parameters.github_app.checkout_sha",
                "pipeline.trigger_parameters.github_app.commit_sha",
                "pipeline.trigger_parameters.gitlab.commit_sha",
                "pipeline.event.github.after",
                "pipeline.event.github.pull_request.head.sha",
                "pipeline.event.github.pull_request.base.sha",
                "pipeline.config.sha",
            ),
            "r",
        ),
        **dict.fromkeys(
            (
                "pipeline.project.git_url",
                "pipeline.git.repo_url",
                "pipeline.event.context.github.pr_url",
                "pipeline.event.github.repository.url",
                "pipeline.event.github.pull_request.url",
                "pipeline.config.repository.url",
            ),
            "u",
        ),
        "pipeline.parameters.deploy": True,
        "pipeline.parameters.count": 2,
        "pipeline.parameters.name": "x",
        "pipeline.parameters.1": "y",
    }


def test_every_account_has_it_and_each_call_a_table_of_its_own(values: RunLua) -> None:
    assert (
        values("""(function()
        local values = circleci.work.default_pipeline_values({branch = "b"})
        values["pipeline.git.branch"] = "changed"
        return circleci.work.default_pipeline_values({branch = "b"})["pipeline.git.branch"]
    end)()""")
        == "b"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("{brnch = 'x'}", "unknown option 'brnch'. Did you mean 'branch'? It takes: branch, "),
        ("{branch = 7}", "'branch' takes a string, got 7"),
        ("{parameters = 'x'}", "'parameters' takes a table, got \"x\""),
        ("'main'", 'the options must be a table, got "main"'),
    ],
)
def test_wrong_options_are_named(values: RunLua, options: str, message: str) -> None:
    result = values(f"""(function()
        local ok, e = pcall(circleci.default_pipeline_values, {options})
        return {{ok, e.type, e.message}}
    end)()""")
    assert result[:2] == [False, "validation"]
    assert result[2].startswith(f"circleci.default_pipeline_values: {message}")
