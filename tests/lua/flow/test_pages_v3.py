"""flow.each and flow.all page API v3 by the rules of v2: cursors in the query or in the body."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.transport.wire import WireRequest, WireResponse

CONFIG = {"integrations": {"circleci": {"accounts": {"default": {"token": "CCIPAT_pages_012345"}}}}}
Sent = tuple[str, dict[str, str], Any]
"""Path, query and body of a request."""


class Scripted:
    """A transport that answers each request with the next of `answers`, the last one for ever."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.sent: list[Sent] = []

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        url = urlsplit(request.url)
        body = json.loads(request.body) if request.body else None
        self.sent.append((url.path, dict(parse_qsl(url.query)), body))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        headers = {"content-type": "application/json"}
        return WireResponse(200, headers, json.dumps(answer).encode())

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def run() -> Callable[..., Any]:
    def run_lua(transport: Scripted, code: str) -> Any:
        with Bridge(config=CONFIG, transport=transport) as bridge:
            done = bridge.run(f"local circleci = app.integrations.circleci {code}", force=True)
        assert (done.error, done.success) == (None, True)
        return done.result

    return run_lua


def page(*items: Any, cursor: Any = None) -> dict[str, Any]:
    return {"data": [*items], "page": {"next": cursor}}


def test_the_cursor_of_v3_goes_into_the_query(run: Any) -> None:
    transport = Scripted(page(1, 2, cursor="c/2"), page(3, cursor=None))

    assert run(transport, "return flow.all(circleci.list_jobs_v3, {workflow_id = 'w'})") == [
        1,
        2,
        3,
    ]
    assert transport.sent == [
        ("/api/v3/jobs", {"filter[workflow_id]": "w"}, None),
        ("/api/v3/jobs", {"filter[workflow_id]": "w", "page[cursor]": "c/2"}, None),
    ]


def test_the_cursor_of_a_search_goes_into_the_body(run: Any) -> None:
    transport = Scripted(page(1, cursor="two"), page(2))
    code = "{project_ids = {'p'}, from = 'a', to = 'b', limit = 1}"

    assert run(transport, f"return flow.all(circleci.search_runs, {code})") == [1, 2]
    assert [body["page"] for _, _, body in transport.sent] == [
        {"limit": 1, "cursor": ""},
        {"limit": 1, "cursor": "two"},
    ]


def test_optional_fields_of_a_body_stay_out_of_it(run: Any) -> None:
    transport = Scripted(page(1, cursor="two"), page(2))
    code = "{analysis = 'charge.job', project_ids = {'p'}}"

    assert run(transport, f"return flow.all(circleci.analyze_charges, {code})") == [1, 2]
    assert [body["page"] for _, _, body in transport.sent] == [
        {"limit": 20},
        {"limit": 20, "cursor": "two"},
    ]


@pytest.mark.parametrize(
    "last",
    [
        {"data": [2]},
        {"data": [2], "page": {}},
        {"data": [2], "page": {"next": None}},
        {"data": [2], "page": {"next": ""}},
        {"data": [2], "page": None},
    ],
)
def test_a_cursor_that_is_missing_null_or_empty_ends_the_list(run: Any, last: Any) -> None:
    transport = Scripted(page(1, cursor="two"), last)

    assert run(transport, "return flow.all(circleci.list_orgs)") == [1, 2]
    assert len(transport.sent) == 2


def test_an_empty_page_of_v3_ends_the_list(run: Any) -> None:
    transport = Scripted(page(1, cursor="two"), page(cursor="three"))

    assert run(transport, "return flow.all(circleci.list_orgs)") == [1]
    assert len(transport.sent) == 2


def test_a_cursor_of_v3_that_comes_again_is_an_error(run: Any) -> None:
    transport = Scripted(page(1, cursor="same"))

    code = "local ok, e = pcall(flow.all, circleci.list_orgs) return {ok, e.type, e.message}"
    assert run(transport, code) == [
        False,
        "api",
        "flow.all: the page token does not advance, 'same' came again",
    ]
    assert len(transport.sent) == 2


def test_a_parameter_for_the_first_page_stays_away_from_the_others(run: Any) -> None:
    transport = Scripted(page(1, cursor="two"), page(2, cursor="three"), page(3))
    code = "local args = {org_id = 'o', provider = 'github_app', limit = 50}"

    result = run(
        transport,
        f"{code} return {{flow.all(circleci.list_provider_repositories, args), args}}",
    )

    assert result == [[1, 2, 3], {"org_id": "o", "provider": "github_app", "limit": 50}]
    scope = {"filter[org_id]": "o", "filter[provider]": "github_app"}
    assert [query for _, query, _ in transport.sent] == [
        scope | {"page[limit]": "50"},
        scope | {"page[cursor]": "two"},
        scope | {"page[cursor]": "three"},
    ]


def test_a_list_whose_server_ignores_the_cursor_ends_without_duplicates(run: Any) -> None:
    first = {"items": [{"variable": "A"}, {"variable": "B"}], "next_page_token": "B"}
    transport = Scripted(first)

    code = "return flow.all(circleci.default.list_context_env_vars, {context_id = 'c'})"
    assert run(transport, code) == first["items"]
    assert [query for _, query, _ in transport.sent] == [{}, {"page-token": "B"}]


def test_the_same_list_still_pages_where_a_server_heeds_the_cursor(run: Any) -> None:
    transport = Scripted(
        {"items": [1], "next_page_token": "a"},
        {"items": [2], "next_page_token": "b"},
        {"items": [3], "next_page_token": None},
    )

    code = "return flow.all(circleci.list_context_env_vars, {context_id = 'c'})"
    assert run(transport, code) == [1, 2, 3]


def test_raw_calls_of_v3_page_in_the_query_or_in_the_body(run: Any) -> None:
    transport = Scripted(page(1, cursor="two"), page(2))
    code = "return flow.all(circleci.api_get, {path = '/v3/orgs', query = {x = 1}})"
    assert run(transport, code) == [1, 2]
    assert [query for _, query, _ in transport.sent] == [
        {"x": "1"},
        {"x": "1", "page[cursor]": "two"},
    ]

    transport = Scripted(page(1, cursor="two"), page(2))
    code = (
        "local args = {path = '/v3/runs/search', body = {page = {limit = 1}}} "
        "return {flow.all(circleci.api_post, args), args.body}"
    )
    assert run(transport, code) == [[1, 2], {"page": {"limit": 1}}]
    assert [body for _, _, body in transport.sent] == [
        {"page": {"limit": 1}},
        {"page": {"limit": 1, "cursor": "two"}},
    ]


def test_a_function_of_the_script_may_answer_pages_of_either_form(run: Any) -> None:
    code = """
    local function two(args)
      if args.page_token == nil then return {data = {"a"}, page = {next = "t"}} end
      return {data = {args.page_token}}
    end
    return flow.all(two)
    """
    assert run(Scripted({}), code) == ["a", "t"]


@pytest.mark.parametrize(
    "answer", [{"data": {"id": "1"}}, {"data": "text"}, {"page": {"next": "x"}}]
)
def test_one_entity_is_not_a_page(run: Any, answer: Any) -> None:
    code = (
        "local ok, e = pcall(flow.all, circleci.get_org, {org_id = 'o'}) return {e.type, e.message}"
    )
    assert run(Scripted(answer), code) == [
        "validation",
        "flow.all: the function must answer a page, {items = {…}, next_page_token = …} or "
        "{data = {…}, page = {next = …}}; it answered a table without items",
    ]
