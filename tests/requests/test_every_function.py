"""Every function sends exactly the documented request, over a real socket.

The expectations are data (`tests/data/requests.json` for v2, `requests_v3.json` for v3 and v1.1),
worked out from the documentation of the API and RFC 3986, not from the manifest or the code: a
wrong wire name, path or place fails here.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from kosmo_circleci import Bridge, __version__
from kosmo_circleci.catalog.load import load_catalog

CASES: list[dict[str, Any]] = [
    case
    for name in ("requests.json", "requests_v3.json")
    for case in json.loads((Path(__file__).parent.parent / "data" / name).read_text("utf-8"))
]
TOKEN = "CCIPAT_requests_0123456789"
ACCEPTED_BY_HTTP = {"host", "connection", "accept-encoding", "content-length"}


def name_of(case: dict[str, Any]) -> str:
    return str(case["function"])


@pytest.fixture(scope="module")
def bridge(recorder: Any) -> Iterator[Bridge]:
    accounts = {"default": {"token": TOKEN, "url": recorder.origin}}
    with Bridge(config={"integrations": {"circleci": {"accounts": accounts}}}) as bridge:
        yield bridge


def meant(arrived: Any) -> dict[str, Any]:
    """Return a request in the form of the data file."""
    path, _, query = arrived.target.partition("?")
    # Without `+` for blanks: a query that uses it would say something else to a strict server.
    assert "+" not in query
    return {
        "method": arrived.method,
        "path": path,
        "query": [list(pair) for pair in parse_qsl(query, keep_blank_values=True)],
        "body": json.loads(arrived.body) if arrived.body else None,
    }


def expected(case: dict[str, Any]) -> dict[str, Any]:
    return {key: case[key] for key in ("method", "path", "query", "body")}


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_call_sends_the_documented_request_and_nothing_else(
    case: dict[str, Any], bridge: Bridge, recorder: Any
) -> None:
    recorder.take()

    bridge.call(f"circleci.{case['function']}", case["arguments"], force=True)

    [arrived] = recorder.take()
    assert meant(arrived) == expected(case)
    own = {"circle-token": TOKEN, "accept": "application/json"}
    own["user-agent"] = f"kosmo-circleci/{__version__}"
    if case["body"] is not None:
        own["content-type"] = "application/json"
    own |= case.get("headers", {})
    headers = dict(arrived.headers)
    assert {key: headers.pop(key, None) for key in own} == own
    assert headers.keys() <= ACCEPTED_BY_HTTP


def test_the_same_calls_from_lua_send_the_same_requests(bridge: Bridge, recorder: Any) -> None:
    recorder.take()

    run = bridge.run(
        """
        for _, case in ipairs(json.decode(args.cases)) do
          app.integrations.circleci[case["function"]](case.arguments)
        end
        """,
        force=True,
        args={"cases": json.dumps(CASES)},
    )

    assert (run.error, run.call_count) == (None, len(CASES))
    arrived = [meant(each) for each in recorder.take()]
    assert arrived == [expected(case) for case in CASES]


def test_positional_arguments_stand_in_the_documented_order(bridge: Bridge, recorder: Any) -> None:
    recorder.take()

    run = bridge.run(
        """
        local circleci = app.integrations.circleci
        circleci.get_pipeline("p 1")
        circleci.cancel_job_by_number("gh/acme/a b", "42")
        circleci.get_workflow_metrics("gh/acme/web", "build & test", nil, nil, "2026-01-01")
        circleci.create_project_env_var("gh/acme/web", "NAME", "a/b")
        """,
        force=True,
    )

    assert run.error is None
    assert [(each.method, each.target, each.body) for each in recorder.take()] == [
        ("GET", "/api/v2/pipeline/p%201", b""),
        ("POST", "/api/v2/project/gh/acme/a%20b/job/42/cancel", b""),
        (
            "GET",
            "/api/v2/insights/gh/acme/web/workflows/build%20%26%20test?start-date=2026-01-01",
            b"",
        ),
        ("POST", "/api/v2/project/gh/acme/web/envvar", b'{"name":"NAME","value":"a/b"}'),
    ]


def test_the_table_has_every_function_and_every_parameter() -> None:
    catalog = load_catalog()
    given: dict[str, set[str]] = {}
    for case in CASES:
        given.setdefault(case["function"], set()).update(case["arguments"])
    missing = {
        f"{function.name}.{parameter.name}"
        for function in catalog.functions()
        for parameter in function.parameters
        if parameter.name not in given.get(function.name, set())
    }
    assert (set(given), missing) == (set(catalog.names), set())
    assert len(catalog.names) == 195
