"""A journal that somebody else wrote into: SQLite holds anything, and nothing of it is believed."""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.errors import JournalError
from kosmo_circleci.journal import runs

WRITE: Final = (
    "os.time() app.integrations.circleci.upsert_context_env_var('context-uuid', 'A', 'hunter2!!') "
)
DAMAGES: Final = {
    "arguments that are not JSON": "UPDATE calls SET arguments = '['",
    "arguments that are bytes": "UPDATE calls SET arguments = x'ff'",
    "an answer that is not JSON": "UPDATE calls SET answer = '['",
    "an answer that is a number": "UPDATE calls SET answer = '1'",
    "an answer that is a list of numbers": "UPDATE calls SET answer = '[1]'",
    "an answer of nothing": "UPDATE calls SET answer = '[]'",
    "an answer without a body": 'UPDATE calls SET answer = \'[{"status": 200, "headers": {}}]\'',
    "an answer whose body is a number": (
        'UPDATE calls SET answer = replace(answer, \'"body":"\', \'"body":1,"x":"\')'
    ),
    "an answer that is null": "UPDATE calls SET answer = NULL",
    "an answer of bytes": "UPDATE calls SET answer = x'fffe'",
    "an answer nested without end": "UPDATE calls SET answer = printf('%.*c', 100000, '[')",
    "a script's name of bytes": "UPDATE runs SET script = CAST(script AS BLOB)",
    "a time that is a word": "UPDATE runs SET started_at = 'then', ended_at = 'now'",
    "a time beyond all calendars": "UPDATE runs SET started_at = 1e300",
    "a time before all calendars": "UPDATE calls SET sent_at = -1e300",
    "a duration that is a word": "UPDATE runs SET elapsed_s = 'long'",
    "a count that is a word": "UPDATE runs SET executions = 'many'",
    "a seed that is a word": "UPDATE runs SET seed = 'seed'",
    "readings of clocks that are words": "UPDATE times SET value = 'x'",
    "an owner that is a word": (
        "UPDATE runs SET outcome = NULL, pid = 'me', machine = 1, process_started = 2"
    ),
    "an address that is a number": "UPDATE calls SET address = 1",
    "a state nobody knows": "UPDATE calls SET state = 'x'",
    "tables that are views": "DROP TABLE times; CREATE VIEW times AS SELECT 1",
    "no salt": "DELETE FROM journal",
    "a salt that is a word": "UPDATE journal SET value = 'salt'",
}


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    with Bridge(simulate=True) as shared:
        yield shared


@pytest.fixture(scope="module")
def recorded(bridge: Bridge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("journal") / "run.journal"
    assert bridge.run(WRITE + "error('x')", journal=file, force=True).error_type == "runtime"
    return file


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_is_a_journal_error_or_none_and_nothing_is_sent_unasked(
    damage: str, recorded: Path, tmp_path: Path, bridge: Bridge
) -> None:
    file = tmp_path / "run.journal"
    shutil.copy(recorded, file)
    connection = sqlite3.connect(file)
    connection.executescript(DAMAGES[damage])
    connection.close()

    for look in (
        lambda: runs.list_runs(file),
        lambda: runs.show_run(file, calls=True),
        lambda: list(runs.export_run(file, str(runs.list_runs(file)[0]["id"]))),
    ):
        with contextlib.suppress(JournalError):
            look()
    for how in ({"replay": file}, {"journal": file, "resume": True}):
        run = bridge.run(WRITE + "return 1", **how)  # type: ignore[arg-type]
        assert run.error_type in (None, "journal", "permission", "api")
        assert "internal error" not in str(run.error)
        assert run.writes.done == run.writes.unknown == 0
        assert "hunter2!!" not in str(run.error)
