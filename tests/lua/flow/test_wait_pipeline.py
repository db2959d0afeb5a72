"""flow.wait_pipeline: when a pipeline has ended, and what it tells while it waits."""

from collections.abc import Callable
from typing import Any

import pytest
from listeners import Recorder

from kosmo_circleci.run.envelope import Run

RunLua = Callable[..., Run]

ERRORS = [{"type": "config", "message": "Job build is missing"}]


def pipeline(
    *looks: dict[str, str], states: tuple[str, ...] = ("created",), errors: Any = ()
) -> Callable[..., tuple[Any, ...]]:
    """Answer the workflows of each look in turn, {name: status}; the last of them again and again.

    `states` are the pipeline's own, in turn as well.
    """
    workflows, own = list(looks), list(states)

    def handler(path: str, _query: dict[str, str]) -> tuple[Any, ...]:
        if path == "/pipeline/p1":
            state = own.pop(0) if own[1:] else own[0]
            return 200, {"id": "p1", "state": state, "errors": list(errors)}
        assert path == "/pipeline/p1/workflow"
        now = workflows.pop(0) if workflows[1:] else workflows[0]
        items = [{"id": f"id-{name}", "name": name, "status": now[name]} for name in now]
        return 200, {"items": items, "next_page_token": None}

    return handler


WAIT = "flow.wait_pipeline('p1', {interval = 0.01, timeout = 0.3%s})"


def statuses(run: Run) -> Any:
    assert isinstance(run.result, list)
    return {each["name"]: each["status"] for each in run.result if isinstance(each, dict)}


@pytest.mark.parametrize(
    "final", ["success", "failed", "error", "canceled", "unauthorized", "not_run"]
)
def test_it_ends_when_every_workflow_is_final(run_lua: RunLua, scripted: Any, final: str) -> None:
    scripted.handler = pipeline(
        {"build": "running"},
        {"build": "failing", "deploy": "running"},
        {"build": final, "deploy": "success"},
    )

    run = run_lua("return " + WAIT % "")

    assert (run.error, statuses(run)) == (None, {"build": final, "deploy": "success"})
    assert scripted.paths == ["/pipeline/p1/workflow"] * 3 + ["/pipeline/p1"]


def test_a_pipeline_without_workflows_yet_is_waited_for(run_lua: RunLua, scripted: Any) -> None:
    scripted.handler = pipeline({}, {}, {"build": "success"}, states=("pending", "created"))

    assert statuses(run_lua("return " + WAIT % "")) == {"build": "success"}


def test_what_is_on_hold_alone_ends_it_unless_told_otherwise(
    run_lua: RunLua, scripted: Any
) -> None:
    looks = ({"build": "running", "deploy": "on_hold"}, {"build": "success", "deploy": "on_hold"})

    scripted.handler = pipeline(*looks)
    stopped = run_lua("return " + WAIT % "")
    scripted.handler = pipeline(*looks, {"build": "success", "deploy": "success"})
    waited = run_lua("return " + WAIT % ", on_hold = 'wait'")
    scripted.handler = pipeline(*looks)
    gave_up = run_lua("return " + WAIT % ", on_hold = 'wait'")

    assert statuses(stopped) == {"build": "success", "deploy": "on_hold"}
    assert statuses(waited) == {"build": "success", "deploy": "success"}
    assert gave_up.error_type == "limit"


@pytest.mark.parametrize("looks", [({},), ({"setup": "success"},)])
def test_a_pipeline_that_cannot_run_is_an_error_and_not_an_empty_success(
    run_lua: RunLua, scripted: Any, looks: tuple[dict[str, str], ...]
) -> None:
    scripted.handler = pipeline(*looks, states=("errored",), errors=ERRORS)

    run = run_lua(
        f"local ok, e = pcall(function() {WAIT % ''} end) return {{tostring(e), e.value}}"
    )

    assert run.result == [
        "flow.wait_pipeline: the pipeline cannot run: Job build is missing",
        {"id": "p1", "state": "errored", "errors": ERRORS},
    ]


def test_a_setup_workflow_is_not_the_end(run_lua: RunLua, scripted: Any) -> None:
    # With dynamic configuration the first workflow ends before the others exist.
    scripted.handler = pipeline(
        {"setup": "running"},
        {"setup": "success"},
        {"setup": "success"},
        {"setup": "success", "build": "running"},
        {"setup": "success", "build": "success"},
        states=("setup", "pending", "created"),
    )

    run = run_lua("return " + WAIT % "")

    assert statuses(run) == {"setup": "success", "build": "success"}


def test_a_setup_workflow_that_failed_is_the_end(run_lua: RunLua, scripted: Any) -> None:
    scripted.handler = pipeline({"setup": "failed"}, states=("setup",))

    assert statuses(run_lua("return " + WAIT % "")) == {"setup": "failed"}


def test_a_timeout_carries_the_workflows_as_they_were(run_lua: RunLua, scripted: Any) -> None:
    scripted.handler = pipeline({"build": "running"})

    run = run_lua(f"local ok, e = pcall(function() {WAIT % ''} end) return {{e.type, e.value}}")

    assert run.result == ["limit", [{"id": "id-build", "name": "build", "status": "running"}]]


def test_every_change_is_announced_once(run_lua: RunLua, scripted: Any) -> None:
    scripted.handler = pipeline(
        {"build": "running"},
        {"build": "running"},
        {"build": "success", "\x1b[2Jdeploy\n": "running"},
        {"build": "success", "\x1b[2Jdeploy\n": "success"},
    )
    recorder = Recorder()

    run_lua("return " + WAIT % "", listener=recorder)

    assert recorder.heard("notice") == [
        "workflow build: running",
        "workflow build: success",
        "workflow ?[2Jdeploy?: running",
        "workflow ?[2Jdeploy?: success",
    ]


def test_another_account_can_be_named(run_lua: RunLua, scripted: Any) -> None:
    scripted.handler = pipeline({"build": "success"})

    run = run_lua("return " + WAIT % ", account = 'work'")

    assert {call["account"] for call in run.call_log} == {"work"}


def test_several_pipelines_are_waited_for_side_by_side(run_lua: RunLua, scripted: Any) -> None:
    looked: dict[str, int] = {}

    def handler(path: str, _query: dict[str, str]) -> tuple[Any, ...]:
        if not path.endswith("/workflow"):
            return 200, {"state": "created"}
        looked[path] = looked.get(path, 0) + 1
        status = "success" if looked[path] > 2 else "running"
        items = [{"id": path, "name": "build", "status": status}]
        return 200, {"items": items, "next_page_token": None}

    scripted.handler = handler

    run = run_lua("""
        return flow.map({"p1", "p2", "p3"}, function(id)
          return flow.wait_pipeline(id, {interval = 0.01})[1].status
        end)
    """)

    assert run.result == ["success"] * 3
    assert looked == {f"/pipeline/p{n}/workflow": 3 for n in (1, 2, 3)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("flow.wait_pipeline()", "argument 1 must be a pipeline's id, got nothing"),
        ("flow.wait_pipeline('')", 'argument 1 must be a pipeline\'s id, got ""'),
        ("flow.wait_pipeline({id = 'p1'})", "argument 1 must be a pipeline's id, got a table"),
        (
            "flow.wait_pipeline('p1', {on_hold = true})",
            '\'on_hold\' takes "stop" or "wait", got true',
        ),
        (
            "flow.wait_pipeline('p1', {onhold = 'stop'})",
            "unknown option 'onhold'. Did you mean 'on_hold'? "
            "It takes: account, backoff, interval, max_interval, on_hold, timeout",
        ),
        ("flow.wait_pipeline('p1', {account = 'nobody'})", "unknown account 'nobody'"),
        ("flow.wait_pipeline('p1', {account = 'get_pipeline'})", "unknown account 'get_pipeline'"),
    ],
)
def test_a_wrong_argument_is_named(run_lua: RunLua, scripted: Any, call: str, message: str) -> None:
    run = run_lua(f"local ok, e = pcall(function() {call} end) return {{e.type, e.message}}")

    assert run.result == ["validation", f"flow.wait_pipeline: {message}"]
    assert scripted.paths == []
