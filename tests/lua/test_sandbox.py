"""What a script can reach, and what it cannot get hold of."""

from collections.abc import Callable
from typing import Any

import pytest
from lua_cases import RunScript

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.lua.runtime import Sandbox
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.runtime import Runtime

GLOBALS = {
    "": "_G _VERSION app args assert base64 collectgarbage coroutine csv debug docs dump error "
    "exit flow getmetatable hash ipairs json load log lua_read_doc math mcp next os pairs pcall "
    "print rawequal rawget rawlen rawset regex select setmetatable string table text time tonumber "
    "tostring type utf8 view xpcall",
    "base64": "decode encode",
    "csv": "decode encode",
    "hash": "sha256",
    "text": "markdown table",
    "time": "format now parse",
    "coroutine": "close create isyieldable resume running status wrap yield",
    "debug": "traceback",
    "docs": "list read search",
    "flow": "all each failures is_final log map retry sleep wait wait_pipeline wait_workflow",
    "json": "array decode encode null object",
    "math": "abs acos asin atan ceil cos deg exp floor fmod huge log max maxinteger min mininteger "
    "modf pi rad random randomseed sin sqrt tan tointeger type ult",
    "os": "clock date difftime time",
    "regex": "gsub match match_all split",
    "string": "byte char find format gmatch gsub len lower match pack packsize rep reverse sub "
    "unpack upper",
    "table": "concat insert move pack remove sort unpack",
    "utf8": "char charpattern codepoint codes len offset",
}  # fmt: skip


@pytest.mark.parametrize("library", GLOBALS)
def test_a_script_has_these_globals_and_no_others(library: str, run: RunScript) -> None:
    made = run(f"""
        local names = json.array()
        for name in pairs(_G{"." + library if library else ""}) do names[#names + 1] = name end
        table.sort(names)
        return names
    """)

    assert (made.error, made.result) == (None, GLOBALS[library].split())


def test_nothing_a_script_can_reach_is_userdata(run: RunScript) -> None:
    made = run("""
        local seen, count, found = {}, 0, json.array()
        local function walk(value, path)
          local kind = type(value)
          if kind == "userdata" then found[#found + 1] = path end
          if kind ~= "table" and kind ~= "function" or seen[value] then return end
          seen[value], count = true, count + 1
          if kind == "function" then return end
          pcall(function()
            for key, each in pairs(value) do
              walk(key, path .. ".key")
              walk(each, path .. "." .. tostring(key))
            end
          end)
          local meta = getmetatable(value)
          if meta then walk(meta, path .. ".meta") end
        end
        walk(_G, "_G")
        local calls = {
          function() return json.decode("x") end, function() return regex.match("x", "(") end,
          function() return docs.read("x") end, function() return app.integrations.circleci.x end,
          function() return app.integrations.circleci.get_pipeline() end,
          function() return app.integrations.circleci.get_project("gh/a/b") end,
          function() return app.integrations.circleci.cancel_workflow("x") end,
          function() return flow.map({1}, function() error({}) end) end,
          function() return json.encode(print) end, function() return mcp.servers() end,
        }
        for index = 1, #calls do
          local ok, fault = pcall(calls[index])
          walk(fault, "error" .. index)
          local _, handled = xpcall(calls[index], function(...) return {...} end)
          walk(handled, "handled" .. index)
        end
        for _, value in pairs({regex.match("ab", "(?<x>a)(b)"), regex.match_all("a", "a"),
                               json.decode('{"a":[null,1e1,123456789012345678901]}'),
                               app.integrations.circleci.get_current_user()}) do
          walk(value, "value")
        end
        return count > 400, found
    """)

    assert (made.error, made.result) == (None, [True, []])


class Thing:
    """What must never come to a script."""

    secret = "seen"


class BrokenHost:
    """A host with the faults the real one must not have: it raises, and gives objects away."""

    def functions(self) -> dict[str, Callable[..., Any]]:
        return {
            "tick": lambda: (True,),
            "clock_kind": lambda: (True, b"real"),
            "bound": lambda: None,
            "print": self.fail,
            "docs_list": lambda: (True, Thing()),
            "explain": lambda fault: f"explained: {type(fault).__name__}".encode(),
        }

    def fail(self, _text: bytes) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("return type(select(2, pcall(print, 'x')))", '"string"'),
        ("return docs.list().secret", "error <userdata>"),
        ("docs.list().secret = 1", "error <userdata>"),
        ("return docs.list().__class__", "error <userdata>"),
        ("return docs.list()()", "error <userdata>"),
        ("return tostring(docs.list())", '"<userdata>"'),
        ("print(docs.list())", ""),
        ("return getmetatable(docs.list())", ""),
    ],
)
def test_a_fault_of_the_host_opens_nothing(code: str, answer: str) -> None:
    sandbox = Sandbox(1 << 24)
    sandbox.open(BrokenHost(), [], [], "default")  # type: ignore[arg-type]
    outcome = " ".join(sandbox.run(code.encode(), "@eval"))

    assert answer in outcome
    assert "seen" not in outcome


@pytest.mark.parametrize(
    "code",
    [
        "local _, state = pairs(app) state.integrations = 1",
        "for _, each in pairs(app.integrations.circleci.default) do rawset(app, 'x', each) end",
        "app.integrations = nil",
        "app.integrations.circleci.default.get_pipeline = print",
        "table.insert(app.integrations.circleci, print)",
        "json.null.x = 1",
        "rawset(json.null, 'x', 1)",
    ],
)
def test_what_the_host_gives_is_read_only(code: str, run: RunScript) -> None:
    made = run(code)

    assert made.error_type == "runtime"
    assert made.error is not None
    assert "read-only" in made.error or "cannot be changed" in made.error


def test_read_only_tables_can_be_listed(run: RunScript) -> None:
    made = run("""
        local names = {}
        for name, fn in pairs(app.integrations.circleci) do names[name] = type(fn) end
        return names.get_pipeline, names.default, next(names) ~= nil
    """)
    assert (made.error, made.result) == (None, ["function", "table", True])


def test_globals_with_a_metatable_do_not_meet_the_next_chunk() -> None:
    session = Runtime(simulate=True).session(RunSettings())
    try:
        made = session.run("args = nil setmetatable(_G, {__newindex = error, __index = error})")
        assert made.error is None
        again = session.run("return args.x", "eval", {"x": "1"}, Deadline())
        assert (again.error, again.result) == (None, "1")
    finally:
        session.close()
