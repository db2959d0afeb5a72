"""The file: made, opened, refused. Nothing of the user's is overwritten."""

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from journal_calls import recording

from kosmo_circleci.errors import JournalError
from kosmo_circleci.journal.store import Store, open_store, open_to_read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.journal"


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    connection.close()


def newer(path: Path) -> None:
    open_store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def damaged(path: Path) -> None:
    open_store(path).close()
    raw = bytearray(path.read_bytes())
    raw[5000:9000] = b"\xff" * 4000
    path.write_bytes(raw)


def read_only(path: Path) -> None:
    open_store(path).close()
    path.chmod(0o444)


def text(path: Path) -> None:
    path.write_text("-- a script\nreturn 1\n")


def test_a_new_journal_is_private_and_in_wal_mode(path: Path) -> None:
    with open_store(path) as store:
        assert store.rows("PRAGMA journal_mode") == [("wal",)]
        assert len(store.salt) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with open_store(path) as again, open_to_read(path) as reader:
        assert again.salt == reader.salt


def test_an_existing_file_is_made_private(path: Path) -> None:
    open_store(path).close()
    path.chmod(0o644)
    open_store(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (foreign, r"runs\.journal is not a journal; it stays as it is\."),
        (text, r"runs\.journal is not a journal; it stays as it is\."),
        (newer, r"written by a newer version of kosmo \(format 2; this one reads 1\)"),
        (damaged, r"runs\.journal is damaged"),
        (read_only, r"runs\.journal cannot be used: it is read-only\."),
        (Path.mkdir, r"is not a file, so it cannot be a journal\."),
    ],
)
def test_what_cannot_be_written_to_is_refused_and_stays_as_it_is(
    make: object, message: str, path: Path
) -> None:
    assert callable(make)
    make(path)
    before = None if path.is_dir() else path.read_bytes()
    with pytest.raises(JournalError, match=message):
        recording(path)
    assert before is None or path.read_bytes() == before


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="its folder does not exist"):
        recording(tmp_path / "no" / "runs.journal")


def test_an_empty_file_becomes_a_journal(path: Path) -> None:
    path.touch()
    recording(path).close()
    with open_to_read(path) as store:
        assert store.rows("SELECT count(*) FROM runs") == [(1,)]


@pytest.mark.parametrize("name", ["with space%20.db", "what?.db", "a#b.db", "-x.db"])
def test_any_file_name_will_do(name: str, tmp_path: Path) -> None:
    recording(tmp_path / name).close()
    open_to_read(tmp_path / name).close()
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_reading_a_journal_that_does_not_exist_makes_none(path: Path) -> None:
    with pytest.raises(JournalError, match="there is no such file"):
        open_to_read(path)
    assert not path.exists()


def interrupted(store: Store) -> None:
    with store.transaction() as connection:
        connection.execute("INSERT INTO journal VALUES ('half', x'00')")
        raise KeyboardInterrupt


def test_a_transaction_is_all_or_nothing(path: Path) -> None:
    with open_store(path) as store:
        with pytest.raises(KeyboardInterrupt):
            interrupted(store)
        assert store.rows("SELECT name FROM journal") == [("salt",)]
        with store.transaction(durable=True) as connection:
            connection.execute("INSERT INTO journal VALUES ('whole', x'00')")
        assert store.rows("SELECT name FROM journal") == [("salt",), ("whole",)]


FULL = """
import resource, signal, sys
sys.path.insert(0, sys.argv[2])
from journal_calls import call, recording, response, send
from kosmo_circleci.errors import JournalError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
if sys.argv[3] == "at the start":
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
try:
    run = recording(__import__("pathlib").Path(sys.argv[1]))
except JournalError as error:
    sys.exit(f"before anything was sent: {error.message}")
resource.setrlimit(resource.RLIMIT_FSIZE, (800_000, 800_000))
for number in range(1000):
    try:
        send(run, call(f"{number}"), lambda _: print(number, flush=True) or response("x" * 1000))
    except JournalError as error:
        first = error.message
        try:
            run.begin(call("one more"))
        except JournalError as second:
            sys.exit(f"{first} {second.message == first}")
"""


def run_full(path: Path, when: str) -> "subprocess.CompletedProcess[str]":
    support = str(Path(__file__).parents[1] / "support")
    return subprocess.run(
        [sys.executable, "-c", FULL, str(path), support, when],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_full_disk_is_met_before_anything_is_sent(path: Path) -> None:
    ended = run_full(path, "at the start")
    assert ended.stdout == ""
    assert "before anything was sent: The journal" in ended.stderr
    assert "full" in ended.stderr


def test_a_disk_that_fills_in_mid_run_keeps_what_was_committed(path: Path) -> None:
    ended = run_full(path, "in mid-run")
    sent = [int(line) for line in ended.stdout.split()]
    assert "full. True" in ended.stderr
    with open_to_read(path) as store:
        states = store.rows("SELECT state FROM calls ORDER BY sequence")
    # The last one may have been sent and its answer not written; before it, all is complete.
    assert len(sent) > 20
    assert states[: len(sent) - 1] == [("answered",)] * (len(sent) - 1)
    assert len(states) == len(sent)


def test_two_processes_write_to_one_file(path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from journal_calls import call, recording, response, send\n"
        "from kosmo_circleci.journal.recording import Outcome\n"
        "run = recording(__import__('pathlib').Path(sys.argv[1]))\n"
        "for n in range(100): send(run, call(str(n)), lambda _: response())\n"
        "run.finish(Outcome(True))\n"
    )
    support = str(Path(__file__).parents[1] / "support")
    started = [subprocess.Popen([sys.executable, "-c", code, str(path), support]) for _ in range(3)]
    assert [process.wait(timeout=60) for process in started] == [0, 0, 0]
    with open_to_read(path) as store:
        rows = store.rows(
            "SELECT outcome, count(*) FROM runs JOIN calls ON run = runs.number GROUP BY 1"
        )
    assert rows == [("succeeded", 300)]
