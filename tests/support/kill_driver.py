"""Runs scripts and kills them at random moments, then resumes them, until each has succeeded.

    python kill_driver.py JOURNAL PORT SEED KILLS

A fork of this process plays the command, with the script's process as its child; now the one is
killed and now the other. At the end stands one JSON object: for each run the items that may have
been written twice, because the user chose to repeat a lost write, and those that may be missing,
because the user chose to skip one; and how often each process was killed.
"""

import contextlib
import json
import os
import random
import select
import signal
import sys
import time
from collections import Counter
from typing import Any, NoReturn

import httpx  # noqa: F401  (loaded once, for all forks)

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.journal.lifecycle import lost_writes
from kosmo_circleci.journal.runs import list_runs
from kosmo_circleci.journal.store import open_to_read
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.run.child import fork_child
from kosmo_circleci.run.listener import RunListener
from kosmo_circleci.run.protocol import RunMessage
from kosmo_circleci.run.settings import JournalSettings, RunSettings, RuntimeSettings, Unknown
from kosmo_circleci.run.supervisor import supervise
from kosmo_circleci.run.worker import serve
from kosmo_circleci.runtime import Runtime

SCRIPT = """
local c = app.integrations.circleci
local function create(name)
  local made = c.create_context({name = args.run .. "/" .. name, owner_id = "org"})
  return made.id and c.get_context(made.id).name   -- a write that was skipped answers {}
end
for index = 1, 4 do create("loop-" .. index) end
flow.map({1, 2, 3, 4}, function(_, index)
  create("map-" .. index)
  flow.map({1, 2}, function(_, inner)
    create("nested-" .. index .. "-" .. inner)
    pcall(create, "caught-" .. index .. "-" .. inner)
  end)
  c.upsert_context_env_var("ctx", args.run:gsub("%W", "_") .. "_" .. index, "value-" .. index)
end)
for name, times in pairs({twice = 2, thrice = 3}) do
  for _ = 1, times do create(name) end
end
create("last")
return "done"
"""

PLANNED = Counter(
    [f"loop-{n}" for n in range(1, 5)]
    + [f"map-{n}" for n in range(1, 5)]
    + [f"{kind}-{n}-{m}" for kind in ("nested", "caught") for n in range(1, 5) for m in (1, 2)]
    + ["twice"] * 2
    + ["thrice"] * 3
    + ["last"]
)
LONGEST_S = 0.35


def command(message: RunMessage, report: int) -> NoReturn:
    """Be the command: start the script's process, tell its id, then how the run ended."""
    child = fork_child(serve)
    os.write(report, f"{child.pid}\n".encode())
    run = supervise(child, message, RunListener(), Deadline(60))
    child.kill()
    told = {"success": run.success, "error": run.error, "type": run.error_type}
    os.write(report, (json.dumps(told) + "\n").encode())
    os._exit(0)


def execute(message: RunMessage, kill_after_s: float | None, victim: str) -> dict[str, Any] | None:
    """Run the script, or kill it on the way; returns how it ended, None where it was killed."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        command(message, writing)
    os.close(writing)
    with os.fdopen(reading) as report:
        child = int(report.readline())
        # Unbuffered behind the first line: what follows is there, or comes later.
        if kill_after_s is not None and not select.select([report], [], [], kill_after_s)[0]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid if victim == "command" else child, signal.SIGKILL)
        told = report.readline()
    os.waitpid(pid, 0)
    while has_not_ended(child):
        time.sleep(0.002)
    if not told or "SIGKILL" in str(json.loads(told)["error"]):
        return None
    ended: dict[str, Any] = json.loads(told)
    return ended


def has_not_ended(pid: int) -> bool:
    """Say whether a process runs; one that nobody has asked about yet has ended too."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def main(journal: str, port: str, seed: str, kills: str) -> None:
    chance, left, number = random.Random(int(seed)), int(kills), 0
    account: JsonValue = {"token": "t-0123456789", "url": f"http://127.0.0.1:{port}"}
    file: dict[str, JsonValue] = {"integrations": {"circleci": {"accounts": {"default": account}}}}
    config = Runtime(config=file).configuration.to_plain()
    report: dict[str, Any] = {"runs": {}, "killed": {"command": 0, "script": 0}}
    while left > 0:
        number += 1
        name, unknown = f"run{number}", "stop"
        repeated: list[str] = []
        skipped: list[str] = []
        while True:
            settings = RunSettings(
                name=f"{name}.lua",
                force=True,
                args={"run": f"{seed}-{name}"},
                journal=JournalSettings(journal, resume=True, unknown=as_unknown(unknown)),
            )
            message = RunMessage(SCRIPT, settings, RuntimeSettings(config=config, environ={}))
            victim = chance.choice(["command", "script"])
            after_s = chance.uniform(0, LONGEST_S) if left > 0 else None
            ended = execute(message, after_s, victim)
            unknown = "stop"
            if ended is None:
                left -= 1
                report["killed"][victim] += 1
                if succeeded(journal, f"{name}.lua"):
                    break  # killed at the very end: to resume it would start from the beginning
            elif ended["type"] == "journal":
                lost = lost_names(journal, f"{name}.lua")
                assert "lost" in ended["error"], ended
                assert lost
                unknown = chance.choice(["repeat", "skip"])
                (repeated if unknown == "repeat" else skipped).extend(lost)
            else:
                assert ended["success"], ended
                break
        report["runs"][f"{seed}-{name}"] = {"repeated": repeated, "skipped": skipped}
    print(json.dumps(report))


def succeeded(journal: str, script: str) -> bool:
    """Say whether the newest run of a script has succeeded, as its journal says."""
    if not os.path.exists(journal) or not os.path.getsize(journal):
        return False
    outcomes = (run["outcome"] for run in list_runs(journal) if run["script"] == script)
    return next(outcomes, None) == "succeeded"


def lost_names(journal: str, script: str) -> list[str]:
    """Return the names of the things whose creation is unknown."""
    with open_to_read(journal) as store:
        number = store.rows("SELECT max(number) FROM runs WHERE script = ?", (script,))[0][0]
        lost = lost_writes(store, number)
    return [json.loads(each.arguments)["name"].partition("/")[2] for each in lost]


def as_unknown(text: str) -> Unknown:
    return "repeat" if text == "repeat" else "skip" if text == "skip" else "stop"


if __name__ == "__main__":
    main(*sys.argv[1:])
