"""Recorded, replayed, planned and applied, as a run has it."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from journal_calls import START, call, response, send

from kosmo_circleci.call.journal import CallContent, JournalCall
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.errors import ApiError, JournalError, NetworkError, PermissionDenied
from kosmo_circleci.journal.lifecycle import Start
from kosmo_circleci.journal.plan import read_plan
from kosmo_circleci.journal.plan_text import plan_text
from kosmo_circleci.journal.runs import list_runs
from kosmo_circleci.journal.session import JournalSession, Subject
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.settings import JournalSettings

SECRET = "hush-hush-value"
NO_WRITES = {"writes": 0, "create": 0, "update": 0, "delete": 0, "action": 0}
ARGUMENTS = {"branch": "main", "value": SECRET}


def opened(
    start: Start = START, arguments: dict[str, Any] | None = None, **options: Any
) -> JournalSession:
    mask = Mask([SECRET])
    subject = Subject(start, ARGUMENTS if arguments is None else arguments, mask, load_catalog())
    return JournalSession(JournalSettings(**options), subject)


def api(function: str, method: str, path: str, body: Any = None, **shown: Any) -> JournalCall:
    kind: Any = "read" if method == "GET" else "write"
    return call("x", kind)._replace(
        content=CallContent(function, "default", method, f"/api/v2{path}", (), body),
        call_path=f"app.integrations.circleci.{function}",
        request=f"{method} /api/v2{path}",
        arguments=json.dumps(shown),
    )


def unreachable(asked: JournalCall) -> Any:
    raise AssertionError(f"{asked.request} was sent")


CREATE = api("create_context", "POST", "/context", {"name": "deploy"}, name="deploy")


def add_variable(context_id: str, value: str = SECRET) -> JournalCall:
    return api(
        "add_environment_variable_to_context",
        "PUT",
        f"/context/{context_id}/environment-variable/TOKEN",
        {"value": value},
        context_id=context_id,
        value="***",
    )


def plan_of(tmp_path: Path) -> str:
    file = str(tmp_path / "deploy.plan")
    run = opened(plan=file)
    assert run.calls is not None
    context = send(run.calls, CREATE, unreachable)
    send(run.calls, add_variable(context["id"]), unreachable)
    send(run.calls, api("delete_context", "DELETE", "/context/old"), unreachable)
    send(run.calls, api("trigger_pipeline", "POST", "/project/gh/a/b/pipeline", {}), unreachable)
    run.finish(None, None)
    run.close()
    return file


def test_a_plan_lists_the_writes_and_holds_no_secret(tmp_path: Path) -> None:
    file = plan_of(tmp_path)
    assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600
    assert SECRET not in Path(file).read_text()
    assert (
        plan_text(read_plan(file))
        == """\
flow.lua would make these calls, in this order:

  + circleci.create_context (POST /api/v2/context)
      name = "deploy"

  ~ circleci.add_environment_variable_to_context \
(PUT /api/v2/context/planned-1/environment-variable/TOKEN)
      context_id = "planned-1"
      value      = ***

  - circleci.delete_context (DELETE /api/v2/context/old)

  ! circleci.trigger_pipeline (POST /api/v2/project/gh/a/b/pipeline)

Plan: 1 to create, 1 to update, 1 to delete, 1 action."""
    )


def test_reads_are_real_but_those_of_what_is_planned(tmp_path: Path) -> None:
    run = opened(plan=str(tmp_path / "p"))
    assert run.calls is not None
    real = send(run.calls, api("get_context", "GET", "/context/1"), lambda _: response({"id": "1"}))
    assert (real, run.shaped) == ({"id": "1"}, 0)
    not_given_out = api("get_context", "GET", "/context/planned-1")
    assert send(run.calls, not_given_out, lambda _: response({"id": "?"})) == {"id": "?"}
    send(run.calls, CREATE, unreachable)
    planned = send(run.calls, api("get_context", "GET", "/context/planned-1"), unreachable)
    assert planned["id"] == "planned-1"
    assert (run.shaped, run.meta()) == (
        2,
        {
            "plan": {
                "file": str(tmp_path / "p"),
                "writes": 1,
                "create": 1,
                "update": 0,
                "delete": 0,
                "action": 0,
            }
        },
    )


def test_a_plan_without_writes_says_so(tmp_path: Path) -> None:
    run = opened(plan=str(tmp_path / "p"))
    run.finish(None, None)
    assert plan_text(read_plan(tmp_path / "p")) == "The script would write nothing."


@pytest.mark.parametrize(
    ("planned", "applied", "fits"),
    [
        ("/context/planned-7", "/context/planned-7", True),
        ("/context/planned-7", "/context/victim", False),
        ("/context/planned-1", "/context/made", True),
        ("/context/planned-1", "/context/made/more", False),
        ("/context/planned-01", "/context/victim", False),
        ("/context/planned-10", "/context/victim", False),
        ("/context/planned-1000000", "/context/victim", False),
        ("/project/gh/a/b/job/990000009/cancel", "/project/gh/a/b/job/1/cancel", False),
        ("/project/gh/a/b/job/990000000/cancel", "/project/gh/a/b/job/1/cancel", False),
        ("/context/planned-1planned-7", "/context/victim", False),
        ("/context/planned-7planned-1", "/context/planned-7made", True),
    ],
)
def test_what_a_script_writes_like_a_placeholder_is_itself(
    planned: str, applied: str, fits: bool, tmp_path: Path
) -> None:
    file = str(tmp_path / "p")
    run = opened(plan=file)
    assert run.calls is not None
    send(run.calls, CREATE, unreachable)
    send(run.calls, api("delete_context", "DELETE", planned), unreachable)
    run.finish(None, None)
    applying = opened(apply=file)
    assert applying.calls is not None
    send(applying.calls, CREATE, lambda _: response({"id": "made"}))
    delete = api("delete_context", "DELETE", applied)
    if fits:
        send(applying.calls, delete, lambda _: response({}))
    else:
        with pytest.raises(PermissionDenied, match="not in the plan"):
            send(applying.calls, delete, unreachable)


def test_a_placeholder_in_a_body_is_one_only_if_it_was_given_out(tmp_path: Path) -> None:
    file = str(tmp_path / "p")
    run = opened(plan=file)
    assert run.calls is not None
    body = {"text": "planned-1 and planned-9", "number": 990_000_001}
    send(run.calls, api("api_post", "POST", "/x", body), unreachable)
    run.finish(None, None)
    applying = opened(apply=file)
    assert applying.calls is not None
    for other in ({**body, "text": "a and planned-9"}, {**body, "number": 5}):
        with pytest.raises(PermissionDenied):
            send(applying.calls, api("api_post", "POST", "/x", other), unreachable)
    send(applying.calls, api("api_post", "POST", "/x", body), lambda _: response({}))


def test_a_script_that_fails_makes_no_plan(tmp_path: Path) -> None:
    run = opened(plan=str(tmp_path / "p"))
    run.finish("no", "runtime")
    assert not (tmp_path / "p").exists()


def test_a_plan_lets_exactly_its_writes_through_with_the_real_ids(tmp_path: Path) -> None:
    run = opened(apply=plan_of(tmp_path))
    assert run.calls is not None
    assert run.decides == {"write"}
    sent = lambda asked: response({"id": "real-id"})  # noqa: E731
    assert send(run.calls, CREATE, sent) == {"id": "real-id"}
    for refused in (
        CREATE,  # it was planned once
        add_variable("real-id", "another value"),
        add_variable("real/id"),
        api("delete_context", "DELETE", "/context/other"),
        api("trigger_pipeline", "POST", "/project/gh/a/b/pipeline", {"branch": "x"}),
        api("create_context", "POST", "/context", {"name": "deploy", "owner": {}}),
    ):
        with pytest.raises(PermissionDenied, match="is not in the plan, or not as often"):
            send(run.calls, refused, unreachable)
    send(run.calls, add_variable("real-id"), sent)
    send(run.calls, api("get_context", "GET", "/context/whatever"), sent)
    send(run.calls, api("trigger_pipeline", "POST", "/project/gh/a/b/pipeline", {}), sent)


@pytest.mark.parametrize(
    ("start", "arguments", "message"),
    [
        (START._replace(code="return 2"), ARGUMENTS, "the script has changed"),
        (START, {"branch": "main", "value": "another"}, "the arguments are others"),
        (START._replace(account="work"), ARGUMENTS, "it is for the account 'default'"),
        (START._replace(simulated=True), ARGUMENTS, "it is not for --simulate"),
    ],
)
def test_a_plan_of_something_else_is_refused(
    start: Start, arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(JournalError, match=f"does not fit this run: {message}"):
        opened(start, arguments, apply=plan_of(tmp_path))


def test_a_plan_is_applied_once(tmp_path: Path) -> None:
    file = plan_of(tmp_path)
    opened(apply=file)
    with pytest.raises(JournalError, match=r"has been applied, at 20\d\d-"):
        opened(apply=file)
    with pytest.raises(JournalError, match=r"has been applied"):
        opened(apply=file, file=str(tmp_path / "j"))


def test_of_many_that_apply_a_plan_at_the_same_instant_one_does(tmp_path: Path) -> None:
    file, barrier = plan_of(tmp_path), Barrier(8)

    def apply(number: int) -> str:
        barrier.wait(10)
        try:
            opened(apply=file, file=str(tmp_path / f"journal-{number}")).close()
        except JournalError as error:
            return error.message
        return "applied"

    with ThreadPoolExecutor(8) as threads:
        outcomes = sorted(threads.map(apply, range(8)))
    assert outcomes.pop() == "applied"
    assert all(outcome.startswith(f"The plan {file} has been applied, at") for outcome in outcomes)
    # No other journal knows of a run that could be resumed.
    assert sum(len(list_runs(str(journal))) for journal in tmp_path.glob("journal-?")) == 1


def test_the_rest_of_an_apply_that_did_not_finish_is_made_with_its_journal(tmp_path: Path) -> None:
    file, journal = plan_of(tmp_path), str(tmp_path / "j")
    sent = lambda asked: response({"id": "real-id"})  # noqa: E731
    first = opened(apply=file, file=journal)
    assert first.calls is not None
    send(first.calls, CREATE, sent)
    first.finish("no", "runtime")
    first.close()
    second = opened(apply=file, file=journal)
    assert second.calls is not None
    assert send(second.calls, CREATE, unreachable) == {"id": "real-id"}
    send(second.calls, add_variable("real-id"), sent)
    with pytest.raises(PermissionDenied):
        send(second.calls, CREATE, unreachable)
    second.finish(None, None)
    second.close()
    with pytest.raises(JournalError, match="has been applied"):
        opened(apply=file, file=journal)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("return 1", "it is not a plan"),
        ('{"kosmo_plan": 2}', "newer version"),
        ('{"kosmo_plan": 1, "writes": [{}]}', "it is damaged"),
        (None, "No such file"),
    ],
)
def test_what_is_not_a_plan(content: str | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "plan"
    if content is not None:
        file.write_text(content)
    with pytest.raises(JournalError, match=f"The plan .* cannot be used: .*{message}"):
        opened(apply=str(file))


def recorded(tmp_path: Path) -> str:
    file = str(tmp_path / "j")
    run = opened(file=file)
    assert run.calls is not None
    assert run.clock is not None
    send(run.calls, CREATE, lambda _: response({"id": "1"}))
    send(run.calls, call("a", "read"), lambda _: response(status=503))
    send(run.calls, call("a", "read"), lambda _: NetworkError("gone", attempts=4))
    send(run.calls, call("a", "read"), lambda _: response({"n": 3}))
    run.clock.time_s("", "os", 5.0)
    run.finish(None, None)
    run.close()
    return file


def test_a_replay_answers_from_the_record_alone_failures_included(tmp_path: Path) -> None:
    file = recorded(tmp_path)
    before = Path(file).read_bytes()
    run = opened(replay=file)
    assert run.calls is not None
    assert run.clock is not None
    assert run.decides == {"read", "write"}
    assert run.is_offline
    assert send(run.calls, CREATE, unreachable) == {"id": "1"}
    assert run.calls.begin(call("a", "read")).answer[0].status == 503  # type: ignore[index]
    with pytest.raises(NetworkError) as raised:
        run.calls.begin(call("a", "read"))
    assert raised.value.fields() == {"type": "network", "message": "gone", "attempts": 4}
    assert run.clock.time_s("", "os", 9.0) == 5.0
    assert run.meta() == {
        "replay": {"file": file, "run": list_runs(file)[0]["id"], "replayed": 3, "unused": 1}
    }
    with pytest.raises(JournalError, match=r"create_context .* is not in the run \w+, or not as"):
        send(run.calls, CREATE, unreachable)
    run.finish(None, None)
    run.close()
    assert Path(file).read_bytes() == before


def test_time_passes_in_a_replay_when_the_script_waits(tmp_path: Path) -> None:
    run = opened(replay=recorded(tmp_path))
    assert run.clock is not None
    began = run.clock.elapsed_s()
    run.advance(3600)
    assert run.clock.elapsed_s() == began + 3600


def test_a_replay_shows_what_the_last_process_of_a_run_saw(tmp_path: Path) -> None:
    file = str(tmp_path / "j")
    first = opened(file=file)
    assert first.calls is not None
    send(first.calls, call("A"), lambda _: response({"n": 1}))
    entry = first.calls.begin(call("B"))
    first.calls.answered(entry, (response({"message": "no"}, 404),))
    first.calls.refused(entry, ApiError("CircleCI API error (404): no", status=404))
    first.finish("CircleCI API error (404): no", "api")
    first.close()
    second = opened(file=file, resume=True)
    assert second.calls is not None
    for name in "AB":
        send(second.calls, call(name), lambda _: response({"n": 2}))
    second.finish(None, None)
    second.close()
    run = opened(replay=file)
    assert run.calls is not None
    assert [send(run.calls, call(name), unreachable) for name in "AB"] == [{"n": 1}, {"n": 2}]


def test_a_journal_and_a_plan_go_together(tmp_path: Path) -> None:
    run = opened(plan=str(tmp_path / "p"), file=str(tmp_path / "j"))
    assert run.calls is not None
    send(run.calls, call("a", "read"), lambda _: response())
    send(run.calls, CREATE, unreachable)
    meta: Any = run.meta()
    assert (meta["journal"]["sent"], meta["plan"]["writes"]) == (1, 1)
    run.finish(None, None)
    run.close()
