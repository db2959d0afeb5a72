"""Contract, section 5: documentation at run time, through the real command and the other doors."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from kosmo_circleci import Bridge, ValidationError

KOSMO: Final = Path(sys.executable).parent / "kosmo"
PAGES: Final = ["circleci", "circleci.trigger_pipeline", "overview", "errors", "examples"]


def kosmo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [KOSMO, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONUTF8": "1"},
    )


def lua(code: str) -> subprocess.CompletedProcess[str]:
    return kosmo("integrations:lua", "--eval", code, "--json")


@pytest.mark.parametrize("page", PAGES)
def test_every_door_gives_the_same_text(page: str) -> None:
    with Bridge(environ={}) as bridge:
        text = bridge.read_doc(page)
        tool = bridge.call_agent_tool("lua_read_doc", {"page": page})
    assert tool == text
    assert kosmo("integrations:docs", page).stdout == text.rstrip("\n") + "\n"
    both = json.loads(lua(f"return {{docs.read('{page}'), lua_read_doc('{page}')}}").stdout)
    assert both["result"] == [text, text]


def test_without_a_page_the_command_prints_the_guide() -> None:
    done = kosmo("integrations:docs")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# CircleCI in Lua\n")
    assert len(done.stdout.encode("utf-8")) <= 24 * 1024
    line = r"^- `(\w+)\([^`]*\)`(?: v3| v1\.1)? (?:read|write): .+\.$"
    index = re.findall(line, done.stdout, re.MULTILINE)
    assert 'docs.read("circleci.index")' in done.stdout
    whole = re.findall(line, kosmo("integrations:docs", "circleci.index").stdout, re.MULTILINE)
    assert set(index) < set(whole)
    assert len(set(whole)) == len(whole) == 195
    assert {"api_get", "get_current_user", "trigger_pipeline", "compile_config"} <= set(index)


@pytest.mark.parametrize(
    "page",
    [
        "integrations.circleci",
        "app.integrations.circleci",
        "app.integrations.circleci.work.get_pipeline",
        "circleci.circleci_get_pipeline",
    ],
)
def test_prefixes_and_accounts_in_front_are_accepted(page: str) -> None:
    done = kosmo("integrations:docs", page)
    title = "circleci.get_pipeline" if "get_pipeline" in page else "CircleCI in Lua"
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"# {title}")


def test_a_function_s_page_has_what_the_contract_lists_in_at_most_4_kb() -> None:
    page = kosmo("integrations:docs", "circleci.upsert_context_env_var").stdout
    assert len(page.encode("utf-8")) <= 4 * 1024
    for part in (
        "Add an environment variable (secret) to a context, or replace its value.",
        "app.integrations.circleci.upsert_context_env_var",
        "circleci.circleci_upsert_context_env_var",
        "Write",
        "PUT /context/{context_id}/environment-variable/{env_var_name}",
        "| Parameter | Type | Required | Description |",
        "| env_var_name | string | yes |",
        "updated_at: date-time",
        "```lua\n",
        "- `api` 404: ",
        "`circleci.delete_context_env_var`",
    ):
        assert part in page


def test_an_unknown_page_is_a_validation_error_with_the_nearest_names() -> None:
    message = (
        "Unknown documentation page: circleci.get_pipelin. Did you mean: circleci.get_pipeline?"
    )
    done = kosmo("integrations:docs", "circleci.get_pipelin")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {message}\n")
    envelope = json.loads(kosmo("integrations:docs", "circleci.get_pipelin", "--json").stdout)
    assert envelope == {"success": False, "error": message, "error_type": "validation"}
    run = json.loads(lua("return docs.read('circleci.get_pipelin')").stdout)
    assert (run["error"], run["error_type"]) == (f"eval:1: {message}", "validation")
    with Bridge(environ={}) as bridge, pytest.raises(ValidationError, match="Did you mean"):
        bridge.read_doc("circleci.get_pipelin")


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("cancel a running workflow", "circleci.cancel_workflow (write): "),
        ("stop workflows", "circleci.cancel_workflow (write): "),
        ("remove a secret from a context", "circleci.delete_context_env_var (write): "),
        ("lsit projcts", "circleci.list_projects (read): "),
        ("rerun only the failed jobs", "circleci.rerun_workflow (write): "),
    ],
)
def test_a_search_ranks_by_meaning_in_at_most_ten_lines(query: str, first: str) -> None:
    lines = kosmo("integrations:search", query).stdout.splitlines()
    assert lines[0].startswith(first)
    assert len(lines) <= 10
    assert [
        line for line in lines if not re.match(r"circleci\.\w+ \((read|write)\): .", line)
    ] == []


def test_search_and_list_give_the_same_text_in_lua_and_in_python() -> None:
    with Bridge(environ={}) as bridge:
        expected = [bridge.search_docs("cancel a running job"), bridge.list_docs()]
    run = json.loads(lua("return {docs.search('cancel a running job'), docs.list()}").stdout)
    assert run["result"] == expected


def test_documentation_needs_no_token_and_makes_no_call() -> None:
    run = json.loads(lua("print(#docs.read('circleci.get_pipeline') > 500)").stdout)
    assert (run["success"], run["output"], run["call_count"]) == (True, "true", 0)


@pytest.mark.parametrize(
    "code", ["docs.read()", "docs.search(nil)", "docs.read({})", "docs.read(42)"]
)
def test_a_wrong_argument_is_an_error_that_says_what_is_taken(code: str) -> None:
    run = json.loads(lua(f"return {code}").stdout)
    helper = code.partition("(")[0]
    assert (run["success"], run["error_type"]) == (False, "runtime")
    assert run["error"].startswith(f"eval:1: {helper}: argument 1 must be a string, got ")
