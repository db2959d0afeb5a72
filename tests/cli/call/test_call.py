"""integrations:call and integrations:circleci: one function from the shell."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.version import __version__

TOKEN = "CCIPAT_abc_0123456789"
CALL = "integrations:call"
USER = {"id": "user-uuid", "login": "example-user", "name": "Example User"}
SLUG = "gh/example-org/example-repo"

NO_WRITES = {"done": 0, "refused": 0, "unknown": 0}


@pytest.mark.parametrize(
    "spelling",
    ["get_current_user", "circleci.get_current_user", "app.integrations.circleci.get_current_user"],
)
def test_the_answer_is_printed_as_json(kosmo: Any, spelling: str) -> None:
    for command in (CALL, "integrations:circleci"):
        ended = kosmo(command, spelling, "--simulate")
        assert (ended.code, json.loads(ended.out), ended.err) == (0, USER, "")


def test_the_envelope_is_that_of_a_script_less_what_a_call_has_not(kosmo: Any) -> None:
    ended = kosmo(CALL, "get_project", f"--project-slug={SLUG}", "--simulate", "--json")
    found = ended.json
    assert found.pop("result")["slug"] == SLUG
    assert found.pop("execution_time_ms") > 0
    assert found["call_log"][0].pop("duration_ms") > 0
    assert (ended.code, found) == (
        0,
        {
            "success": True,
            "error": None,
            "error_type": None,
            "call_count": 1,
            "call_log": [
                {
                    "function": "app.integrations.circleci.get_project",
                    "tool": "circleci_get_project",
                    "account": "default",
                    "kind": "read",
                    "effect": "none",
                    "status": "ok",
                    "http_status": 200,
                    "attempts": 1,
                }
            ],
            "meta": {"permission_bypassed": False, "simulated": True, "writes": NO_WRITES},
        },
    )


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        ([f"--project-slug={SLUG}"], None),
        (["--project_slug", SLUG], None),
        ([json.dumps({"project_slug": SLUG})], None),
        (["--arg", f"project_slug={SLUG}"], None),
        (["-"], json.dumps({"project_slug": SLUG})),
        ([], json.dumps({"project_slug": SLUG})),
        (["--project-slug=@-"], f"{SLUG}\n"),
        ([json.dumps({"project_slug": "gh/other/one"}), f"--project-slug={SLUG}"], None),
        (["@args.json"], None),
    ],
)
def test_arguments_come_from_flags_json_files_and_standard_input(
    process: Any, arguments: list[str], stdin: str | None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    Path("args.json").write_text(json.dumps({"project_slug": SLUG}))
    ended = process(CALL, "get_project", *arguments, "--simulate", stdin=stdin)
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["slug"] == SLUG


def test_a_call_that_has_what_it_needs_leaves_the_pipe_alone(process: Any) -> None:
    loop = f"""
        printf 'one\\ntwo\\n' | while read -r line; do
            {sys.executable} -m kosmo_circleci {CALL} get_project --project-slug={SLUG} --simulate \
                > /dev/null && echo "$line"
        done
    """
    ended = subprocess.run(["sh", "-c", loop], capture_output=True, text=True, timeout=20)
    assert (ended.stdout, ended.stderr) == ("one\ntwo\n", "")


def test_a_pipe_nobody_writes_to_does_not_hold_up_a_call_without_arguments() -> None:
    reading, writing = os.pipe()
    started = time.monotonic()
    command = [sys.executable, "-m", "kosmo_circleci", CALL, "get_current_user", "--simulate"]
    ended = subprocess.run(command, stdin=reading, capture_output=True, timeout=20)
    os.close(reading)
    os.close(writing)
    assert json.loads(ended.stdout) == USER
    assert time.monotonic() - started < 5


def test_an_account_is_named_by_option_or_in_the_path(
    kosmo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIRCLECI_TOKEN_WORK", TOKEN)
    for words in (["work.get_current_user"], ["get_current_user", "--account", "work"]):
        found = kosmo(CALL, *words, "--simulate", "--json").json
        assert found["call_log"][0]["account"] == "work"
        assert found["call_log"][0]["function"].endswith(".circleci.work.get_current_user")
    ended = kosmo(CALL, "work.get_current_user", "--account", "default")
    assert ended == (
        1,
        "",
        "error: Two accounts: 'work' in work.get_current_user, and 'default'. Name one.\n",
    )


def test_a_write_needs_force_where_nobody_can_be_asked(kosmo: Any) -> None:
    call = (CALL, "delete_context", "--context-id=context-uuid", "--simulate", "--json")
    refused = kosmo(*call)
    assert (refused.code, refused.json["error_type"], refused.json["call_count"]) == (
        1,
        "permission",
        0,
    )
    assert "--force" in refused.json["error"]
    forced = kosmo(*call, "--force").json
    assert (forced["success"], forced["meta"]["permission_bypassed"]) == (True, True)


def test_a_dry_run_shows_the_request_and_sends_nothing(
    kosmo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIRCLECI_TOKEN", TOKEN)
    monkeypatch.setenv("CIRCLECI_BASE_URL", "https://ci.example.com")
    call = (CALL, "upsert_context_env_var", "--context-id=a b", "--env-var-name=KEY")
    ended = kosmo(*call, "--value=hunter2!", "--dry-run")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "PUT https://ci.example.com/api/v2/context/a%20b/environment-variable/KEY\n"
        "Accept: application/json\n"
        f"User-Agent: kosmo-circleci/{__version__}\n"
        "Circle-Token: ***\n"
        "Content-Type: application/json\n"
        '\n{\n  "value": "***"\n}\n'
    )
    found = kosmo(*call, "--value=hunter2!", "--dry-run", "--json").json
    assert found["result"] == {
        "method": "PUT",
        "url": "https://ci.example.com/api/v2/context/a%20b/environment-variable/KEY",
        "headers": {
            "Accept": "application/json",
            "User-Agent": f"kosmo-circleci/{__version__}",
            "Circle-Token": "***",
            "Content-Type": "application/json",
        },
        "body": {"value": "***"},
    }
    assert found["meta"] == {
        "permission_bypassed": False,
        "simulated": False,
        "writes": NO_WRITES,
        "dry_run": True,
    }
    assert (found["call_count"], found["call_log"]) == (0, [])


@pytest.mark.parametrize(
    ("more", "out"),
    [
        (["--format", "csv", "--columns", "name,id"], "name,id\nproduction,context-uuid\n"),
        (["--format=jsonl", "--jq", ".items[] | {id}"], '{"id":"context-uuid"}\n'),
        (["--jq", ".items[].name"], "production\n"),
        (["--jq", ".call_count, .meta.simulated", "--json"], "1\ntrue\n"),
        (["--all", "--jq", ".items | length"], "1\n"),
    ],
)
def test_the_answer_is_written_as_asked(kosmo: Any, more: list[str], out: str) -> None:
    assert kosmo(CALL, "list_contexts", "--owner-slug=gh/example-org", "--simulate", *more) == (
        0,
        out,
        "",
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--format", "xml"], "Invalid value for '--format': 'xml' is not one of "),
        (["--format", "csv", "--json"], "--format and --json exclude each other"),
        (["--columns", "id"], "--columns needs --format table, csv, tsv, markdown."),
        (["--jq", ".["], "--jq: syntax error"),
        (["--format", "csv", "--dry-run"], "--dry-run shows a request"),
    ],
)
def test_a_format_that_cannot_be_met_is_refused_before_the_call(
    kosmo: Any, more: list[str], message: str
) -> None:
    ended = kosmo(CALL, "create_project", "--org-slug-or-id=x", "--name=y", *more)
    fault = ended.json["error"] if "--json" in more else ended.err.removeprefix("error: ")
    assert (ended.code, fault.startswith(message)) == (2, True)


def test_a_failed_call_has_no_result_to_format_but_an_envelope_to_filter(kosmo: Any) -> None:
    call = (CALL, "get_project", "--project-slug=gh/acme/nowhere", "--simulate")
    error = "CircleCI API error (404): Project not found"
    step = (
        "Check the name or id, and whether the token may see it: CircleCI answers 404 for what a "
        "user has no access to (`kosmo status` lists the accounts)."
    )
    assert kosmo(*call, "--format", "csv") == (1, "", f"error: {error}\n{step}\n")
    assert kosmo(*call, "--jq", ".x") == (1, "", f"error: {error}\n{step}\n")
    assert kosmo(*call, "--json", "--jq", ".error_type") == (1, "api\n", "")


def test_a_filter_that_does_not_fit_the_answer_is_told(kosmo: Any) -> None:
    ended = kosmo(CALL, "get_current_user", "--simulate", "--jq", ".[0]")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: --jq: Cannot index object with number")


def test_a_dry_run_without_a_token_says_so(kosmo: Any) -> None:
    out = kosmo(CALL, "list_contexts", "--owner-slug=gh/acme", "--dry-run").out
    assert out.splitlines()[0] == "GET https://circleci.com/api/v2/context?owner-slug=gh%2Facme"
    assert "Circle-Token: (none: the account has no token)" in out


@pytest.mark.parametrize(
    ("arguments", "code", "error_type", "error"),
    [
        (
            ["get_projct"],
            1,
            "validation",
            "Unknown function: get_projct. Did you mean: get_project?",
        ),
        (
            ["get_project"],
            1,
            "validation",
            "get_project: Missing required parameter(s): project_slug",
        ),
        (
            ["get_project", "--project-slg=x"],
            1,
            "validation",
            "get_project: Unknown parameter 'project_slg'. Did you mean 'project_slug'? "
            "Missing required parameter(s): project_slug",
        ),
        (
            ["get_project", "gh/acme/web"],
            2,
            "usage",
            "'gh/acme/web' is neither a JSON object nor a flag. Write values as --key=value, for "
            "example --project-slug=gh/acme/web",
        ),
        (
            ["get_project", '{"project_slug": '],
            2,
            "usage",
            "The JSON argument is not JSON: Expecting value at line 1 column 18.",
        ),
        (
            ["get_project", "--dry-rn"],
            2,
            "usage",
            "No such option '--dry-rn'. Did you mean '--dry-run'?",
        ),
        (
            ["get_project", "--project-slug=@/nowhere"],
            2,
            "usage",
            "@/nowhere: No such file or directory. For a value that starts with @, write "
            "--arg KEY=VALUE.",
        ),
        (
            ["get_project", "--arg", "x"],
            2,
            "usage",
            "Invalid value for '--arg': 'x' is not KEY=VALUE; write for example --arg branch=main",
        ),
        (
            ["get_current_user", "--account", "nope"],
            1,
            "configuration",
            "Unknown account 'nope'. Configured accounts: default. Add it to the configuration "
            "file, or set CIRCLECI_TOKEN_NOPE.",
        ),
        ([], 2, "usage", "Missing argument 'FUNCTION'."),
        (
            ["get_project", "--project-slug=gh/acme/nowhere", "--simulate"],
            1,
            "api",
            "CircleCI API error (404): Project not found",
        ),
    ],
)
def test_a_fault_has_its_words_exit_code_and_envelope(
    kosmo: Any, arguments: list[str], code: int, error_type: str, error: str
) -> None:
    ended = kosmo(CALL, *arguments, "--json")
    found = ended.json
    assert (ended.code, found["success"], found["error_type"], found["error"]) == (
        code,
        False,
        error_type,
        error,
    )
    assert set(found) == {
        *("success", "result", "error", "error_type", "execution_time_ms", "call_count"),
        *("call_log", "meta"),
    }
    text = kosmo(CALL, *arguments)
    assert (text.code, text.out) == (code, "")
    assert text.err.startswith(f"error: {error}\n")


def test_a_secret_is_on_no_screen(kosmo: Any) -> None:
    call = (CALL, "upsert_context_env_var", "--context-id=context-uuid", "--env-var-name=K")
    for more in ((), ("--force",), ("--dry-run",), ("--force", "--json")):
        ended = kosmo(*call, "--value=hunter2!", "--simulate", *more)
        assert "hunter2!" not in ended.out + ended.err


@pytest.mark.parametrize(
    ("number", "what"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")]
)
def test_a_call_that_is_interrupted_tells_what_was_under_way(number: int, what: str) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    silent.settimeout(20)
    url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    process = subprocess.Popen(
        [sys.executable, "-m", "kosmo_circleci", CALL, "get_current_user", "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"CIRCLECI_BASE_URL": url, "CIRCLECI_TOKEN": TOKEN},
    )
    with silent, silent.accept()[0]:
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    found = json.loads(out)
    assert (process.returncode, err) == (128 + number, "")
    assert (found["error"], found["error_type"]) == (f"Interrupted by {what}.", "interrupted")
    assert [call["status"] for call in found["call_log"]] == ["error"]
