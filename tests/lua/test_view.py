"""view(rows, text): rows for programs and a text for people, wherever the script runs."""

import pytest
from lua_cases import RunScript

from kosmo_circleci import Bridge
from kosmo_circleci.jsonvalue import JsonValue

ROWS: JsonValue = [{"id": 1}, {"id": 2}]
MAKE = "local rows = {{id = 1}, {id = 2}} local v = view(rows, 'two') "


@pytest.fixture(params=[False, True], ids=["in-process", "isolated"])
def run_anywhere(request: pytest.FixtureRequest, bridge: Bridge) -> RunScript:
    return lambda code: bridge.run(code, name="eval", isolate=request.param, force=True)


@pytest.mark.parametrize(
    ("code", "result", "text"),
    [
        (MAKE + "return v", ROWS, "two"),
        ("return view({}, 'none')", {}, "none"),
        ("return view(json.array(), 'none')", [], "none"),
        ("return view(nil, 'nothing')", None, "nothing"),
        ("return view(json.null, 'nothing')", None, "nothing"),
        ("return view(false, '')", False, ""),
        ("return view('text', 'a\\n\\nb\\n')", "text", "a\n\nb\n"),
        ("return view(view({1}, 'inner'), 'outer')", [1], "outer"),
        ("local function main() return view({1}, 'one') end return main()", [1], "one"),
        ("return coroutine.wrap(function() return view({1}, 'one') end)()", [1], "one"),
        ("return flow.map({1}, function(n) return view({n}, 'one') end)[1]", [1], "one"),
        ("return view({1}, '\\255ä')", [1], "\ufffdä"),
        # its text counts nowhere but where it is the result
        (MAKE + "return rows", ROWS, None),
        (MAKE + "return v, 1", [ROWS, 1], None),
        (MAKE + "return {v}", [ROWS], None),
        (MAKE + "return v[2].id, #v", [2, 2], None),
        (MAKE + "local n = 0 for _, row in ipairs(v) do n = n + row.id end return n", 3, None),
        (MAKE + "local n = 0 for k in pairs(v) do n = n + k end return n", 3, None),
        (MAKE + "return flow.map(v, function(row) return row.id end)", [1, 2], None),
        (MAKE + "return json.encode(v), json.encode({v = v})",
         ['[{"id":1},{"id":2}]', '{"v":[{"id":1},{"id":2}]}'], None),
        (MAKE + "rows[1].v = v return json.encode(v[2]), tostring(rows) == tostring(v)",
         ['{"id":2}', True], None),
        ("local v = view('ab', 'x') return #v, v.a, json.encode(v)", [2, None, '"ab"'], None),
        ("local v = view(5, 'x') for _ in pairs(v) do error('a row') end return #v", 0, None),
        ("return type(app.integrations.circleci.get_project(view("
         "{project_slug = 'gh/example-org/example-repo'}, 'x')).id)", "string", None),
    ],
)  # fmt: skip
def test_the_rows_are_the_result_and_the_text_is_beside_it(
    code: str, result: JsonValue, text: str | None, run: RunScript
) -> None:
    made = run(code)
    assert (made.error, made.result, made.result_text) == (None, result, text)
    assert "result_text" not in made.to_dict()
    assert made.to_dict()["result"] == result


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("return view({1})", "view: argument 2 must be a string, got nothing"),
        ("return view({1}, 5)", "view: argument 2 must be a string, got number"),
        ("return view({1}, {'a', 'b'})", "view: argument 2 must be a string, got table"),
        ("view({1}, 'one').a = 2", "a view is read-only: 'a' cannot be set"),
        ("rawset(view({1}, 'one'), 1, 2)", "rawset: this table is read-only"),
        ("return json.encode(view({print}, 'one'))", "json.encode: a function cannot be written"),
    ],
)
def test_what_is_not_a_view_is_refused(code: str, error: str, run: RunScript) -> None:
    made = run(code)
    assert made.error_type == "runtime"
    assert (made.error or "").startswith(f"eval:1: {error}")


def test_a_view_given_to_exit_is_the_result_of_the_run(run_anywhere: RunScript) -> None:
    made = run_anywhere("pcall(function() exit(3, view({failed = 2}, '2 failed')) end)")
    assert (made.exit_code, made.result, made.result_text) == (3, {"failed": 2}, "2 failed")


def test_a_failed_run_has_no_text(run_anywhere: RunScript) -> None:
    assert run_anywhere("local v = view({1}, 'one') error('boom')").result_text is None


def test_the_text_is_masked(run_anywhere: RunScript) -> None:
    made = run_anywhere(
        "app.integrations.circleci.upsert_context_env_var('context-uuid', 'A', 'hunter2!') "
        "return view({'hunter2!'}, 'it is hunter2!')"
    )
    assert (made.result, made.result_text) == (["***"], "it is ***")


def test_the_next_script_of_a_state_starts_without_a_text() -> None:
    from kosmo_circleci.run.settings import RunSettings
    from kosmo_circleci.runtime import Runtime

    runtime = Runtime(simulate=True)
    session = runtime.session(RunSettings(keep_state=True))
    try:
        assert session.run("v = view({1}, 'one') return v").result_text == "one"
        assert session.run("return 2").result_text is None
        assert session.run("return v").result_text == "one"
        assert session.run("error(v)").result_text is None
    finally:
        session.close()
        runtime.close()
