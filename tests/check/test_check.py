"""A whole script: positions, silenced lines, the functions it may call, and its report."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kosmo_circleci.check.report import Report, merge

CheckScript = Callable[[str], Report]

HEAD = "local c = app.integrations.circleci\n"


def places(report: Report) -> list[tuple[int, int, str]]:
    return [(each.line, each.column, each.rule) for each in report.findings]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("prnt(1)", [(1, 1, "undefined-global")]),
        (
            "#!/usr/bin/env kosmo\n  prnt(1)\n\nx = y",
            [(2, 3, "undefined-global"), (4, 5, "undefined-global")],
        ),
        ("\ufeff# a line that is no Lua\nprnt(1)", [(2, 1, "undefined-global")]),
        ("local s = 'grün ✓' prnt(s)", [(1, 20, "undefined-global")]),
        ("local s = [[\n\n]]\r\n\tprnt(s)", [(4, 2, "undefined-global")]),
        ("local s = '\udcff' prnt(s)", [(1, 15, "undefined-global")]),
        (
            HEAD + "c.get_pipeline({\n  pipeline_id = 'x',\n  brnch = 1,\n})",
            [(4, 3, "unknown-parameter")],
        ),
        ("if x then\n", [(1, 1, "syntax")]),
        ("local x = ", [(1, 9, "syntax")]),
    ],
)
def test_a_finding_is_where_the_fault_is_counted_in_characters(
    code: str, expected: list[tuple[int, int, str]], check_script: CheckScript
) -> None:
    assert places(check_script(code)) == expected


def test_findings_are_in_the_order_of_the_text(check_script: CheckScript) -> None:
    code = HEAD + "print(c.get_pipeline('x').nmber)\nprnt(1)\nc.get_pipelin()\nbreak"
    assert [line for line, _, _ in places(check_script(code))] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("code", "rules"),
    [
        ("prnt(vebrose) -- kosmo: ignore", []),
        ("prnt(vebrose) --kosmo:ignore because I know", []),
        ("prnt(vebrose) -- kosmo: ignore(undefined-global)", []),
        ("prnt(string.trim('x')) -- kosmo: ignore(undefined-global)", ["unknown-member"]),
        ("prnt(string.trim('x')) -- kosmo: ignore(unknown-member, undefined-global)", []),
        ("prnt(1) -- kosmo: ignore()", []),
        ("prnt(1) -- kosmo: ignored", ["undefined-global"]),
        ("-- kosmo: ignore\nprnt(1)", ["undefined-global"]),
        ("prnt('-- kosmo: ignore')", ["undefined-global"]),
        ("prnt([[\n-- kosmo: ignore]])", ["undefined-global"]),
        ("prnt(1) --[[ kosmo: ignore ]] print(2)", []),
        ("if x then -- kosmo: ignore", []),
    ],
)
def test_a_comment_silences_its_own_line(
    code: str, rules: list[str], check_script: CheckScript
) -> None:
    assert [each.rule for each in check_script(code).findings] == rules


@pytest.mark.parametrize(
    ("code", "reads", "writes"),
    [
        ("c.get_pipeline('x') c.cancel_workflow('x')", ("get_pipeline",), ("cancel_workflow",)),
        ("local f = c.get_workflow", ("get_workflow",), ()),
        ("c.work.get_workflow('x') pcall(c.get_user, 'x')", ("get_user", "get_workflow"), ()),
        ("flow.each(c.list_contexts)", ("list_contexts",), ()),
        ("flow.wait_pipeline('x')", ("get_pipeline", "list_pipeline_workflows"), ()),
        ("if false then c.delete_project('x') end", (), ("delete_project",)),
        ("local name = 'delete_context' c[name]('x')", (), ("delete_context",)),
        (
            "for _, n in ipairs({'get_user', 'get_context'}) do c[n]('x') end",
            ("get_context", "get_user"),
            (),
        ),
        ("c.get_user('x') c[args.name]('x')", ("*", "get_user"), ("*",)),
        ("for name, fn in pairs(c) do fn() end", ("*",), ("*",)),
        ("load('app.integrations.circleci.cancel_workflow([[x]])')()", ("*",), ("*",)),
        ("_ENV.app.integrations.circleci.cancel_workflow('x')", ("*",), ("*",)),
        ("_G.app.integrations.circleci.cancel_workflow('x')", ("*",), ("*",)),
        ("local g = _G g.app.integrations.circleci.cancel_workflow('x')", ("*",), ("*",)),
        ("_G['app'].integrations.circleci.cancel_workflow('x')", ("*",), ("*",)),
        ("rawget(_G, 'app').integrations.circleci.cancel_workflow('x')", ("*",), ("*",)),
        ("_G.shared = c.get_user('x') print(_G.shared)", ("get_user",), ()),
        ("require('lib').use(c)", ("*",), ("*",)),
        ("local t = {api = c} t[args.x] = 1 print(json.encode(t))", (), ()),
        ("c.api_get('/me') c.api_post('/x')", ("api_get",), ("api_post",)),
        ("print(1)", (), ()),
    ],
)
def test_the_functions_a_script_may_call_are_listed_writes_apart(
    code: str, reads: tuple[str, ...], writes: tuple[str, ...], check_script: CheckScript
) -> None:
    report = check_script(HEAD + code)
    assert (report.findings, report.reads, report.writes) == ((), reads, writes)


def test_a_text_that_is_not_lua_calls_nothing(check_script: CheckScript) -> None:
    report = check_script("app.integrations.circleci.get_user('x') if")
    assert (report.success, report.reads, report.writes) == (False, (), ())


def test_the_report_as_json(check_script: CheckScript) -> None:
    report = check_script(HEAD + "c.cancel_workflow('x') c.get_user(5)\nprnt(1)")
    assert json.loads(report.to_json()) == {
        "success": False,
        "findings": [
            {
                "file": "s",
                "line": 3,
                "column": 1,
                "message": "Undefined global 'prnt'. Did you mean 'print'?",
                "rule": "undefined-global",
            }
        ],
        "calls": {"read": ["get_user"], "write": ["cancel_workflow"]},
    }
    assert json.loads(check_script("return 1").to_json()) == {
        "success": True,
        "findings": [],
        "calls": {"read": [], "write": []},
    }


def test_the_report_as_text(check_script: CheckScript) -> None:
    report = check_script(HEAD + "c.cancel_workflow('x') c.get_user(5) prnt(1)")
    assert report.to_text() == (
        "s:2:38: Undefined global 'prnt'. Did you mean 'print'? [undefined-global]\n"
        "reads: get_user\n"
        "writes: cancel_workflow"
    )


def test_the_reports_of_several_files_are_one(check_script: CheckScript) -> None:
    first = check_script(HEAD + "c.get_user('x') prnt(1)")
    second = check_script(HEAD + "c.get_user('x') c.get_context('x') c.cancel_workflow('x')")
    whole = merge([first, second])
    assert whole == Report(first.findings, ("get_context", "get_user"), ("cancel_workflow",))


def test_a_script_that_never_settles_is_not_judged_by_what_it_might_be(
    check_script: CheckScript,
) -> None:
    # Tables that hold each other, grown by functions that call each other.
    lines = [HEAD, "local t, f = {}, {}"]
    lines += [
        f"f[{i}] = function(x) t[{i}] = {{x, t}} return f[{(i + 1) % 40}](t[{i}]) end"
        for i in range(40)
    ]
    lines += ["prnt(f[1](c.get_pipeline('x')))"]
    report = check_script("\n".join(lines))
    assert [each.rule for each in report.findings] == ["undefined-global"]


@pytest.mark.parametrize(
    "code",
    [
        "x = " + "(" * 5000 + "1" + ")" * 5000,
        "local function f() " * 400 + " end" * 400,
        "x = a" + ".b" * 5000,
        "x = f" + "()" * 5000,
    ],
    ids=["parentheses", "functions", "fields", "calls"],
)
def test_code_that_is_nested_too_deeply_is_a_finding_and_no_crash(
    code: str, check_script: CheckScript
) -> None:
    (finding,) = check_script(code).findings
    assert str(finding) == "s:1:1: the code is nested too deeply to be checked [syntax]"


WORDS = ["c", "flow", "each", "items", "nil", "1", "'x'", "{}", "args", "pcall", "self", "...", "#"]


def test_scripts_with_other_words_in_them_never_crash_the_checker(
    check_script: CheckScript,
) -> None:
    files = sorted((Path(__file__).parents[1] / "data" / "check" / "idiomatic").glob("*.lua"))
    chance = random.Random(5)
    checked = 0
    for _ in range(120):
        words = re.findall(r"\s+|\w+|\.{2,3}|[=~<>]=|.", chance.choice(files).read_text("utf-8"))
        for _ in range(chance.choice([1, 2, 4])):
            at = chance.randrange(len(words))
            if words[at].isidentifier():
                words[at] = chance.choice(WORDS)
        report = check_script("".join(words))
        checked += all(each.rule != "syntax" for each in report.findings)
    assert checked > 30
