"""integrations:check: which scripts, which form of the findings, which exit code."""

import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import yaml
from ended import Ended

from kosmo_circleci import Bridge, ConfigurationError
from kosmo_circleci.check import parse

Kosmo = Callable[..., Ended]
ROOT: Final = Path(__file__).parents[2]
GOOD: Final = "return app.integrations.circleci.get_current_user()\n"
BAD: Final = (
    "local c = app.integrations.circleci\nprint(c.get_pipelin('x'))\nc.cancel_workflow('x')\n"
)
FINDING: Final = (
    "2:9: Unknown function: app.integrations.circleci.get_pipelin. Did you mean: get_pipeline? "
    "[unknown-function]"
)


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    (tmp_path / "good.lua").write_text(GOOD)
    (tmp_path / "bad.lua").write_text(BAD)
    return tmp_path


def test_a_script_without_findings_exits_0_and_tells_what_it_calls(
    kosmo: Kosmo, scripts: Path
) -> None:
    ended = kosmo("integrations:check", str(scripts / "good.lua"))
    assert ended == Ended(0, "reads: get_current_user\n", "")


def test_findings_are_printed_with_their_place_and_exit_1(kosmo: Kosmo, scripts: Path) -> None:
    good, bad = str(scripts / "good.lua"), str(scripts / "bad.lua")
    ended = kosmo("integrations:check", good, bad)
    assert ended == Ended(
        1, f"{bad}:{FINDING}\nreads: get_current_user\nwrites: cancel_workflow\n", ""
    )


def test_json_is_one_object_for_all_files(kosmo: Kosmo, scripts: Path) -> None:
    good, bad = str(scripts / "good.lua"), str(scripts / "bad.lua")
    ended = kosmo("integrations:check", good, bad, "--json")
    assert (ended.code, ended.err) == (1, "")
    assert json.loads(ended.out) == {
        "success": False,
        "findings": [
            {
                "file": bad,
                "line": 2,
                "column": 9,
                "message": FINDING.removeprefix("2:9: ").removesuffix(" [unknown-function]"),
                "rule": "unknown-function",
            }
        ],
        "calls": {"read": ["get_current_user"], "write": ["cancel_workflow"]},
    }


@pytest.mark.parametrize("arguments", [("-",), ()])
def test_standard_input_is_checked(arguments: tuple[str, ...], process: Kosmo) -> None:
    ended = process("integrations:check", *arguments, stdin=BAD)
    assert (ended.code, ended.out.splitlines()[0]) == (1, f"stdin:{FINDING}")


def test_nothing_named_and_nothing_piped_is_a_usage_error(process: Kosmo) -> None:
    ended = process("integrations:check", stdin="")
    assert ended == Ended(
        2, "", "error: Standard input is empty. Name Lua files, or pipe Lua to it.\n"
    )


@pytest.mark.parametrize(("form", "beginning"), [("github", "::error file="), ("sarif", "{")])
def test_a_form_for_other_programs_holds_nothing_but_the_findings(
    form: str, beginning: str, kosmo: Kosmo, scripts: Path
) -> None:
    bad = kosmo("integrations:check", "--format", form, str(scripts / "bad.lua"))
    good = kosmo("integrations:check", "--format", form, str(scripts / "good.lua"))
    assert (bad.code, good.code) == (1, 0)
    assert bad.out.startswith(beginning)
    assert "writes:" not in bad.out
    assert (good.out == "") is (form == "github")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.lua",), "missing.lua: No such file or directory. Name Lua files, or - for"),
        (("--json", "--format", "sarif", "x.lua"), "--json and --format sarif exclude each other."),
        (("--format", "xml", "x.lua"), "'xml' is not one of 'sarif', 'github'"),
    ],
)
def test_a_command_line_that_cannot_be_carried_out_exits_2(
    arguments: tuple[str, ...], message: str, kosmo: Kosmo
) -> None:
    ended = kosmo("integrations:check", *arguments)
    assert ended.code == 2
    assert message in ended.out + ended.err


def test_configured_accounts_are_known(
    kosmo: Kosmo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "s.lua"
    script.write_text("return app.integrations.circleci.wrk.get_current_user()")
    monkeypatch.setenv("CIRCLECI_TOKEN_WORK", "token-for-tests")
    assert kosmo("integrations:check", str(script)).out == (
        f"{script}:1:34: Unknown account: wrk. Did you mean: work? [unknown-account]\n"
    )


def test_without_the_extra_a_sentence_names_it(
    kosmo: Kosmo, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse._parser.cache_clear()
    monkeypatch.setitem(sys.modules, "tree_sitter_lua", None)
    sentence = "Checking scripts needs the extra 'check': pip install 'kosmo-circleci[check]'."
    assert kosmo("integrations:check", str(scripts / "good.lua")) == Ended(
        1, "", f"error: {sentence}\n"
    )
    with Bridge() as bridge, pytest.raises(ConfigurationError, match="needs the extra 'check'"):
        bridge.check(GOOD)
    parse._parser.cache_clear()


def test_modules_are_looked_for_beside_a_file_above_it_and_where_the_command_says(
    kosmo: Kosmo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("lib", "common", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "main.lua").write_text("return require('lib.one')")
    (tmp_path / "lib/one.lua").write_text("return require('lib.two'), require('shared')")
    (tmp_path / "lib/two.lua").write_text("return 2")
    (tmp_path / "common/shared.lua").write_text("return 3")
    files = ("integrations:check", "main.lua", "lib/one.lua")
    assert kosmo(*files, "--lua-path", "common") == Ended(0, "", "")
    ended = kosmo(*files)
    assert ended.code == 1
    assert ended.out.startswith("lib/one.lua:1:36: There is no module 'shared'. Looked for lib/")
    assert kosmo(*files, "--lua-path", "nowhere").code == 2
    with Bridge(simulate=True) as bridge:
        code = "return require('shared'), require('sharde')"
        assert bridge.check(code).success
        [finding] = bridge.check(code, lua_path=["common"]).findings
        assert (finding.rule, finding.column) == ("unknown-module", 35)


def test_a_bridge_checks_with_its_own_accounts() -> None:
    code = "return app.integrations.circleci.work.get_current_user()"
    with Bridge(environ={"CIRCLECI_TOKEN_WORK": "token-for-tests"}) as bridge:
        assert bridge.check(code).success
    with Bridge(environ={}) as bridge:
        report = bridge.check(code, name="s.lua")
    assert [str(each) for each in report.findings] == [
        "s.lua:1:34: Unknown account: work. Configured: default. [unknown-account]"
    ]


def test_the_hook_for_pre_commit_runs_the_command_with_what_it_needs() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert hook["entry"] == "kosmo integrations:check"
    assert hook["additional_dependencies"] == project["optional-dependencies"]["check"]
    assert (hook["language"], hook["types"]) == ("python", ["lua"])
