"""Errors of Lua itself name the way out; looking for what is absent gives nil, as ever."""

import pytest
from lua_cases import RunScript

NO_IO = (
    "the sandbox has no io. With --files DIR a script has files.read, files.write and files.list"
)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("io.open('x')", f"attempt to index a nil value (global 'io'): {NO_IO}"),
        (
            "local util = require('util')",
            "attempt to call a nil value (global 'require'): this run has no require. A script "
            "that is a file loads modules from its own folder; with --eval and standard input "
            "give --lua-path DIR (Python: lua_path=[DIR])",
        ),
        (
            "files.write('a', 'b')",
            "attempt to index a nil value (global 'files'): this run has no files. Give the folder "
            "it may use: --files DIR (Python: files=DIR)",
        ),
        (
            "os.exit(1)",
            "attempt to call a nil value (field 'exit'): the sandbox has no os.exit. exit(code) "
            "ends the run",
        ),
        (
            "return os.getenv('HOME')",
            "attempt to call a nil value (field 'getenv'): the sandbox has no os.getenv. Pass "
            "values with --arg NAME=VALUE; they are args.NAME",
        ),
        (
            "circleci.get_pipeline('x')",
            "attempt to index a nil value (global 'circleci'): write local circleci = "
            "app.integrations.circleci first",
        ),
        (
            "get_pipeline('x')",
            "attempt to call a nil value (global 'get_pipeline'): Did you mean "
            "app.integrations.circleci.get_pipeline?",
        ),
        (
            "flow.mpa({}, print)",
            "attempt to call a nil value (field 'mpa'): flow.mpa does not exist. Did you mean "
            "flow.map?",
        ),
        (
            "flow.map({1}, function() return flow.mpa({}, print) end)",
            "attempt to call a nil value (field 'mpa'): flow.mpa does not exist. Did you mean "
            "flow.map? (item 1)",
        ),
        (
            "json.parse('1')",
            "attempt to call a nil value (field 'parse'): Did you mean json.decode?",
        ),
        (
            "regex.replace('a', 'b', 'c')",
            "attempt to call a nil value (field 'replace'): Did you mean regex.gsub?",
        ),
        (
            "docs.raed('x')",
            "attempt to call a nil value (field 'raed'): docs.raed does not exist. Did you mean "
            "docs.read?",
        ),
        (
            "mcp.tool('x')",
            "attempt to call a nil value (field 'tool'): mcp.tool does not exist. Did you mean "
            "mcp.tools?",
        ),
        (
            "return ('x'):trim()",
            "attempt to call a nil value (method 'trim'): string.trim does not exist",
        ),
        ("prnit('x')", "attempt to call a nil value (global 'prnit'): Did you mean print?"),
        (
            "my_total = 1 return 1 + my_totla",
            "attempt to perform arithmetic on a nil value (global 'my_totla'): Did you mean "
            "my_total?",
        ),
        # nothing is near, or nobody knows whose field it is
        ("return nowhere.x", "attempt to index a nil value (global 'nowhere')"),
        ("local t = {} t.mpa()", "attempt to call a nil value (field 'mpa')"),
        (
            "local has = flow.mpa ~= nil\nlocal t = {} t.mpa()",
            "attempt to call a nil value (field 'mpa')",
        ),
        ("local t = {} t.io.x()", "attempt to index a nil value (field 'io')"),
        ("error(\"attempt to call a nil value (global 'io') today\")",
         "attempt to call a nil value (global 'io') today"),
    ],
)  # fmt: skip
def test_an_error_of_lua_names_the_way_out(code: str, error: str, run: RunScript) -> None:
    made = run(code)

    assert made.error_type == "runtime"
    assert made.error is not None
    assert made.error.partition(": ")[2] == error


def test_a_script_may_test_for_what_is_absent(run: RunScript) -> None:
    made = run("""
        local absent = io == nil and require == nil and rawget(_G, "io") == nil and os.exit == nil
        local unknown = flow.mpa == nil and json.parse == nil and ("x").trim == nil
        local ok, fault = pcall(function() return flow.mpa() end)
        return absent, unknown, ok, fault
    """)

    assert (made.error, made.result) == (
        None,
        [True, True, False, "eval:4: attempt to call a nil value (field 'mpa')"],
    )
