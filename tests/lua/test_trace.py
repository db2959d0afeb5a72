"""Tracebacks: the script's own frames, innermost first, across coroutines and branches."""

import pytest
from lua_cases import RunScript

from kosmo_circleci import Bridge, Limits


@pytest.mark.parametrize(
    ("code", "frames"),
    [
        ("error('x')", ["eval:1: in main chunk"]),
        (
            "local function inner() error('x') end\nlocal function outer() inner() end\nouter()",
            ["eval:1: in function inner", "eval:2: in function outer", "eval:3: in main chunk"],
        ),
        (
            "local job = {}\nfunction job:run() self.absent.field = 1 end\njob:run()",
            ["eval:2: in function run", "eval:3: in main chunk"],
        ),
        (
            "local function each(fn)\n fn() end\neach(function()\n error('x') end)",
            ["eval:4: in function fn", "eval:2: in function each", "eval:3: in main chunk"],
        ),
        (
            "table.sort({2, 1},\nfunction() error('x') end)",
            ["eval:2: in function <eval:2>", "eval:1: in main chunk"],
        ),
        # helpers of the bridge are no frames of the script
        (
            "local c = app.integrations.circleci\nlocal function get()\n"
            " c.get_project('gh/a/b') end\nflow.retry(get)",
            ["eval:3: in function <eval:2>", "eval:4: in main chunk"],
        ),
        (
            "flow.wait(function() return 1 end, function()\n error('x') end)",
            ["eval:2: in function done", "eval:1: in main chunk"],
        ),
        # coroutines
        (
            "local function inner() error('x') end\n"
            "local go = coroutine.wrap(function() inner() end)\ngo()",
            [
                "eval:1: in function inner",
                "eval:2: in function <eval:2>",
                "eval:3: in main chunk",
            ],
        ),
        (
            "flow.map({'a', 'b'}, function(item)\n if item == 'b' then error('x') end end)",
            ["eval:2: in function <eval:1>", "in flow.map, item 2", "eval:1: in main chunk"],
        ),
        (
            "flow.map({1, 2}, function(i)\n flow.map({1, 2}, function(k)\n"
            "  if k == 2 then error('x') end end) end)",
            [
                "eval:3: in function <eval:2>",
                "in flow.map, item 2",
                "eval:2: in function <eval:1>",
                "in flow.map, item 1",
                "eval:1: in main chunk",
            ],
        ),
        # an error that was caught leaves no trace in the next
        (
            "local go = coroutine.wrap(function()\n error('x', 0) end)\npcall(go)\nerror('x', 0)",
            ["eval:4: in main chunk"],
        ),
        ("local ok, e = pcall(error, 'x')\nerror(e)", ["eval:2: in main chunk"]),
        # nothing to tell
        ("return 1", []),
        ("return +", []),
        ("exit(1)", []),
    ],
)
def test_the_traceback_has_the_frames_of_the_script(
    code: str, frames: list[str], run: RunScript
) -> None:
    made = run(code)

    assert list(made.traceback) == frames
    assert made.to_dict().get("traceback", []) == frames


@pytest.mark.parametrize("isolate", [False, True])
def test_a_limit_tells_where_it_met_the_script(isolate: bool, bridge: Bridge) -> None:
    code = "local function spin()\n while true do end end\nflow.map({1}, function() spin() end)"

    made = bridge.run(code, name="eval", limits=Limits(cpu_s=0.1), isolate=isolate)

    assert list(made.traceback) == [
        "eval:2: in function spin",
        "eval:3: in function <eval:3>",
        "in flow.map, item 1",
        "eval:3: in main chunk",
    ]


def test_deep_recursion_is_cut() -> None:
    code = (
        "local function deep(n) if n == 0 then error('x') end return 1 + deep(n - 1) end\ndeep(99)"
    )

    with Bridge(simulate=True) as bridge:
        made = bridge.run(code, name="eval")

    assert list(made.traceback) == ["eval:1: in function deep"] * 50 + ["…"]


def test_long_file_names_are_whole_and_nothing_in_them_steers_a_terminal(bridge: Bridge) -> None:
    name = "a/" * 60 + "x\x1b[31m.lua"

    made = bridge.run("error('x')", name=name)

    assert list(made.traceback) == [f"{'a/' * 60}x?[31m.lua:1: in main chunk"]


def test_secrets_in_names_are_masked(bridge: Bridge) -> None:
    code = """
        local fns = {["value-of-the-secret"] = function() error("x") end}
        app.integrations.circleci.upsert_context_env_var(
          {context_id = "context-uuid", env_var_name = "KEY", value = "value-of-the-secret"})
        fns["value-of-the-secret"]()
    """

    made = bridge.run(code, name="eval", force=True)

    assert len(made.traceback) == 2
    assert "value-of-the-secret" not in made.to_json()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (
            "c.get_project('gh/a/b')",
            "eval:1: CircleCI API error (404): Project not found "
            "(get_project, GET /api/v2/project/gh/a/b)",
        ),
        (
            "c.list_project_pipelines({project_slug = 'gh/a/b', branch = 'main'})",
            "eval:1: CircleCI API error (404): Project not found (list_project_pipelines, "
            "GET /api/v2/project/gh/a/b/pipeline?branch=main)",
        ),
        (
            "flow.map({'x', 'gh/a/b'}, function(s) if s ~= 'x' then c.get_project(s) end end)",
            "eval:1: CircleCI API error (404): Project not found "
            "(get_project, GET /api/v2/project/gh/a/b) (item 2)",
        ),
        (
            "flow.map({1}, function() flow.map({1, 2}, function(n) "
            "if n == 2 then error('odd') end end) end)",
            "eval:1: odd (item 1, item 2)",
        ),
        # a script may change its error value, not what the line says
        (
            "local ok, e = pcall(c.get_project, 'gh/a/b') e.path = 'x' e.index = 9 error(e)",
            "eval:1: CircleCI API error (404): Project not found "
            "(get_project, GET /api/v2/project/gh/a/b)",
        ),
    ],
)
def test_the_line_of_an_uncaught_error_ends_with_what_was_called(
    code: str, error: str, run: RunScript
) -> None:
    made = run(f"local c = app.integrations.circleci {code}")

    assert made.error == error


def test_the_error_value_itself_has_no_such_ending(run: RunScript) -> None:
    made = run("""
        local ok, e = pcall(app.integrations.circleci.get_project, "gh/a/b")
        return tostring(e), e.message, e.method, e.path
    """)

    message = "CircleCI API error (404): Project not found"
    assert made.result == [message, message, "GET", "/api/v2/project/gh/a/b"]
