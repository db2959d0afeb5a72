"""csv and text: rows as text and back, pure, lossless, and within the limits of the script."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lua_cases import RunScript

from kosmo_circleci import Bridge, Limits
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.lua.tables import MemoryBudget

ROWS = (
    "local rows = {{name = 'a,b', id = 1, list = {1, {}}}, "
    "{name = 'q\"\\nz', rate = 1.0, ok = true}, {name = json.null, id = 12345678901234567}} "
)
PAGE = 'json.decode(\'{"items": [{"a": 1}], "next_page_token": %s}\')'


@pytest.mark.parametrize(
    ("code", "result"),
    [
        # csv.encode
        ("csv.encode(rows)",
         'id,list,name,ok,rate\n1,"[1,{}]","a,b",,\n,,"q""\nz",true,1.0\n12345678901234567,,,,\n'),
        ("csv.encode(rows, {'name', 'id'})",
         'name,id\n"a,b",1\n"q""\nz",\n,12345678901234567\n'),
        ("csv.encode({{vcs = {branch = 'main'}}}, {'vcs.branch', 'none'})",
         "vcs.branch,none\nmain,\n"),
        ("csv.encode({{a = 'x\\r'}})", 'a\n"x\r"\n'),
        ("csv.encode({})", ""),
        ("csv.encode(json.array())", ""),
        ("csv.encode({}, {'a', 'b'})", "a,b\n"),
        ("csv.encode({{a = ''}})", 'a\n""\n'),
        ("csv.encode({a = 1, b = 2})", "a,b\n1,2\n"),
        ("csv.encode({1, 'two', false})", "value\n1\ntwo\nfalse\n"),
        ("csv.encode(view(rows, 'x'), {'id'})", 'id\n1\n""\n12345678901234567\n'),
        (f"csv.encode({PAGE % 'null'})", "a\n1\n"),
        ("csv.encode(json.decode('[{\"n\": 123456789012345678901234567890}]'))",
         "n\n123456789012345678901234567890\n"),
        ("csv.encode({{a = '\\u{d800}ä'}}) == 'a\\n\\u{d800}ä\\n'", True),
        # csv.decode
        ("csv.decode('\\xef\\xbb\\xbfid,name\\r\\n1,\"a\\r\\nb\"\\r\\n\\r\\n2,\\r\\n')",
         [{"id": "1", "name": "a\r\nb"}, {"id": "2", "name": ""}]),
        ("csv.decode('ä,€\\n1,2')", [{"ä": "1", "€": "2"}]),
        ("csv.decode('')", []),
        ("csv.decode('a,b\\n')", []),
        ("json.encode(csv.decode('a\\n'))", "[]"),
        ("csv.decode('a\\n\\255\\0\\n')[1].a == '\\255\\0'", True),
        ("csv.decode('\\xef\\xbb\\xbfa\\n\\255\\n')[1].a == '\\255'", True),
        # text
        ("text.table({{id = 7, name = 'build'}, {id = 12, state = '漢字'}})",
         "id  name   state\n7   build\n12         漢字"),
        ("text.table({{b = 1, a = ('x'):rep(300)}}, {'b', 'a'})", f"b  a\n1  {'x' * 300}"),
        ("text.table({})", ""),
        ("text.table({}, {'a', 'b'})", "a  b"),
        ("text.markdown({{job = 'a|b', note = 'x\\ny <z>'}})",
         "| job | note |\n| --- | --- |\n| a\\|b | x<br>y \\<z> |"),
        ("text.markdown({{a = 1, b = 2}}, {'b'})", "| b |\n| --- |\n| 2 |"),
    ],
)  # fmt: skip
def test_rows_are_text_and_back(code: str, result: JsonValue, run: RunScript) -> None:
    made = run(f"{ROWS} return {code}")
    assert (made.error, made.result) == (None, result)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("csv.encode()", "csv.encode: argument 1 must be a table, got nothing"),
        ("csv.encode('a')", "csv.encode: argument 1 must be a table, got string"),
        ("csv.encode(json.null)", "csv.encode: argument 1 must be a list of rows"),
        ("csv.encode({{a = print}})", "csv.encode: a function cannot be written (at key 'a')"),
        ("csv.encode({{a = 0/0}})", "csv.encode: NaN cannot be written (at key 'a')"),
        ("csv.encode({{a = '\\255'}})", "csv.encode: a string that is not UTF-8 at byte 1"),
        ("csv.encode({}, 'a')", "csv.encode: argument 2 must be a table, got string"),
        ("csv.encode({}, {})", "csv.encode: argument 2 must be a list of column names"),
        ("csv.encode({}, {a = 'b'})", "csv.encode: argument 2 must be a list of column names"),
        ("csv.encode({}, {'a', 2})", "csv.encode: argument 2 must be a list of column names"),
        ("text.table({}, {'a', 'b', 'a'})", "text.table: argument 2 has a duplicate column 'a'"),
        ("text.markdown(5)", "text.markdown: argument 1 must be a table, got number"),
        (
            "csv.encode(" + PAGE % '"x"' + ")",
            "csv.encode: argument 1 is one page of several",
        ),
        ("csv.decode()", "csv.decode: argument 1 must be a string, got nothing"),
        ("csv.decode({})", "csv.decode: argument 1 must be a string, got table"),
        ("csv.decode('a,b\\n1,2\\n3\\n')", "csv.decode: line 3: 1 field, but the header has 2"),
        ("csv.decode('a\\n\"1')", "csv.decode: line 2: a quoted field begins here"),
        ("csv.decode('ä,ä')", "csv.decode: line 1: duplicate column 'ä'"),
    ],
)
def test_what_cannot_be_done_is_an_error_on_the_scripts_line(
    code: str, error: str, run: RunScript
) -> None:
    made = run(f"return {code}")
    assert made.error_type == "runtime"
    assert (made.error or "").startswith(f"eval:1: {error}")


def test_what_a_script_no_longer_uses_leaves_room_for_more(bridge: Bridge) -> None:
    code = (
        "local text, count = 'a,b\\n' .. ('1,2\\n'):rep(20000), 0 "
        "for n = 1, 12 do count = count + #csv.decode(text) end return count"
    )
    made = bridge.run(code, limits=Limits(memory_bytes=12 * 1024 * 1024))
    assert (made.error, made.result) == (None, 240_000)


def test_the_rows_stay_as_they_were(run: RunScript) -> None:
    made = run(
        ROWS + "local before, columns = json.encode(rows), {'name'} "
        "csv.encode(rows, columns) text.table(rows) text.markdown(rows) "
        "return before == json.encode(rows), columns"
    )
    assert made.result == [True, ["name"]]


NAMES = st.lists(st.text(max_size=4), min_size=1, max_size=3, unique=True)
TABLES = NAMES.flatmap(
    lambda names: st.lists(
        st.fixed_dictionaries(dict.fromkeys(names, st.text(max_size=6))), max_size=4
    )
)


@settings(max_examples=40)
@given(TABLES)
def test_a_table_of_strings_comes_back_from_csv(bridge: Bridge, rows: list[JsonValue]) -> None:
    code = "return csv.decode(csv.encode(args.rows))"
    made = bridge.run(code, args={"rows": rows})
    assert (made.error, made.result) == (None, rows)


CODE_PAST_A_LIMIT = [
    # One long cell pads every row: a table of two gigabytes.
    "local rows = {} for n = 1, 20000 do rows[n] = {a = 'x', b = 'y'} end "
    "rows[1] = {a = ('x'):rep(100000), b = 'y'} return #text.table(rows)",
    # Rows times columns.
    "local rows, columns = {}, {} for n = 1, 2000 do rows[n] = {a = 1} end "
    "for n = 1, 2000 do columns[n] = 'c' .. n end return #csv.encode(rows, columns)",
    # Many tables of a short text.
    "return #csv.decode('a\\n' .. ('1\\n'):rep(400000))",
    "return #csv.decode(('a\\n'):rep(1000000))",
]


@pytest.mark.parametrize("code", CODE_PAST_A_LIMIT)
@pytest.mark.parametrize("isolate", [False, True])
def test_what_the_host_makes_counts_against_the_scripts_memory(
    code: str, isolate: bool, bridge: Bridge
) -> None:
    limits = Limits(memory_bytes=16 * 1024 * 1024)
    made = bridge.run(code, limits=limits, isolate=isolate)
    assert made.error_type == "limit"
    assert "more memory than its limit of 16M" in (made.error or "")


@pytest.mark.parametrize("isolate", [False, True])
def test_what_the_host_computes_counts_as_the_scripts_cpu_time(
    isolate: bool, bridge: Bridge
) -> None:
    code = (
        "local text = 'a,b\\n' .. ('1,2\\n'):rep(2000) "
        "while true do pcall(function() csv.encode(csv.decode(text)) end) end"
    )
    made = bridge.run(code, limits=Limits(cpu_s=0.5), isolate=isolate)
    assert made.error_type == "limit"
    assert "more than 0.5 s of CPU time" in (made.error or "")


def test_one_long_text_checks_the_limits_on_its_way() -> None:
    looks: list[int] = []
    budget = MemoryBudget(1_000_000, lambda: looks.append(1))
    assert list(budget.texts(["x" * 1000] * 500)) == ["x" * 1000] * 500
    assert len(looks) == 3
    with pytest.raises(MemoryError):
        list(budget.cells([["x"] * 1000] * 100))
