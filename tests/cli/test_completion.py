"""Shell completion: what is offered, and that each shell understands the script."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.cli.completion import SHELLS


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Put a `kosmo` that is this checkout's first in PATH."""
    command = tmp_path / "bin" / "kosmo"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m kosmo_circleci "$@"\n')
    command.chmod(0o755)
    return f"{command.parent}{os.pathsep}{os.environ['PATH']}"


def offered(kosmo: Any, monkeypatch: pytest.MonkeyPatch, line: str) -> list[str]:
    """Return what Tab offers behind `line`."""
    monkeypatch.setenv("_KOSMO_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_LINE", line)
    ended = kosmo()
    assert (ended.code, ended.err) == (0, "")
    return [row.partition(",")[2] for row in ended.out.splitlines() if row]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kosmo integrations:li", ["integrations:list"]),
        ("kosmo integrations:lua --acc", ["--account"]),
        ("kosmo integrations:lua --account ", ["default", "work"]),
        ("kosmo integrations:lua --account=w", ["--account=work"]),
        ("kosmo integrations:lua wor", ["wor"]),
        ("kosmo integrations:call get_webh", ["get_webhook"]),
        ("kosmo integrations:circleci work.get_webh", ["work.get_webhook"]),
        ("kosmo integrations:schema circleci.get_webh", ["circleci.get_webhook"]),
        ("kosmo integrations:docs circleci.get_webh", ["circleci.get_webhook"]),
        ("kosmo integrations:docs circl", ["circleci"]),
        ("kosmo integrations:call get_webhook --w", ["--webhook-id"]),
        ("kosmo integrations:call get_webhook --webhook-id=1 --webh", []),
        ("kosmo integrations:call get_webhook --dry", ["--dry-run"]),
        ("kosmo integrations:call list_webhooks --scope-type ", ["project"]),
        ("kosmo integrations:call list_webhooks --scope-type=p", ["--scope-type=project"]),
        ("kosmo integrations:call rerun_workflow --from-failed ", ["true", "false"]),
        ("kosmo integrations:call get_nothing --w", []),
        ("kosmo integrations:configure ", ["circleci"]),
        ("kosmo configure ci", ["circleci"]),
        ("kosmo integrations:fields ", ["circleci"]),
        ("kosmo integrations:configure circleci --write=d", ["--write=deny"]),
        ("kosmo doc", ["docs", "doctor"]),
        ("kosmo ru", ["run", "runs:list", "runs:show", "runs:export", "runs:prune"]),
        ("kosmo call get_webhook --w", ["--webhook-id"]),
        ("kosmo completion z", ["zsh"]),
    ],
)
def test_tab_offers_what_fits(
    kosmo: Any, monkeypatch: pytest.MonkeyPatch, line: str, expected: list[str]
) -> None:
    monkeypatch.setenv("CIRCLECI_TOKEN_WORK", "t-12345")
    found = offered(kosmo, monkeypatch, line)
    # The index page of the guide has the name that every function's page starts with.
    assert [each for each in found if not (line.endswith("circl") and "." in each)] == expected


DECLARED = """-- @arg branch string = main  The branch.
-- @arg brief boolean?
-- @arg lines integer = 40
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kosmo run own.lua --arg ", ["branch=", "brief=", "lines="]),
        ("kosmo run own.lua --arg br", ["branch=", "brief="]),
        ("kosmo run own.lua --arg=li", ["--arg=lines="]),
        ("kosmo run own.lua --arg branch=x --arg br", ["brief="]),
        ("kosmo run own.lua --arg brief=", ["brief=true", "brief=false"]),
        ("kosmo run own.lua --arg=brief=t", ["--arg=brief=true"]),
        ("kosmo run own.lua --arg branch=", []),
        ("kosmo run own.lua --arg other=t", []),
        ("kosmo run -w mine --arg br", ["branch=", "brief="]),
        ("kosmo run -w nobody --arg br", []),
        ("kosmo run missing.lua --arg br", []),
        ("kosmo run broken.lua --arg br", []),
        ("kosmo run --arg br", []),
    ],
)
def test_the_arguments_that_a_script_declares_are_offered(
    kosmo: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, expected: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / ".config" / "kosmo" / "workflows"
    own.mkdir(parents=True)
    for path in (tmp_path / "own.lua", own / "mine.lua"):
        path.write_text(DECLARED)
    (tmp_path / "broken.lua").write_text("-- @arg branch text")
    assert offered(kosmo, monkeypatch, line) == expected


def test_every_function_is_offered(kosmo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [each["name"] for each in kosmo("integrations:list", "--json").json["functions"]]
    assert offered(kosmo, monkeypatch, "kosmo integrations:call ") == listed


def test_a_broken_configuration_offers_no_accounts_and_says_nothing(
    kosmo: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken.yaml").write_text("integrations: [")
    monkeypatch.setenv("KOSMO_CONFIG", str(tmp_path / "broken.yaml"))
    assert offered(kosmo, monkeypatch, "kosmo integrations:lua --account ") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_the_shell_can_read(kosmo: Any, shell: str, tmp_path: Path) -> None:
    ended = kosmo("completion", shell, "--json")
    script = ended.json["script"]
    assert "_KOSMO_COMPLETE" in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(script)
    subprocess.run([shell, "-n", tmp_path / "script"], check=True, timeout=20)


def test_a_shell_without_a_script_is_a_usage_error(kosmo: Any) -> None:
    ended = kosmo("completion", "tcsh")
    assert ended.code == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in ended.err


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kosmo integrations:li", "list"),
        ("kosmo compl", "completion"),
        ("kosmo integrations:configure ", "circleci"),
        ("kosmo integrations:conf", "configure"),
        ("kosmo integrations:call list_webhooks --scope-type=", "project"),
        ("kosmo integrations:call work.get_webh", "work.get_webhook"),
    ],
)
def test_bash_gets_the_part_behind_its_last_word_break(path: str, line: str, expected: str) -> None:
    program = """
        eval "$(kosmo completion bash)"
        COMP_LINE="$1"; COMP_POINT=${#1}
        _kosmo_completion kosmo
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    found = subprocess.run(
        ["bash", "-c", program, "bash", line],
        capture_output=True,
        text=True,
        timeout=20,
        env=os.environ | {"PATH": path},
    )
    assert (found.stdout, found.stderr) == (f"{expected}\n", "")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kosmo integrations:li", "integrations:list\tList every function.\n"),
        ("kosmo integrations:stat", "integrations:status\tShow accounts, sources and policy.\n"),
    ],
)
def test_fish_gets_whole_words_with_what_they_are(path: str, line: str, expected: str) -> None:
    program = "kosmo completion fish | source; complete -C $argv[1]"
    found = subprocess.run(
        ["fish", "-c", program, line],
        capture_output=True,
        text=True,
        timeout=20,
        env=os.environ | {"PATH": path},
    )
    assert found.stdout == expected


# What an `.mcp.json` of somebody else's repository may hold.
HOSTILE_NAME = "evil\nplain\n$(touch${IFS}owned)\n_"
HOSTILE_COMMAND = "run\nplain\ninjected\ndescription, with a comma\x1b[31m"


@pytest.fixture
def hostile_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder whose MCP servers try to add completions of their own."""
    servers = {
        "mcpServers": {
            HOSTILE_NAME: {"command": "x"},
            "good": {"command": HOSTILE_COMMAND},
            "$(touch owned)": {"command": "x"},
        }
    }
    (tmp_path / ".mcp.json").write_text(json.dumps(servers))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return tmp_path


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_names_from_a_repository_add_no_lines_to_what_a_shell_reads(
    process: Any, hostile_folder: Path, shell: str
) -> None:
    env = {
        "_KOSMO_COMPLETE": f"{shell}_complete",
        "COMP_LINE": "kosmo mcp:trust ",
        "COMP_WORDS": "kosmo mcp:trust ",
        "COMP_CWORD": "" if shell == "fish" else "2",
    }
    ended = process(env=env)
    lines = ended.out.splitlines()
    if shell == "zsh":
        types, names = lines[0::3], lines[1::3]
        assert len(lines) % 3 == 0
    else:
        types = [line.partition(",")[0] for line in lines]
        names = [line.partition(",")[2].partition("\t")[0] for line in lines]
    assert (ended.code, set(types)) == (0, {"plain"})
    assert "good" in names
    assert "injected" not in names
    assert all(part.isprintable() for line in lines for part in line.split("\t"))


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_gets_quoted_what_it_would_obey(path: str, tmp_path: Path) -> None:
    program = """
        eval "$(kosmo completion bash)"
        COMP_LINE="kosmo call '\\$(touch owned)'.get_webh"; COMP_POINT=${#COMP_LINE}
        _kosmo_completion kosmo
        for word in "${COMPREPLY[@]}"; do eval "printf '%s\\n' $word"; done
    """
    found = subprocess.run(
        ["bash", "-c", program],
        capture_output=True,
        text=True,
        timeout=20,
        cwd=tmp_path,
        env=os.environ | {"PATH": path, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert found.stdout == "$(touch owned).get_webhook\n"
    assert not (tmp_path / "owned").exists()


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_sees_one_completion_for_each_name(path: str, hostile_folder: Path) -> None:
    program = """
        compdef() { : }
        compadd() { : }
        _describe() { print -rl -- "${(@)completions_with_descriptions}" }
        eval "$(kosmo completion zsh)"
        words=(kosmo mcp:trust ""); CURRENT=3
        _kosmo_completion
    """
    found = subprocess.run(
        ["zsh", "-f", "-c", program],
        capture_output=True,
        text=True,
        timeout=20,
        env=os.environ | {"PATH": path},
    )
    names = [line.rpartition(":")[0] for line in found.stdout.splitlines()]
    assert "good" in names
    assert not any(name.startswith("injected") for name in names)
