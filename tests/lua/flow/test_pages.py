"""flow.each and flow.all: pages as the loop reaches them, one at a time."""

from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.limits import Limits
from kosmo_circleci.run.envelope import Run

RunLua = Callable[..., Run]


def pages(count: int, size: int = 2, **item: Any) -> Callable[..., tuple[Any, ...]]:
    """Answer page after page: tokens "2", "3", …, items numbered from 1."""

    def handler(_path: str, query: dict[str, str]) -> tuple[Any, ...]:
        page = int(query.get("page-token", "1"))
        first = (page - 1) * size + 1
        items = [{"number": number, **item} for number in range(first, first + size)]
        return 200, {"items": items, "next_page_token": str(page + 1) if page < count else None}

    return handler


LIST = "circleci.list_contexts, {owner_slug = 'gh/acme'}"


def test_each_goes_through_every_page(run_lua: RunLua, scripted: Any) -> None:
    scripted.handler = pages(3)

    run = run_lua(
        f"local n = json.array() for c in flow.each({LIST}) do n[#n + 1] = c.number end return n"
    )

    assert (run.result, run.call_count) == ([1, 2, 3, 4, 5, 6], 3)


def test_all_is_the_same_as_one_array(run_lua: RunLua, scripted: Any) -> None:
    scripted.handler = pages(2, size=1)

    run = run_lua(f"return flow.all({LIST})")

    assert run.result == [{"number": 1}, {"number": 2}]


def test_all_of_nothing_is_an_empty_array(run_lua: RunLua, scripted: Any) -> None:
    scripted.handler = lambda path, query: (200, {"items": [], "next_page_token": None})

    assert run_lua(f"return flow.all({LIST})").result_json == "[]"


def test_a_page_is_fetched_when_the_loop_reaches_it(run_lua: RunLua, scripted: Any) -> None:
    scripted.handler = pages(5)

    run = run_lua(f"""
        local iterator = flow.each({LIST})
        local calls = #flow.all({LIST}, {{max_items = 3}})
        for context in iterator do if context.number == 3 then break end end
        return calls
    """)

    assert (run.result, run.call_count) == (3, 4)


@pytest.mark.parametrize(("most", "calls"), [(0, 0), (1, 1), (2, 1), (3, 2), (100, 3)])
def test_max_items_ends_the_pages_too(
    run_lua: RunLua, scripted: Any, most: int, calls: int
) -> None:
    scripted.handler = pages(3)

    run = run_lua(f"return #flow.all({LIST}, {{max_items = {most}}})")

    assert (run.result, run.call_count) == (min(most, 6), calls)


def test_empty_pages_and_nulls_in_the_middle_end_nothing(run_lua: RunLua, scripted: Any) -> None:
    found = {"1": [1, None, 2], "2": [], "3": [None], "4": [3]}

    def handler(_path: str, query: dict[str, str]) -> tuple[Any, ...]:
        page = query.get("page-token", "1")
        following = str(int(page) + 1) if page != "4" else ""
        return 200, {"items": found[page], "next_page_token": following}

    scripted.handler = handler

    assert run_lua(f"return flow.all({LIST})").result == [1, 2, 3]


def test_the_callers_table_stays_as_it_was(run_lua: RunLua, scripted: Any) -> None:
    scripted.handler = pages(2)

    run = run_lua(
        "local args = {owner_slug = 'gh/acme'} flow.all(circleci.list_contexts, args) return args"
    )

    assert run.result == {"owner_slug": "gh/acme"}


def test_a_first_page_may_be_chosen(run_lua: RunLua, scripted: Any) -> None:
    scripted.handler = pages(3, size=1)

    run = run_lua("return #flow.all(circleci.list_contexts, {page_token = '2'})")

    assert run.result == 2


def test_raw_calls_get_the_token_in_their_query(run_lua: RunLua, scripted: Any) -> None:
    queries: list[dict[str, str]] = []
    inner = pages(2, size=1)

    def handler(path: str, query: dict[str, str]) -> tuple[Any, ...]:
        queries.append(query)
        return inner(path, query)

    scripted.handler = handler

    run = run_lua("""
        local args = {path = "/context", query = {["owner-slug"] = "gh/acme"}}
        return {#flow.all(circleci.work.api_get, args), args.query}
    """)

    assert run.result == [2, {"owner-slug": "gh/acme"}]
    assert queries == [
        {"owner-slug": "gh/acme"},
        {"owner-slug": "gh/acme", "page-token": "2"},
    ]


def test_a_function_of_the_script_can_be_paged(run_lua: RunLua) -> None:
    run = run_lua("""
        return flow.all(function(request)
          local page = request.page_token or 1
          return {items = {page * request.factor}, next_page_token = page < 3 and page + 1 or nil}
        end, {factor = 10})
    """)

    assert run.result == [10, 20, 30]


@pytest.mark.parametrize("circle", [1, 2, 3, 7])
def test_a_cursor_that_goes_in_circles_is_an_error(
    run_lua: RunLua, scripted: Any, circle: int
) -> None:
    def handler(_path: str, query: dict[str, str]) -> tuple[Any, ...]:
        number = int(query.get("page-token", "0"))
        return 200, {"items": [number], "next_page_token": str(number % circle + 1)}

    scripted.handler = handler

    run = run_lua(f"""
        local ok, e = pcall(flow.all, {LIST})
        return {{e.type, e.message:match("^(.-),"), e.function_name}}
    """)

    message = "flow.all: the page token does not advance"
    assert run.result == ["api", message, "flow.all"]
    assert run.call_count <= 3 * circle + 2


def test_an_error_in_the_middle_can_be_caught_and_the_page_asked_for_again(
    run_lua: RunLua, scripted: Any
) -> None:
    inner, failures = pages(3, size=1), [404]

    def handler(path: str, query: dict[str, str]) -> tuple[Any, ...]:
        if query.get("page-token") == "2" and failures:
            return failures.pop(), {"message": "not now"}
        return inner(path, query)

    scripted.handler = handler

    run = run_lua(f"""
        local iterator, numbers = flow.each({LIST}), json.array()
        while true do
          local ok, item = pcall(iterator)
          if ok and item == nil then return numbers end
          numbers[#numbers + 1] = ok and item.number or tostring(item)
        end
    """)

    assert run.result == [1, "CircleCI API error (404): not now", 2, 3]


def test_a_thousand_pages_need_the_memory_of_one(run_lua: RunLua, scripted: Any) -> None:
    # A page takes some 90 kB of Lua memory, so all of them 90 MB.
    scripted.handler = pages(1000, size=20, filling="x" * 4000)

    run = run_lua(
        f"local n = 0 for item in flow.each({LIST}) do n = n + #item.filling end return n",
        limits=Limits(memory_bytes=6 * 1024 * 1024),
    )

    assert (run.error, run.result) == (None, 1000 * 20 * 4000)
    assert (run.call_count, len(run.call_log)) == (1000, 1000)


def test_the_call_log_keeps_the_last_thousand(run_lua: RunLua) -> None:
    run = run_lua("pcall(get, 'x-first') for n = 1, 1000 do get(n) end")

    assert (run.error, run.call_count, len(run.call_log)) == (None, 1001, 1000)
    assert {call["status"] for call in run.call_log} == {"ok"}


def test_pages_inside_the_branches_of_a_map(run_lua: RunLua, scripted: Any) -> None:
    scripted.handler = pages(3)

    run = run_lua("""
        return flow.map({"gh/a", "gh/b"}, function(slug)
          local sum = 0
          local contexts = flow.each(circleci.list_contexts, {owner_slug = slug})
          for context in contexts do sum = sum + context.number end
          return sum
        end)
    """)

    assert (run.result, run.call_count) == ([21, 21], 6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("flow.each()", "flow.each: argument 1 must be a function, got nothing"),
        (
            "flow.all(circleci.list_contexts, 'gh/acme')",
            'flow.all: argument 2 must be a table of the function\'s parameters, got "gh/acme"',
        ),
        (
            "flow.all(circleci.list_contexts, {}, {max = 3})",
            "flow.all: unknown option 'max'. It takes: max_items",
        ),
        (
            "flow.all(circleci.list_contexts, {}, {max_items = -1})",
            "flow.all: 'max_items' takes a whole number, 0 or more, got -1",
        ),
        (
            "flow.all(function() return {pages = {}} end)",
            "flow.all: the function must answer a page, {items = {…}, next_page_token = …} or "
            "{data = {…}, page = {next = …}}; it answered a table without items",
        ),
        (
            "for x in flow.each(function() end) do end",
            "flow.each: the function must answer a page, {items = {…}, next_page_token = …} or "
            "{data = {…}, page = {next = …}}; it answered nothing",
        ),
    ],
)
def test_a_wrong_argument_is_named(run_lua: RunLua, call: str, message: str) -> None:
    run = run_lua(f"local ok, e = pcall(function() {call} end) return {{e.type, e.message}}")

    assert run.result == ["validation", message]
