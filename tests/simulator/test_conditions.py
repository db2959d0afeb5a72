"""Rate limits, latency and faults on purpose: the way to the simulator made difficult."""

import pytest

from kosmo_circleci.jsonvalue import decode
from kosmo_circleci.simulator.answers import Refusal
from kosmo_circleci.simulator.conditions import Conditions, Gate
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN, SimulatorTransport
from kosmo_circleci.transport.wire import TransportError, WireRequest, WireResponse


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def read(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def time() -> Time:
    return Time()


def gate(time: Time, conditions: Conditions) -> Gate:
    return Gate(conditions, now_s=time.read, sleep=time.sleep)


def outcomes(time: Time, conditions: Conditions, moments: list[float]) -> list[int]:
    """Return the status (200 when let in) of a request at each of these seconds."""
    way, statuses, began_s = gate(time, conditions), [], time.now_s
    for moment in moments:
        time.now_s = began_s + moment
        try:
            way.admit()
            statuses.append(200)
        except Refusal as refusal:
            statuses.append(refusal.status)
    return statuses


def test_no_more_requests_pass_in_any_minute_than_the_limit(time: Time) -> None:
    moments = [0, 10, 20, 59.9, 60, 61, 70, 71]
    expected = [200, 200, 429, 429, 200, 429, 200, 429]
    assert outcomes(time, Conditions(rate_limit=2), moments) == expected


def test_a_request_beyond_the_limit_is_told_when_to_come_back(time: Time) -> None:
    way = gate(time, Conditions(rate_limit=1))
    way.admit()
    time.now_s += 12.5
    with pytest.raises(Refusal) as refusal:
        way.admit()
    assert (refusal.value.message, refusal.value.headers) == (
        "Rate limit exceeded.",
        {
            "retry-after": "48",
            "x-ratelimit-limit": "1",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": "48",
        },
    )
    time.now_s += 48
    way.admit()


@pytest.mark.parametrize(
    ("every", "expected"), [(3, [200, 200, 503, 200, 200, 503]), (1, [503] * 6)]
)
def test_every_nth_request_fails_on_purpose(time: Time, every: int, expected: list[int]) -> None:
    assert outcomes(time, Conditions(fail_every=every), [0.0] * 6) == expected


def test_an_answer_takes_the_latency_and_a_caller_without_that_time_gets_none(time: Time) -> None:
    way = gate(time, Conditions(latency_s=2.0))
    way.delay(None)
    way.delay(2.0)
    assert time.now_s == 1004
    with pytest.raises(TransportError, match="did not answer in time"):
        way.delay(0.5)
    assert time.now_s == 1004.5


def ask(transport: SimulatorTransport, method: str, path: str) -> WireResponse:
    url = f"https://circleci.com/api/v2{path}"
    return transport.send(WireRequest(method, url, {"Circle-Token": SIMULATED_TOKEN}, b"{}"))


def test_a_request_that_fails_on_purpose_changes_nothing() -> None:
    transport = SimulatorTransport(gate=Gate(Conditions(fail_every=2)))
    path = "/project/gh/example-org/example-repo/pipeline"
    answers = [ask(transport, "POST", path) for _ in range(3)]
    assert [each.status for each in answers] == [201, 503, 201]
    assert decode(answers[1].body) == {"message": "This request failed on purpose: every 2nd does."}
    numbers = [decode(each.body) for each in (answers[0], answers[2])]
    assert [each["number"] for each in numbers if isinstance(each, dict)] == [46, 47]


def test_the_limit_holds_for_the_whole_of_a_transport() -> None:
    transport = SimulatorTransport(gate=Gate(Conditions(rate_limit=2)))
    answers = [ask(transport, "GET", "/me") for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60
