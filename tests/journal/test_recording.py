"""What is recorded, and what a resumed run is given again."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from journal_calls import START, Server, call, recording, response, send

from kosmo_circleci.call.journal import JournalCall
from kosmo_circleci.call.model import ApiResponse
from kosmo_circleci.errors import ApiError, Interrupted, JournalError, KosmoError, NetworkError
from kosmo_circleci.journal.recording import Outcome, Recording
from kosmo_circleci.journal.start import Resume
from kosmo_circleci.masking import Mask

FAILED = Outcome(False, "eval:1: it failed", "runtime")
LOST = NetworkError("POST /api/v2/thing: the connection broke (1 attempt)")


class Things:
    """A server that counts what it is sent, and gives each thing a number."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def __call__(self, asked: JournalCall) -> ApiResponse | KosmoError:
        body: Any = asked.content.body
        self.sent.append(body["name"])
        return response({"number": len(self.sent)})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.journal"


@pytest.fixture
def things() -> Things:
    return Things()


def make(run: Recording, names: str, server: Server) -> list[Any]:
    return [send(run, call(name, "read" if name.islower() else "write"), server) for name in names]


def ended(run: Recording, outcome: Outcome = FAILED) -> None:
    run.finish(outcome)
    run.close()


def test_a_resumed_run_sends_only_what_the_record_does_not_answer(
    path: Path, things: Things
) -> None:
    first = recording(path)
    answers = make(first, "AbB", things)
    ended(first)
    second = recording(path, Resume())
    assert make(second, "AbBcC", things)[:3] == answers
    assert things.sent == ["A", "b", "B", "c", "C"]
    assert second.meta() == {
        "file": str(path),
        "run": first.run.id,
        "resumed": True,
        "replayed": 3,
        "sent": 2,
        "unclaimed": [],
    }
    ended(second, Outcome(True))


def test_the_nth_call_of_a_content_gets_the_nth_answer_whatever_lies_between(
    path: Path, things: Things
) -> None:
    first = recording(path)
    assert make(first, "ABAbAb", things) == [{"number": each} for each in range(1, 7)]
    ended(first)
    second = recording(path, Resume())
    numbers = [each["number"] for each in make(second, "bAAbBA", things)]
    assert numbers == [4, 1, 3, 6, 2, 5]
    assert make(second, "A", things) == [{"number": 7}]


def test_a_run_that_was_killed_is_resumed_and_its_unrecorded_reads_are_asked_again(
    path: Path, things: Things
) -> None:
    make(recording(path), "abCde", things)  # no end, and the file is not closed: as after SIGKILL
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE runs SET process_started = 'long ago'")
    connection.close()
    things.sent.clear()
    second = recording(path, Resume())
    assert [each["number"] for each in make(second, "abC", things)] == [1, 2, 3]
    assert things.sent == []  # a write is never on disk without the reads before it
    make(second, "de", things)
    assert things.sent == ["d", "e"]


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("kind", ["read", "write"])
def test_an_answer_that_may_change_is_asked_again(
    status: int, kind: Any, path: Path, things: Things
) -> None:
    first = recording(path)
    send(first, call("a", kind), lambda _: response(status=status))
    ended(first)
    second = recording(path, Resume())
    assert send(second, call("a", kind), things) == {"number": 1}


@pytest.mark.parametrize("status", [200, 201, 204, 301, 400, 404, 409, 410, 422])
def test_every_other_answer_stands_an_error_that_was_caught_included(
    status: int, path: Path, things: Things
) -> None:
    first = recording(path)
    send(first, call("A"), lambda _: response({"status": status}, status))
    ended(first)
    second = recording(path, Resume())
    assert send(second, call("A"), things) == {"status": status}
    assert things.sent == []


def test_the_error_that_ended_the_run_is_asked_again(path: Path, things: Things) -> None:
    first = recording(path)
    for name in "AB":
        entry = first.begin(call(name))
        first.answered(entry, (response({"message": name}, 404),))
        first.refused(entry, ApiError(f"CircleCI API error (404): {name}", status=404))
    ended(first, Outcome(False, "eval:1: CircleCI API error (404): B (get_thing)", "api"))
    second = recording(path, Resume())
    assert send(second, call("A"), things) == {"message": "A"}
    assert send(second, call("B"), things) == {"number": 1}
    assert things.sent == ["B"]


def test_a_write_that_was_repeated_within_the_run_is_not_sent_once_more(
    path: Path, things: Things
) -> None:
    first = recording(path)
    send(first, call("A"), lambda _: response(status=503))
    send(first, call("A"), things)
    ended(first)
    second = recording(path, Resume())
    assert send(second, call("A"), things) == {"number": 1}
    assert things.sent == ["A"]


def test_a_read_without_an_answer_is_asked_again(path: Path, things: Things) -> None:
    first = recording(path)
    send(first, call("a", "read"), lambda _: LOST)
    send(first, call("b", "read"), lambda _: Interrupted("Interrupted by Ctrl-C."))
    ended(first)
    make(recording(path, Resume()), "ab", things)
    assert things.sent == ["a", "b"]


def test_a_write_that_surely_was_not_sent_is_sent_without_a_question(
    path: Path, things: Things
) -> None:
    first = recording(path)
    entry = first.begin(call("A"))
    first.failed(entry, NetworkError("connection refused"), sent=False)
    ended(first)
    assert send(recording(path, Resume()), call("A"), things) == {"number": 1}


def lose(path: Path, *names: str, repeatable: str = "") -> str:
    """A run in which the answers of writes are lost: in flight when it was killed, or broken."""
    run = recording(path)
    for name in names:
        asked = call(name, is_repeatable=name in repeatable)
        send(run, asked, lambda _: LOST)
    run.begin(call("in flight", is_repeatable="in flight" in repeatable))
    ended(run)
    return run.run.id


def test_a_write_whose_answer_was_lost_ends_a_resumed_run_before_anything_is_sent(
    path: Path,
) -> None:
    run_id = lose(path, "A")
    with pytest.raises(JournalError) as raised:
        recording(path, Resume())
    message = raised.value.message
    assert message.startswith("The run ended after 2 writes whose answers were lost, so nothing")
    assert (
        'app.integrations.circleci.create_thing (POST /api/v2/thing) with {"name": "A"}, sent 20'
    ) in message
    assert "--unknown=skip" in message
    assert "--unknown=repeat" in message
    # It is as resumable as before.
    assert recording(path, Resume("skip")).run.id == run_id


def test_a_lost_write_is_repeated_or_skipped_as_the_user_says(path: Path, things: Things) -> None:
    lose(path, "A")
    run = recording(path, Resume("skip"))
    assert send(run, call("A"), things) == {}
    assert send(run, call("in flight"), things) == {}
    assert things.sent == []
    ended(run)
    # The decision stands.
    again = recording(path, Resume())
    assert send(again, call("A"), things) == {}
    ended(again)


def test_a_lost_write_that_is_to_be_repeated_is_sent_when_it_is_asked_for(
    path: Path, things: Things
) -> None:
    lose(path, "A")
    run = recording(path, Resume("repeat"))
    assert things.sent == []
    assert send(run, call("A"), things) == {"number": 1}
    ended(run)
    again = recording(path, Resume())
    assert send(again, call("A"), things) == {"number": 1}
    assert send(again, call("in flight"), things) == {"number": 2}
    assert again.meta()["unclaimed"] == []


def test_put_and_delete_are_repeated_without_asking(path: Path, things: Things) -> None:
    lose(path, "A", repeatable="A, in flight")
    run = recording(path, Resume())
    assert send(run, call("A", is_repeatable=True), things) == {"number": 1}


def test_a_person_decides_about_each_lost_write(path: Path, things: Things) -> None:
    lose(path, "A", "B")
    asked: list[str] = []

    def ask(text: str) -> Any:
        asked.append(text)
        return ["skip", "repeat", "skip"][len(asked) - 1]

    run = recording(path, Resume(ask=ask))
    assert [text.partition(" with ")[2][:14] for text in asked] == [
        '{"name": "A"},',
        '{"name": "B"},',
        '{"name": "in f',
    ]
    assert make(run, "AB", things) == [{}, {"number": 1}]
    ended(run)
    lose(path, "C")
    with pytest.raises(JournalError, match=r"with .*C"):
        recording(path, Resume(ask=lambda _: "stop"))


def test_writes_the_script_no_longer_asks_for_are_unclaimed(path: Path, things: Things) -> None:
    first = recording(path)
    make(first, "aAB", things)
    send(first, call("refused"), lambda _: response(status=422))
    send(first, call("put", is_repeatable=True), lambda _: LOST)
    ended(first)
    second = recording(path, Resume())
    make(second, "BC", things)
    unclaimed: Any = second.meta()["unclaimed"]
    assert [(each["arguments"], each["effect"]) for each in unclaimed] == [
        ({"name": "A"}, "done"),
        ({"name": "put"}, "unknown"),
    ]
    assert unclaimed[0]["function"] == "app.integrations.circleci.create_thing"
    assert unclaimed[0]["request"] == "POST /api/v2/thing"


def test_the_newest_run_of_the_script_that_has_not_succeeded_is_resumed(path: Path) -> None:
    first, second = recording(path), recording(path, start=START._replace(script="dir/flow.lua"))
    other = recording(path, start=START._replace(script="other.lua"))
    simulated = recording(path, start=START._replace(simulated=True))
    succeeded = recording(path)
    for run in (first, second, other, simulated):
        ended(run)
    ended(succeeded, Outcome(True))
    resumed = recording(path, Resume(), START._replace(script="./flow.lua", code="return 2"))
    assert (resumed.run.id, resumed.run.execution) == (second.run.id, 2)
    ended(resumed, Outcome(True))
    again = recording(path, Resume())
    assert again.run.id == first.run.id
    ended(again, Outcome(True))
    new = recording(path, Resume())
    assert not new.run.resumed
    ended(new)
    assert recording(path, Resume(run_id=other.run.id)).run.id == other.run.id
    with pytest.raises(JournalError, match="There is no run 'nonsense' in this journal"):
        recording(path, Resume(run_id="nonsense"))
    with pytest.raises(JournalError, match="has succeeded: there is nothing to resume"):
        recording(path, Resume(run_id=succeeded.run.id))


def test_a_run_in_progress_is_refused_and_a_dead_process_run_is_taken_over(path: Path) -> None:
    first = recording(path)
    with pytest.raises(JournalError, match=rf"The run {first.run.id} is in progress, pid \d+\."):
        recording(path, Resume())
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE runs SET pid = 999999999")
    connection.close()
    assert recording(path, Resume()).run.id == first.run.id


def test_a_run_that_was_let_go_without_an_end_can_be_resumed_at_once(path: Path) -> None:
    first = recording(path)
    first.close()
    assert recording(path, Resume()).run.id == first.run.id


def test_a_process_on_another_host_has_the_run_until_it_has_been_silent_for_long(
    path: Path,
) -> None:
    first = recording(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE runs SET machine = 'elsewhere|boot|ns'")
    connection.close()
    with pytest.raises(JournalError, match=r"pid \d+ on elsewhere, last heard of 0 s ago"):
        recording(path, Resume())
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE runs SET alive_at = alive_at - 1000")
    connection.close()
    assert recording(path, Resume()).run.id == first.run.id


@pytest.mark.parametrize("secret", ["hush hush", 'quote"d\\secret', "line one\nline two", "é" * 9])
def test_no_secret_is_in_the_file_and_its_call_is_found_again(secret: str, path: Path) -> None:
    start = START._replace(script=f"{secret}.lua")
    token = "token-of-the-account"
    secret_call = call("x")._replace(
        content=call("x").content._replace(body={"value": secret}),
        request=f"POST /api/v2/thing?x={secret}",
        arguments='{"value":"***"}',
    )

    def echo(_: JournalCall) -> ApiResponse:
        return ApiResponse(200, {"x-token": token}, response({"value": secret, "t": token}).body)

    run = recording(path, start=start._replace(script="flow.lua"), mask=Mask([token, secret]))
    answer = send(run, secret_call, echo)
    run.failed(run.begin(call("a", "read")), NetworkError(f"no {secret}"), sent=True)
    run.finish(Outcome(False, "eval:1: ***", "api", {"value": secret, "other": "kept"}))
    files = [each.read_bytes() for each in path.parent.iterdir() if each.is_file()]
    run.close()
    kept = b"".join([*files, path.read_bytes()])
    assert secret.encode() not in kept
    assert token.encode() not in kept
    assert b"kept" in kept
    again = recording(path, Resume(), mask=Mask([token, secret]))
    assert send(again, secret_call, lambda _: LOST) == answer == {"value": secret, "t": token}
    other = call("x")._replace(content=call("x").content._replace(body={"value": f"{secret}!"}))
    assert send(again, other, lambda _: LOST) is LOST


def test_clocks_and_chance_are_the_same_in_a_resumed_run(path: Path) -> None:
    clock = [100.0]
    mask = Mask()
    first = recording(path)
    assert [first.time_s("1.2", "os", now) for now in (5.0, 6.0)] == [5.0, 6.0]
    seeds = [first.seed(""), first.seed("1.1")]
    ended(first)
    second = recording(path, Resume(), mask=mask)
    assert [second.time_s("1.2", "os", now) for now in (50.0, 60.0, 70.0)] == [5.0, 6.0, 70.0]
    assert second.time_s("1.1", "os", 80.0) == 80.0
    assert [second.seed(""), second.seed("1.1")] == seeds
    assert len({*seeds, recording(path).seed("")}) == 3
    assert clock == [100.0]


def test_the_time_in_which_no_process_ran_does_not_count(path: Path) -> None:
    from kosmo_circleci.journal.start import start_recording

    now = [1000.0]
    first = start_recording(path, START, Mask(), clock=lambda: now[0])
    now[0] += 30
    assert first.elapsed_s() == 30.0
    ended(first)
    now[0] += 5000
    second = start_recording(path, START, Mask(), Resume(), clock=lambda: now[0])
    now[0] += 2
    assert second.elapsed_s() == 32.0
