"""Random bytes, random programs, random errors as scripts: always an envelope."""

import json
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kosmo_circleci import Bridge, Limits
from kosmo_circleci.limits import MEBIBYTE
from kosmo_circleci.run.envelope import Run

LIMITS = Limits(memory_bytes=16 * MEBIBYTE, cpu_s=0.05, timeout_s=1.0, regex_s=0.05)
MOST_BEYOND_THE_LIMIT_S = 3.0
ERROR_TYPES = {"syntax", "runtime", "validation", "api", "limit", "permission", "configuration"}

random_scripts = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    with Bridge(simulate=True) as simulated:
        yield simulated


def check(run: Run, began: float) -> None:
    envelope = json.loads(run.to_json())
    assert envelope == run.to_dict()
    assert time.monotonic() - began < LIMITS.cpu_s + MOST_BEYOND_THE_LIMIT_S
    if run.success:
        assert (run.error, run.error_type) == (None, None)
    else:
        assert (run.error_type in ERROR_TYPES, run.result) == (True, None)
        assert "internal error" not in (run.error or "")
        assert "[kosmo/" not in (run.error or "")


@random_scripts
@given(st.binary(max_size=200))
def test_random_bytes_are_a_script_or_a_syntax_error(bridge: Bridge, source: bytes) -> None:
    began = time.monotonic()
    check(bridge.run(source.decode("utf-8", "surrogateescape"), limits=LIMITS), began)


WORDS = """
a b x print error pcall xpcall type tostring next select setmetatable getmetatable rawset
rawget coroutine.wrap coroutine.create coroutine.resume coroutine.yield coroutine.close
coroutine.running string.rep string.format string.gsub string.find string.pack table.concat
table.unpack table.insert table.sort table.move utf8.char os.date os.time math.random load
json.encode json.decode json.array json.object json.null regex.match regex.gsub regex.split
flow.map flow.all flow.each flow.wait flow.retry flow.sleep docs.read docs.search dump args
app app.integrations app.integrations.circleci app.integrations.circleci.get_pipeline
app.integrations.circleci.api_get app.integrations.circleci.default _G string table
app.integrations.circleci.list_project_pipelines debug.traceback collectgarbage mcp
"""
NAMES = st.sampled_from(WORDS.split())
ATOMS = st.one_of(
    NAMES,
    st.sampled_from(["nil", "true", "false", "0", "-1", "1e308", "0/0", "1 << 62", "2^53", "..."]),
    st.sampled_from(["''", "'x'", "'(a+)+$'", "'%d'", "'\\0\\255'", "'return 1'", "'gh/a/b'"]),
    st.sampled_from(["{}", "{1, nil, 3}", "{__index = _G}", "{path = '/me'}", "{items = {}}"]),
)


def _grown(expression: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(expression, expression)
    operators = st.sampled_from(["+", "..", "==", "<", "and", "or", "//"])
    return st.one_of(
        st.tuples(NAMES, st.lists(expression, max_size=3)).map(
            lambda call: f"{call[0]}({', '.join(call[1])})"
        ),
        st.tuples(expression, operators, expression).map("({0[0]} {0[1]} {0[2]})".format),
        pairs.map(lambda pair: f"{{{pair[0]}, x = {pair[1]}, [{pair[0]} or 1] = 2}}"),
        pairs.map(lambda pair: f"setmetatable({{{pair[0]}}}, {{__index = {pair[1]}}})"),
        expression.map(lambda each: f"setmetatable({{}}, {{__tostring = {each}, __len = {each}}})"),
        expression.map(lambda each: f"function(...) return {each} end"),
        expression.map(lambda each: f"(function(...) return {each} end)(1, 'x')"),
        expression.map(lambda each: f"({each}).x"),
    )  # fmt: skip


EXPRESSIONS = st.recursive(ATOMS, _grown, max_leaves=8)


def _statements(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        inner.map(lambda body: f"while true do {body} end"),
        inner.map(lambda body: f"for i = 1, 3 do {body} end"),
        inner.map(lambda body: f"pcall(function(...) {body} end)"),
        inner.map(lambda body: f"flow.map({{1, 2}}, function(...) {body} end)"),
        inner.map(lambda body: f"coroutine.wrap(function(...) {body} end)()"),
        inner.map(
            "do local c <close> = setmetatable({{}}, {{__close = function(...) {} end}}) end".format
        ),
        st.tuples(EXPRESSIONS, inner).map(lambda each: f"if {each[0]} then {each[1]} end"),
        st.tuples(inner, inner).map("; ".join),
    )  # fmt: skip


SIMPLE = st.one_of(
    EXPRESSIONS.map("local a = {}".format),
    EXPRESSIONS.map("b = {}".format),
    EXPRESSIONS.map("print({})".format),
    EXPRESSIONS.map("error({})".format),
    st.tuples(NAMES, EXPRESSIONS).map("{0[0]} = {0[1]}".format),
)
PROGRAMS = st.tuples(st.recursive(SIMPLE, _statements, max_leaves=6), EXPRESSIONS).map(
    "{0[0]}; return {0[1]}".format
)


@random_scripts
@given(PROGRAMS)
def test_random_programs_end_with_an_envelope(bridge: Bridge, program: str) -> None:
    began = time.monotonic()
    check(bridge.run(program, limits=LIMITS, isolate=True), began)


VALUES = st.recursive(
    st.sampled_from(
        ["nil", "true", "0/0", "1e400", "'\\255'", "'x'", "print", "json.null", "{}", "app", "_G",
         "coroutine.running()", "select(2, pcall(json.decode, 'x'))", "('x'):rep(100000)"]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda each: "{" + ", ".join(each) + "}"),
        inner.map("{{type = {0}, message = {0}, fatal = {0}}}".format),
        inner.map("setmetatable({{}}, {{__tostring = function() return {0} end}})".format),
        inner.map("setmetatable({{}}, {{__index = function() return {0} end}})".format),
        inner.map("(function() local t = {{{0}}} t.t = t t[t] = t return t end)()".format),
    ),
    max_leaves=6,
)  # fmt: skip


@random_scripts
@given(VALUES, st.sampled_from(["error({})", "return {}", "print({})", "error({}, 0)",
                                "coroutine.wrap(function() error({}) end)()",
                                "flow.map({{1}}, function() error({}) end)"]))  # fmt: skip
def test_random_values_leave_the_script_in_order(bridge: Bridge, value: str, how: str) -> None:
    began = time.monotonic()
    check(bridge.run(how.format(value), limits=LIMITS), began)
