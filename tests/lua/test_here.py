"""circleci.here: where a script runs, in this process and in one of its own."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci import Bridge, Run
from kosmo_circleci.catalog.lookup import HELPERS
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.runtime import Runtime

HERE = "return app.integrations.circleci.here()"
CONFIG: dict[str, Any] = {
    "integrations": {
        "circleci": {
            "accounts": {
                "default": {"token": "token-of-default"},
                "server": {"token": "token-of-server", "url": "https://circleci.example.com"},
            }
        }
    }
}


@pytest.fixture(params=[False, True], ids=["in-process", "isolated"])
def run(request: pytest.FixtureRequest) -> Callable[..., Run]:
    """Return a function that runs a script of real accounts, none of which is asked anything."""

    def run(code: str, **options: Any) -> Run:
        with Bridge(config=CONFIG) as bridge:
            return bridge.run(code, isolate=request.param, **options)

    return run


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a checkout with a remote on a host whose name says nothing."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "web"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for arguments in (
        ("init", "--initial-branch", "topic"),
        ("remote", "add", "origin", "https://T0KEN@scm.example.com/acme/web.git"),
    ):
        subprocess.run(["git", *arguments], check=True, capture_output=True, timeout=20)
    return folder


def test_the_checkout_is_that_of_the_hosts_current_folder(
    run: Callable[..., Run], checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = run(HERE)
    assert (ended.error, ended.call_count) == (None, 0)
    assert ended.result == {"remote": "https://scm.example.com/acme/web.git", "branch": "topic"}
    monkeypatch.chdir(checkout.parent)
    assert run(HERE).error == (
        f"script:1: circleci.here: {checkout.parent} is not inside a git checkout. Change to one, "
        "or name the project and the branch."
    )


def test_a_kept_process_sees_the_folder_of_its_host(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bridge(config=CONFIG) as bridge:
        assert bridge.run(HERE, isolate=True).result["branch"] == "topic"
        monkeypatch.chdir(checkout.parent)
        assert bridge.run(HERE, isolate=True).error_type == "configuration"


def test_a_kept_state_asks_within_the_time_of_each_run(checkout: Path) -> None:
    now = [0.0]
    runtime = Runtime(config=CONFIG)
    session = runtime.session(RunSettings(), deadline=Deadline(10, clock=lambda: now[0]))
    try:
        assert session.run(HERE).result["branch"] == "topic"
        now[0] = 100.0
        assert session.run(HERE, deadline=Deadline()).result["branch"] == "topic"
    finally:
        session.close()
        runtime.close()


def test_it_is_asked_once_a_run(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    surroundings = Runtime(config=CONFIG).surroundings.__class__
    here = surroundings.here
    monkeypatch.setattr(
        surroundings, "here", lambda *given: asked.append(given[-1]) or here(*given)
    )
    with Bridge(config=CONFIG) as bridge:
        code = f"for n = 1, 50 do {HERE.removeprefix('return ')} end {HERE}"
        assert bridge.run(code).result["branch"] == "topic"
        assert asked == ["default"]
        monkeypatch.chdir(checkout.parent)
        assert bridge.run("return pcall(app.integrations.circleci.here)").result[0] is False
        assert asked == ["default", "default"]


def test_the_accounts_server_tells_what_an_unknown_host_is(
    run: Callable[..., Run], checkout: Path
) -> None:
    of_server = {"project_slug": "gh/acme/web", "branch": "topic"}
    assert run("return app.integrations.circleci.server.here()").result == of_server
    assert run(HERE, account="server").result == of_server
    assert "remote" in run("return app.integrations.circleci.default.here({})").result


def test_a_script_can_catch_the_error(
    run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    ended = run(
        "local ok, e = pcall(app.integrations.circleci.here) return ok, e.type, e.function_name"
    )
    assert ended.result == [False, "configuration", "circleci.here"]


@pytest.mark.parametrize("arguments", ["1", "{a = 1}", "{}, {}", "'main'"])
def test_it_takes_no_arguments(run: Callable[..., Run], arguments: str) -> None:
    ended = run(f"return app.integrations.circleci.here({arguments})")
    assert (ended.error_type, ended.error) == (
        "validation",
        "script:1: circleci.here: it takes no arguments",
    )


def test_a_simulated_run_outside_of_a_checkout_is_in_the_example_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    code = """
        local c = app.integrations.circleci
        local here = c.here()
        local where = {project_slug = here.project_slug, branch = here.branch}
        return here.revision == c.list_project_pipelines(where).items[1].vcs.revision
    """
    with Bridge(simulate=True) as bridge:
        assert bridge.run(code).result is True


def test_a_journal_keeps_what_was_told(checkout: Path, tmp_path: Path) -> None:
    journal = tmp_path / "runs.journal"
    with Bridge(config=CONFIG) as bridge:
        first = bridge.run(HERE, journal=journal)
        subprocess.run(["git", "symbolic-ref", "HEAD", "refs/heads/other"], check=True, timeout=20)
        assert bridge.run(HERE).result["branch"] == "other"
        assert bridge.run(HERE, replay=journal).result == first.result


def test_a_journal_keeps_an_error_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    code = "local ok, e = pcall(app.integrations.circleci.here) return e.type"
    journal = tmp_path / "runs.journal"
    with Bridge(config=CONFIG) as bridge:
        assert bridge.run(code, journal=journal).result == "configuration"
        assert bridge.run(code, replay=journal).result == "configuration"


def test_the_names_of_the_helpers_are_no_accounts_and_are_suggested(tmp_path: Path) -> None:
    for name in HELPERS:
        accounts = {name: {"token": "token-0123"}}
        config: Any = {"integrations": {"circleci": {"accounts": accounts}}}
        with Bridge(config=config) as bridge:
            assert "a function has that name" in str(bridge.run("return 1").error)
    with Bridge(simulate=True) as bridge:
        namespace = "for k in pairs(app.integrations.circleci) do print(k) end"
        assert set(HELPERS) < set(bridge.run(namespace).output.split())
        unknown = bridge.run("return app.integrations.circleci.her()")
        assert "Did you mean: here?" in str(unknown.error)


def test_over_http_the_checkout_would_be_the_servers() -> None:
    from kosmo_circleci.agent.clients import holder_of
    from kosmo_circleci.agent.executions import CallListener, Executions, Script, ServeOptions
    from kosmo_circleci.agent.tool_result import ToolCall

    executions = Executions(ServeOptions())
    call = ToolCall(Deadline(), client=holder_of("token-0123"))
    try:
        ended = executions.run(Script(HERE), CallListener(call), call).run
    finally:
        executions.close()
    assert ended.error_type == "configuration"
    assert "circleci.here: not available over HTTP" in str(ended.error)
