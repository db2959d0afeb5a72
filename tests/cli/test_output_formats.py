"""`--format`, `--columns`, `--jq`: a result for people and for other programs."""

import csv
import functools
import io
import json
from typing import Any, Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.cli.output_formats import Layout, fitting_table, formatted
from kosmo_circleci.cli.output_jq import JqFilter
from kosmo_circleci.cli.output_options import FORMATS, WITH_COLUMNS, ResultOutput
from kosmo_circleci.errors import LimitExceeded, ScriptError, UsageError
from kosmo_circleci.jsonvalue import JsonValue

ROWS: Any = [
    {"zeta": True, "name": "build", "id": 1, "steps": [1, 2]},
    {"id": 2, "name": 'a|b\nc, "d"\te', "zeta": None, "extra": {"x": 1.5}},
]
ALL = Layout()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "jsonl",
            '{"zeta":true,"name":"build","id":1,"steps":[1,2]}\n'
            '{"id":2,"name":"a|b\\nc, \\"d\\"\\te","zeta":null,"extra":{"x":1.5}}',
        ),
        (
            "csv",
            'id,name,extra,steps,zeta\n1,build,,"[1,2]",true\n2,"a|b\nc, ""d""\te","{""x"":1.5}",,',
        ),
        (
            "tsv",
            "id\tname\textra\tsteps\tzeta\n"
            "1\tbuild\t\t[1,2]\ttrue\n"
            '2\ta|b\\nc, "d"\\te\t{"x":1.5}\t\t',
        ),
        (
            "markdown",
            "| id | name | extra | steps | zeta |\n"
            "| --- | --- | --- | --- | --- |\n"
            "| 1 | build |  | [1,2] | true |\n"
            '| 2 | a\\|b<br>c, "d"\te | {"x":1.5} |  |  |',
        ),
    ],
)
def test_rows_for_other_programs(name: str, text: str) -> None:
    assert formatted(ROWS, name, ALL) == text


def test_json_and_yaml_keep_the_keys_in_their_order() -> None:
    assert formatted(ROWS, "json", ALL) == json.dumps(ROWS, indent=2, ensure_ascii=False)
    shown = formatted(ROWS, "yaml", ALL)
    assert shown.startswith("- zeta: true\n  name: build\n  id: 1\n  steps:\n    - 1\n")
    assert yaml.safe_load(shown) == ROWS


def test_a_table_is_aligned_and_has_one_line_for_each_row() -> None:
    assert formatted(ROWS, "table", ALL) == (
        "id  name          extra      steps  zeta\n"
        "1   build                    [1,2]  true\n"
        '2   a|b c, "d" e  {"x":1.5}'
    )


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("value", "as_rows"),
    [
        ({"b": 1, "a": 2}, [{"b": 1, "a": 2}]),
        ({"items": [{"a": 1}], "next_page_token": None}, [{"a": 1}]),
        ({"items": [], "next_page_token": None}, []),
        ([], []),
        ([1, "two", None], [{"value": 1}, {"value": "two"}, {"value": None}]),
        ([{"a": 1}, 2], [{"a": 1}, {"value": 2}]),
    ],
)
def test_objects_pages_and_lists_are_rows(name: str, value: Any, as_rows: Any) -> None:
    if name in WITH_COLUMNS:
        assert formatted(value, name, ALL) == formatted(as_rows, name, ALL)
    elif name == "jsonl":
        lines = formatted(value, name, ALL).splitlines()
        items = [row.get("value", row) if isinstance(row, dict) else row for row in as_rows]
        assert [json.loads(line) for line in lines] == [
            item["value"] if isinstance(item, dict) and set(item) == {"value"} else item
            for item in items
        ]
    else:
        assert yaml.safe_load(formatted(value, name, ALL)) == value  # JSON is YAML


@pytest.mark.parametrize(
    ("value", "text"), [("plain text", "plain text"), (12, "12"), (True, "true"), (None, "")]
)
def test_a_scalar_is_printed(value: Any, text: str) -> None:
    assert {formatted(value, name, ALL) for name in WITH_COLUMNS} == {text}


def test_columns_are_chosen_ordered_and_may_be_paths() -> None:
    rows: Any = [{"id": 1, "vcs": {"branch": "main"}, "a.b": 2}, {"id": 2}]
    layout = Layout(columns=["vcs.branch", "a.b", "id"])
    assert formatted(rows, "csv", layout) == "vcs.branch,a.b,id\nmain,2,1\n,,2"
    assert formatted([], "csv", layout) == "vcs.branch,a.b,id"


def test_a_column_that_no_row_has_is_empty_and_told() -> None:
    told: list[str] = []
    layout = Layout(columns=["id", "nmae"], warn=told.append)
    assert formatted(ROWS, "csv", layout) == "id,nmae\n1,\n2,"
    assert told == [
        "no row has the column 'nmae'. Did you mean 'name'? Columns: extra, id, name, steps, zeta."
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([{"id": 1, "b": "x"}, {"name": "y", "id": 2}], "id  name  b\n1         x\n2   y"),
        ({"items": [{"a": 1}], "next_page_token": "t"}, "a\n1"),
        ([{"a": "x" * 40}], f"a\n{'x' * 40}"),
        ([{"a": "漢" * 20}], f"a\n{'漢' * 20}"),
        # what a table would not show, or not as it is
        ([{"a": "x" * 41}], None),
        ([{"a": "漢" * 20 + "x"}], None),
        ([{"a": "x\ny"}], None),
        ([{"a": 1}, {}], None),
        ([{"a": 1}, 2], None),
        ([1, 2], None),
        ([], None),
        ({"a": 1}, None),
        ({"items": [], "next_page_token": None}, None),
        ("text", None),
        (None, None),
    ],
)
def test_a_terminal_gets_a_table_where_it_has_room_for_all_of_it(
    value: Any, text: str | None
) -> None:
    assert fitting_table(value, 40) == text


JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON_VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(JSON_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(JSON_TEXT, JSON_TEXT, min_size=1, max_size=4), min_size=1))
def test_csv_is_read_back_as_it_was(rows: list[dict[str, str]]) -> None:
    lines = list(csv.reader(io.StringIO(formatted(rows, "csv", ALL) + "\n", newline="")))
    columns, *cells = lines
    expected = [[row.get(name, "") for name in columns] for row in rows]
    assert cells == expected


@given(JSON_VALUES)
def test_yaml_and_json_lines_are_read_back_as_they_were(value: Any) -> None:
    # The command ends the text with a newline, which may belong to a block at its end.
    assert yaml.safe_load(formatted(value, "yaml", ALL) + "\n") == value
    if isinstance(value, list):
        lines = formatted(value, "jsonl", ALL).split("\n")
        assert [json.loads(line) for line in lines if line] == value


@pytest.mark.parametrize("text", ["123e456", "0o17", "1.0", "12", "-5", "0x1F", "yes", "null", "~"])
def test_yaml_quotes_what_some_reader_takes_for_something_else(text: str) -> None:
    assert formatted(text, "yaml", ALL)[0] in "\"'"


def test_jq_filters_as_the_command_does(capsys: pytest.CaptureFixture[str]) -> None:
    value: Any = {"items": [{"name": "a", "n": [1, 2]}, {"name": "b\nc", "n": []}]}
    ResultOutput.checked(None, None, ".items[] | .name, .n", as_json=False).write(value)
    assert capsys.readouterr().out == "a\n[1,2]\nb\nc\n[]\n"
    ResultOutput.checked("csv", None, ".items[] | {name}", as_json=False).write(value)
    assert capsys.readouterr().out == 'name\na\n"b\nc"\n'
    ResultOutput.checked("csv", None, ".items", as_json=False).write(value)
    assert capsys.readouterr().out == 'name,n\na,"[1,2]"\n"b\nc",[]\n'
    ResultOutput.checked(None, None, "empty", as_json=False).write(value)
    assert capsys.readouterr().out == ""


def test_jq_takes_text_that_is_not_unicode() -> None:
    assert list(JqFilter(".a").apply({"a": "x\ud800", "b\udfff": ["\udc00"]})) == ["x\ufffd"]


def test_a_filter_that_does_not_fit_says_what_jq_says() -> None:
    with pytest.raises(ScriptError, match=r'^--jq: Cannot index array with string \("a"\)$'):
        list(JqFilter(".a").apply([1]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("csv", None, None, True), "--format and --json exclude each other"),
        ((None, "id", None), "--columns needs --format table, csv, tsv, markdown."),
        (("yaml", "id", None), "--columns needs --format table, csv, tsv, markdown."),
        (("csv", "id,,name", None), "--columns takes names separated by commas"),
        ((None, None, ".["), "--jq: syntax error, unexpected end of file"),
        ((None, None, "nonsense("), "--jq: "),
    ],
)
def test_options_that_cannot_be_met_are_usage_errors(options: Any, message: str) -> None:
    format_, columns, jq, *rest = options
    with pytest.raises(UsageError) as refused:
        ResultOutput.checked(format_, columns, jq, as_json=bool(rest))
    assert refused.value.message.startswith(message)


_LONG_CELL: Final = [{"a": "x" * (1 << 20)}, *[{"b": "x"}] * 100]
_NOTHING_IN_COMMON: Final = [{f"c{number}": 1} for number in range(2100)]
_DEEP_LINES: Final = functools.reduce(lambda inner, _: [inner], range(150), "a\n" * 400_000)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("table", _LONG_CELL, "its longest cells pad every row"),
        ("table", _NOTHING_IN_COMMON, "few columns in common"),
        ("csv", _NOTHING_IN_COMMON, "few columns in common"),
        ("tsv", _NOTHING_IN_COMMON, "few columns in common"),
        ("markdown", _NOTHING_IN_COMMON, "few columns in common"),
        ("yaml", _DEEP_LINES, "more than 67,108,864 characters"),
    ],
)
def test_a_text_out_of_proportion_to_its_result_is_a_limit_error(
    name: str, value: JsonValue, why: str
) -> None:
    with pytest.raises(LimitExceeded, match=why):
        formatted(value, name, Layout())
    assert fitting_table(value, 80) is None


def test_chosen_columns_and_rows_that_lack_some_are_no_bomb() -> None:
    assert formatted(_NOTHING_IN_COMMON, "csv", Layout(("c1",))).startswith('c1\n""\n1\n')
    rows: JsonValue = [{"a": 1, f"b{number % 5}": 2} for number in range(2000)]
    assert formatted(rows, "csv", Layout()).startswith("a,b0,b1,b2,b3,b4\n1,2,,,,\n")
