"""flow.log: the lines of a job's steps, of a job that has ended and of one that runs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN, SimulatorTransport
from kosmo_circleci.transport.wire import WireRequest, WireResponse

ASSERTION = "FAILED tests/test_account.py::test_login - AssertionError: expected 200, got 500"
JOB_98 = "{project_slug = 'gh/example-org/example-repo', job_number = 98}"

FOLLOW = """
local c = app.integrations.circleci
local pipeline = c.trigger_pipeline({project_slug = "gh/example-org/example-repo",
  parameters = {simulate = "fail", simulate_seconds = 100}})
flow.sleep(120)
local workflow = c.list_pipeline_workflows(pipeline.id).items[1]
local job = c.list_workflow_jobs(workflow.id).items[2]
local lines = {}
for line in flow.log(job.id, {follow = true, steps = "Run tests"}) do lines[#lines + 1] = line end
return {status = job.status, lines = lines, job_id = job.id}
"""


class Printing(SimulatorTransport):
    """The simulator, in which the steps of a job print `stdout`, a piece more at each look."""

    def __init__(self, stdout: list[bytes] | None = None, stderr: bytes = b"") -> None:
        super().__init__()
        self.ranges: list[str | None] = []
        self._stdout = stdout
        self._stderr = stderr
        self._printed = b""

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        path, _, query = request.url.partition("?")
        if self._stdout is None or not path.endswith(("/stdout", "/stderr")):
            answer = super().send(request, time_left_s=time_left_s)
            sizes = b'"stderr_bytes":%d' % len(self._stderr)
            return answer._replace(body=answer.body.replace(b'"stderr_bytes":0', sizes))
        if parse_qs(query)["filter[execution]"] != ["0"]:
            return output(b"", {})
        if path.endswith("/stderr"):
            return output(self._stderr, {})
        self.ranges.append(request.headers.get("Range"))
        self._printed += self._stdout.pop(0) if self._stdout else b""
        return output(self._printed, request.headers)


def output(printed: bytes, headers: Mapping[str, str]) -> WireResponse:
    """Return what the output route answers: what lies behind the offset, or 416."""
    offset = int(headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
    kind = {"content-type": "application/octet-stream"}
    if offset and offset >= len(printed):
        return WireResponse(416, kind, b"")
    return WireResponse(200, kind, printed[offset:])


def followed(transport: SimulatorTransport) -> dict[str, Any]:
    with Bridge(simulate=True, transport=transport) as bridge:
        run = bridge.run(FOLLOW, name="eval", force=True)
    assert run.error is None
    result: dict[str, Any] = run.result
    assert result["status"] == "running"
    return result


@pytest.fixture
def cloud() -> Iterator[Callable[[str], Run]]:
    """Run a script against the cloud, where waiting takes no time."""
    with Bridge(simulate=True) as bridge:
        yield lambda code: bridge.run(code, name="eval", force=True)


def test_a_log_is_read_line_by_line(cloud: Callable[[str], Run]) -> None:
    made = cloud("""
        local first, last, count
        for line, step in flow.log("failed-job-uuid") do
          first, last, count = first or line, line, (count or 0) + 1
          if count == 1 then dump(step) end
        end
        return first, last, count
    """)

    assert (made.error, made.result[1:]) == (None, [ASSERTION, 18])
    assert '"name": "Run tests"' in made.output


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ("nil", ["Run tests"]),
        ("{steps = 'failed'}", ["Run tests"]),
        ("{steps = 'Checkout code'}", ["Checkout code", "Checkout code"]),
        ("{steps = 'none'}", []),
    ],
)
def test_steps_are_chosen_by_outcome_or_name(
    options: str, steps: list[str], cloud: Callable[[str], Run]
) -> None:
    made = cloud(f"""
        local names, last = json.array(), nil
        for _, step in flow.log("failed-job-uuid", {options}) do
          local key = step.name .. step.execution
          if key ~= last then names[#names + 1] = step.name end
          last = key
        end
        return names
    """)

    assert (made.error, made.result) == (None, steps)


def test_with_ansi_the_bytes_stay_as_they_came(cloud: Callable[[str], Run]) -> None:
    made = cloud("""
        local raw = ""
        for line in flow.log("failed-job-uuid", {ansi = true}) do raw = raw .. line .. "\\n" end
        return raw:find("\\27[", 1, true) ~= nil
    """)

    assert (made.error, made.result) == (None, True)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("flow.log('none')", "CircleCI API error (404): Job not found"),
        (
            "flow.log(1)",
            "flow.log: argument 1 must be a job's id, or {project_slug = …, job_number",
        ),
        ("flow.log({job_id = 'x'})", "flow.log: argument 1 must be a job's id, or {project_slug"),
        ("flow.log('x', {follow = 1})", "flow.log: 'follow' takes a boolean, got 1"),
        ("flow.log('x', {step = 'a'})", "flow.log: unknown option 'step'. Did you mean 'steps'?"),
    ],
)
def test_what_cannot_be_read_is_an_error(
    call: str, error: str, cloud: Callable[[str], Run]
) -> None:
    made = cloud(f"return {call}")

    assert made.error is not None
    assert made.error.startswith("eval:1: " + error)


def test_a_log_is_followed_until_its_step_has_ended() -> None:
    transport = Printing()
    result = followed(transport)

    with Bridge(simulate=True, transport=transport) as bridge:
        whole = bridge.run(
            f"""
            local lines = {{}}
            for line in flow.log("{result["job_id"]}", {{steps = "Run tests"}}) do
              lines[#lines + 1] = line
            end
            return lines
            """
        ).result
    assert result["lines"]
    assert result["lines"] == whole


def test_what_was_read_is_not_asked_for_again() -> None:
    transport = Printing([b"one\ntw", b"o\nthree\n", b"", b"four\n", b"fi", b"ve\n"])

    assert followed(transport)["lines"] == ["one", "two", "three", "four", "five"]
    # Whole lines count: "tw" is asked for once more, since it is not a line yet.
    assert transport.ranges[:5] == [None, "bytes=4-", "bytes=14-", "bytes=14-", "bytes=19-"]
    assert set(transport.ranges[5:]) <= {"bytes=19-", "bytes=24-"}


def test_a_redraw_is_no_new_line() -> None:
    bars = [b"layer 1: 10 %\r\nlayer 2: 10 %\r\n", b"\x1b[2Alayer 1: 90 %\r\nlayer 2: 90 %\r\n"]

    assert followed(Printing([*bars, b"done\n"]))["lines"] == [
        "layer 1: 10 %",
        "layer 2: 10 %",
        "done",
    ]


def test_bytes_that_are_not_utf_8_lose_nothing_behind_them() -> None:
    transport = Printing([b"a\n\xff b\nc\n", b"d \xc3", b"\xa9\n"])

    assert followed(transport)["lines"] == ["a", "\ufffd b", "c", "d é"]
    assert set(transport.ranges) == {None, "bytes=2-"}  # offsets behind the first are not known


def test_standard_error_follows_once_when_the_step_has_ended() -> None:
    transport = Printing([b"one\n", b"two\n", b"three\n"], stderr=b"warning\n")

    assert followed(transport)["lines"] == ["one", "two", "three", "warning"]


def test_output_that_arrives_after_the_end_of_its_step_is_read() -> None:
    late = [bytes([65 + index]) + b"\n" for index in range(26)]  # more pieces than there are looks

    assert followed(Printing(late))["lines"] == [chr(65 + index) for index in range(26)]


@pytest.mark.parametrize("has_v3", [True, False])
def test_a_job_may_be_named_by_its_number(has_v3: bool) -> None:
    account = {"token": SIMULATED_TOKEN, "url": "https://circleci.example.com"}
    config: Any = {"integrations": {"circleci": {"accounts": {"default": account}}}}
    bridge = Bridge(config=config, transport=SimulatorTransport(has_v3=has_v3))
    made = bridge.run(
        f"""
        local last, name
        for line, step in flow.log({JOB_98}) do last, name = line, step.name end
        return last, name
        """
    )

    assert (made.error, made.result) == (None, [ASSERTION, "Run tests"])


def test_a_server_that_finds_no_job_by_its_id_says_how_to_name_it() -> None:
    account = {"token": SIMULATED_TOKEN, "url": "https://circleci.example.com"}
    config: Any = {"integrations": {"circleci": {"accounts": {"default": account}}}}
    bridge = Bridge(config=config, transport=SimulatorTransport(has_v3=False))
    made = bridge.run("return flow.log('failed-job-uuid')", name="eval")

    assert made.error == (
        "eval:1: flow.log: a CircleCI Server finds no job by its id; name it by "
        "{project_slug = …, job_number = …}"
    )
