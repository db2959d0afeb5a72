"""integrations:lua with a journal: recorded, resumed, replayed, planned, applied."""

import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ended import Ended

from kosmo_circleci.journal.runs import list_runs

Kosmo = Callable[..., Ended]

CREATE = "local c = app.integrations.circleci local function create(name) "
CREATE += "return c.create_context({name = name, owner_id = 'org-uuid'}).id end "


@pytest.fixture
def run(process: Kosmo) -> Kosmo:
    """Return what runs a script in simulation."""

    def run(code: str, *options: str) -> Ended:
        return process("run", "--simulate", "-e", code, *options)

    return run


def test_a_run_that_failed_is_resumed(run: Kosmo, tmp_path: Path) -> None:
    file = str(tmp_path / "j")
    code = CREATE + "local id = create('a') if args.fail then error('no') end return id"
    first = run(code, "--journal", file, "--force", "--arg", "fail=1", "--json").json
    assert first["meta"]["journal"] == {
        "file": file,
        "run": list_runs(file)[0]["id"],
        "resumed": False,
        "replayed": 0,
        "sent": 1,
        "unclaimed": [],
    }
    second = run(code, "--journal", file, "--resume", "--force", "--json").json
    assert (second["success"], second["call_count"]) == (True, 0)
    assert second["meta"]["writes"] == {"done": 0, "refused": 0, "unknown": 0}
    assert second["meta"]["journal"] == first["meta"]["journal"] | {
        "resumed": True,
        "replayed": 1,
        "sent": 0,
    }
    assert [row["outcome"] for row in list_runs(file)] == ["succeeded"]
    third = run(code, "--journal", file, "--resume", "--force", "--json").json
    assert third["meta"]["journal"]["resumed"] is False


def test_a_run_that_is_killed_at_its_limit_is_recorded_and_can_be_resumed(
    run: Kosmo, tmp_path: Path
) -> None:
    file = str(tmp_path / "j")
    code = CREATE + "create('a') if args.hang then string.rep('', 1 << 60) end return 1"
    options = ("--journal", file, "--resume", "--force", "--json", "--cpu-limit", "0.2")
    killed = run(code, *options, "--arg", "hang=1").json
    (recorded,) = list_runs(file)
    assert killed["error_type"] == recorded["error_type"] == "limit"
    assert (recorded["outcome"], recorded["rerun"]) == ("failed", "resume")
    assert killed["meta"]["journal"] == {"file": file, "run": recorded["id"], "resumed": False}
    assert run(code, *options).json["meta"]["journal"]["replayed"] == 1


def test_what_the_script_no_longer_asks_for_is_told(run: Kosmo, tmp_path: Path) -> None:
    file = str(tmp_path / "j")
    run(CREATE + "create('a') error('no')", "--journal", file, "--force")
    changed = run(CREATE + "return create('b')", "--journal", file, "--resume", "--force", "--json")
    (unclaimed,) = changed.json["meta"]["journal"]["unclaimed"]
    assert unclaimed.pop("sent_at") > 0
    assert unclaimed == {
        "function": "app.integrations.circleci.create_context",
        "request": "POST /api/v2/context",
        "arguments": {"name": "a", "owner_id": "org-uuid"},
        "effect": "done",
    }


def test_a_lost_write_stops_a_resumed_run_unless_the_user_says_what_becomes_of_it(
    run: Kosmo, tmp_path: Path
) -> None:
    file = str(tmp_path / "j")
    code = CREATE + "local id = create('a') return id or 'skipped'"
    run(code.replace("return id", "error('no') return id"), "--journal", file, "--force")
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE calls SET state = 'sent', status = NULL")
    connection.close()
    options = ("--journal", file, "--resume", "--force")
    stopped = run(code, *options, "--json")
    assert (stopped.code, stopped.json["error_type"], stopped.json["call_count"]) == (
        1,
        "journal",
        0,
    )
    assert 'create_context (POST /api/v2/context) with {"name":"a"' in stopped.json["error"]
    assert run(code, *options, "--unknown", "skip").out == "skipped\n"


def test_a_replay_needs_no_token_and_sends_nothing(process: Kosmo, tmp_path: Path) -> None:
    file = str(tmp_path / "j")
    code = CREATE + "flow.sleep(3600) return create('a') .. math.random(1000) .. os.time()"
    recorded = process("run", "--simulate", "-e", code, "--force", "--journal", file)
    assert recorded.code == 0
    replayed = process("run", "-e", code, "--replay", file, "--json")
    assert replayed.json["result"] + "\n" == recorded.out
    assert replayed.json["call_log"] == []
    assert replayed.json["meta"]["replay"] == {
        "file": file,
        "run": list_runs(file)[0]["id"],
        "replayed": 1,
        "unused": 0,
    }
    other = process("run", "-e", CREATE + "return pcall(create, 'b')", "--replay", file, "--json")
    assert (other.code, other.json["error_type"]) == (1, "journal")
    assert "is not in the run" in other.json["error"]


PLANNED = CREATE + (
    "local id = create('a') c.upsert_context_env_var(id, 'T', 'hush-hush') "
    "local p = c.trigger_pipeline('gh/example-org/example-repo') "
    "flow.wait(function() return c.get_pipeline(p.id) end, function() return false end) "
    "return #flow.wait_pipeline(p.id)"
)


def test_a_plan_is_printed_and_then_applied_once(run: Kosmo, tmp_path: Path) -> None:
    plan = str(tmp_path / "p")
    planned = run(PLANNED, "--plan", plan)
    assert planned == (
        0,
        "1\n"
        "eval would make these calls, in this order:\n\n"
        "  + circleci.create_context (POST /api/v2/context)\n"
        '      name     = "a"\n'
        '      owner_id = "org-uuid"\n\n'
        "  ~ circleci.upsert_context_env_var (PUT /api/v2/context/planned-1/"
        "environment-variable/T)\n"
        '      context_id   = "planned-1"\n'
        '      env_var_name = "T"\n'
        "      value        = ***\n\n"
        "  ! circleci.trigger_pipeline (POST /api/v2/project/gh/example-org/example-repo/"
        "pipeline)\n"
        '      project_slug = "gh/example-org/example-repo"\n\n'
        "Plan: 1 to create, 1 to update, 0 to delete, 1 action.\n",
        "",
    )
    assert "hush-hush" not in Path(plan).read_text()
    applied = run(
        PLANNED.replace("function() return false", "function() return true"), "--apply", plan
    )
    assert "the script has changed" in applied.err
    code = CREATE + "return create(args.name)"
    assert run(code, "--plan", plan, "--arg", "name=x", "--detailed-exitcode").code == 2
    assert run("return 1", "--plan", str(tmp_path / "none"), "--detailed-exitcode").code == 0
    assert "the arguments are others" in run(code, "--apply", plan, "--arg", "name=y").err
    applied = run(code, "--apply", plan, "--arg", "name=x", "--json")
    assert (applied.code, applied.json["meta"]["permission_bypassed"]) == (0, False)
    again = run(code, "--apply", plan, "--arg", "name=x", "--json")
    assert (again.code, again.json["error_type"], again.json["call_count"]) == (1, "journal", 0)


def test_a_plan_leaves_stdout_to_a_format(run: Kosmo, tmp_path: Path) -> None:
    code = CREATE + "return {id = create('a')}"
    planned = run(code, "--plan", str(tmp_path / "p"), "--format", "json")
    assert json.loads(planned.out) == {"id": "planned-1"}
    assert planned.err.endswith("Plan: 1 to create, 0 to update, 0 to delete, 0 actions.\n")


def test_a_script_that_ends_with_a_code_makes_no_plan_and_says_so(
    run: Kosmo, tmp_path: Path
) -> None:
    assert run(CREATE + "create('a') exit(4)", "--plan", str(tmp_path / "p")) == (
        4,
        "",
        "No plan was made: the script ended with exit code 4.\n",
    )


def test_a_write_that_was_not_planned_is_refused(run: Kosmo, tmp_path: Path) -> None:
    plan = str(tmp_path / "p")
    code = CREATE + "create('a') return pcall(create, 'b')"
    run(code, "--plan", plan)
    planned = json.loads(Path(plan).read_text())
    Path(plan).write_text(json.dumps(planned | {"writes": planned["writes"][:1]}))
    refused = run(code, "--apply", plan, "--json")
    assert refused.json["meta"]["writes"] == {"done": 1, "refused": 0, "unknown": 0}
    assert refused.json["result"][0] is False
    assert "create_context (POST /api/v2/context)" in refused.json["result"][1]["message"]
    assert refused.json["result"][1]["type"] == "permission"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--resume",), "--resume needs --journal FILE"),
        (("--unknown", "skip"), "--unknown needs --resume"),
        (("--plan", "p", "--apply", "p"), "Give --plan or --apply, not both"),
        (("--replay", "r", "--journal", "j"), "--replay and --journal exclude each other"),
        (("--detailed-exitcode",), "--detailed-exitcode needs --plan FILE"),
        (("--unknown", "often"), "'often' is not one of 'stop', 'repeat', 'skip'"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(
    options: tuple[str, ...], message: str, kosmo: Kosmo
) -> None:
    ended = kosmo("run", "-e", "return 1", *options)
    assert ended.code == 2
    assert message in ended.err


def test_a_file_that_is_no_journal_stops_the_run(run: Kosmo, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("my notes")
    stopped = run("print('never')", "--journal", str(file), "--json")
    assert (stopped.code, stopped.json["error_type"], stopped.json["output"]) == (1, "journal", "")
    assert file.read_text() == "my notes"


def test_a_run_without_a_journal_does_not_load_sqlite(process: Kosmo) -> None:
    code = "import sys, kosmo_circleci as k; b = k.Bridge(simulate=True); "
    code += "b.run('return app.integrations.circleci.get_current_user()'); "
    code += "print('sqlite3' in sys.modules, 'kosmo_circleci.journal' in sys.modules)"
    assert process(command=(sys.executable, "-c", code)).out == "False False\n"
