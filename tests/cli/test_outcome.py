"""The outcome of a run in text mode: the result, or the error with its place and the next step."""

import json
from typing import Any

import pytest

from kosmo_circleci.cli.outcome import next_step, show
from kosmo_circleci.run.envelope import Run

DOCTOR = "CircleCI does not accept the token: `kosmo doctor` says which one was used and why."


def test_up_to_five_frames_are_shown_under_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    frames = tuple(f"deploy.lua:{line}: in function f{line}" for line in range(1, 8))
    show(Run(False, error="deploy.lua:1: boom", error_type="runtime", traceback=frames), False)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "error: deploy.lua:1: boom",
        *(f"  {frame}" for frame in frames[:5]),
        "  … 2 more",
    ]


@pytest.mark.parametrize(
    ("error", "error_type", "step"),
    [
        ("eval:1: CircleCI API error (401): Unauthorized (get_me, GET /api/v2/me)", "api", DOCTOR),
        ("eval:1: CircleCI API error (418): Teapot", "api", None),
        ("eval:1: my own CircleCI API error (401)", "runtime", None),
        ("The run took longer than 1 s.", "limit", None),
    ],
)
def test_an_error_of_the_api_names_the_next_step(
    error: str, error_type: str, step: str | None
) -> None:
    assert next_step(Run(False, error=error, error_type=error_type)) == step


@pytest.mark.parametrize("status", [401, 403, 404, 503])
def test_each_status_a_person_meets_has_a_next_step(status: int) -> None:
    error = f"eval:1: CircleCI API error ({status}): No"
    assert next_step(Run(False, error=error, error_type="api")) is not None


def test_the_step_is_on_the_screen_and_not_in_the_envelope(kosmo: Any) -> None:
    script = ("run", "--simulate", "-e", "app.integrations.circleci.get_project('gh/acme/no')")
    ended = kosmo(*script)
    assert (ended.code, ended.out) == (1, "")
    first, *_, last = ended.err.splitlines()
    assert first.startswith("error: eval:1: CircleCI API error (404): Project not found")
    assert last.startswith("Check the name or id, and whether the token may see it")
    assert "Check the name" not in kosmo(*script, "--json").out


@pytest.mark.parametrize(
    ("options", "out"),
    [
        (("--format", "csv"), "id,name\n1,a\n2,b\n"),
        (("--format", "table", "--columns", "name"), "name\na\nb\n"),
        (("--jq", ".[].name"), "a\nb\n"),
        (("--json", "--jq", ".result[1].id, .success"), "2\ntrue\n"),
    ],
)
def test_a_result_is_written_in_the_format_asked_for(
    kosmo: Any, options: tuple[str, ...], out: str
) -> None:
    code = "return {{id = 1, name = 'a'}, {id = 2, name = 'b'}}"
    assert kosmo("run", "-e", code, *options) == (0, out, "")


@pytest.mark.parametrize(
    ("options", "out"),
    [
        ((), "2 rows"),
        (("--format", "csv"), "id\n1\n2"),
        (("--jq", ".[].id"), "1\n2"),
        (("--json", "--jq", ".result"), '[{"id":1},{"id":2}]'),
    ],
)
def test_the_text_of_a_view_is_for_text_mode_alone(
    kosmo: Any, options: tuple[str, ...], out: str
) -> None:
    code = "exit(4, view({{id = 1}, {id = 2}}, '2 rows'))"
    assert kosmo("run", "--simulate", "-e", code, *options) == (4, f"{out}\n", "")


def test_a_terminal_shows_rows_as_a_table_and_a_pipe_gets_json(kosmo: Any, terminal: Any) -> None:
    command = ("run", "--simulate", "--quiet", "-e", "return {{id = 1, vcs = {}}, {id = 2}}")
    assert kosmo(*command).out.startswith('[\n  {\n    "id": 1,\n')
    for options, head in (({}, "\x1b[1mid  vcs\x1b[0m"), ({"NO_COLOR": "1"}, "id  vcs")):
        shown = terminal(*command, env=options)
        assert shown.end() == 0
        assert shown.seen == f"{head}\n1   {{}}\n2\n"


def test_a_call_on_a_terminal_shows_its_rows(kosmo: Any, terminal: Any) -> None:
    command = ("call", "list_contexts", "--owner-slug=gh/example-org", "--simulate")
    assert json.loads(kosmo(*command).out)["items"][0]["name"] == "production"
    shown = terminal(*command, env={"NO_COLOR": "1"})
    assert shown.end() == 0
    head, row = shown.seen.splitlines()
    assert head.split() == ["id", "name", "created_at"]
    assert row.split()[:2] == ["context-uuid", "production"]


@pytest.mark.parametrize(
    ("value", "out"),
    [
        ("view({1}, 'a\\nb')", "a\nb\n"),
        ("view({1}, 'a\\n')", "a\n"),
        ("view({1}, '')", ""),
        ("view({1}, '\\n')", "\n"),
        ("'a,b\\n1,2\\n'", "a,b\n1,2\n"),
        ("'a'", "a\n"),
    ],
)
def test_a_text_ends_in_one_newline(kosmo: Any, value: str, out: str) -> None:
    assert kosmo("run", "--simulate", "-e", f"return {value}") == (0, out, "")


def test_what_a_script_prints_precedes_its_formatted_result(kosmo: Any) -> None:
    code = "print('hello') return {a = 1}"
    assert kosmo("run", "-e", code, "--format", "csv").out == "hello\na\n1\n"
    assert kosmo("run", "-e", "print('hello')", "--format", "csv").out == "hello\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--format", "csv", "--json"), "--format and --json exclude each other"),
        (("--columns", "a"), "--columns needs --format"),
        (("--jq", ".["), "--jq: syntax error"),
        (("--repl", "--format", "csv"), "--repl and --format exclude each other"),
    ],
)
def test_options_that_cannot_be_met_are_refused_before_the_script_runs(
    kosmo: Any, options: tuple[str, ...], message: str
) -> None:
    code = () if "--repl" in options else ("-e", "print('ran')")
    ended = kosmo("run", *code, *options)
    fault = json.loads(ended.out)["error"] if "--json" in options else ended.err
    assert ended.code == 2
    assert message in fault
    assert "ran" not in ended.out


def test_a_filter_that_does_not_fit_the_envelope_leaves_what_the_run_did_in_it(kosmo: Any) -> None:
    code = (
        "local c = app.integrations.circleci "
        "c.create_context({name = 'new', owner_slug = 'gh/example-org'}) exit(0, 7)"
    )
    ended = kosmo("run", "--simulate", "--force", "-e", code, "--json", "--jq", ".result.id")
    envelope = json.loads(ended.out)
    assert ended.code == 1
    assert (envelope["success"], envelope["result"], envelope["error_type"]) == (
        False,
        7,
        "runtime",
    )
    assert envelope["error"].startswith("--jq: Cannot index number")
    assert (envelope["call_count"], envelope["meta"]["writes"]["done"]) == (1, 1)


def test_a_failed_run_and_a_filter_that_does_not_fit_are_both_told(kosmo: Any) -> None:
    ended = kosmo("run", "-e", "error('boom', 0)", "--json", "--jq", ".[0]")
    envelope = json.loads(ended.out)
    assert envelope["error"].startswith("boom\n--jq: Cannot index object")
    called = kosmo("call", "get_current_user", "--simulate", "--json", "--jq", ".[0]")
    assert (called.code, json.loads(called.out)["call_count"]) == (1, 1)
