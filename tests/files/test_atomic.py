"""Replacing a file as a whole, and changing it one process at a time."""

import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kosmo_circleci.files.atomic import exclusive, replace_file


def test_a_replaced_file_is_private_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_bytes(b"old")
    path.chmod(0o644)
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles" / "list.json", tmp_path / "list.json"
    real.parent.mkdir()
    link.symlink_to(real)
    replace_file(link, b"new")
    assert (link.is_symlink(), real.read_bytes()) == (True, b"new")


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.mkdir()  # a folder is never replaced by a file
    (path / "inside").write_bytes(b"old")
    with pytest.raises(OSError, match="directory"):
        replace_file(path, b"new")
    assert [each.name for each in tmp_path.rglob("*")] == ["list.json", "inside"]


def test_a_folder_that_is_missing_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "list.json"
    with exclusive(path):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert list(path.parent.iterdir()) == []


ADD_ONE = """
import sys
from pathlib import Path
from kosmo_circleci.files.atomic import exclusive, replace_file
path = Path(sys.argv[1])
for _ in range(25):
    with exclusive(path):
        replace_file(path, str(int(path.read_bytes()) + 1).encode())
"""


def test_changes_of_several_processes_and_threads_all_survive(tmp_path: Path) -> None:
    path = tmp_path / "count"
    path.write_bytes(b"0")

    def add_one() -> None:
        for _ in range(25):
            with exclusive(path):
                replace_file(path, str(int(path.read_bytes()) + 1).encode())

    processes = [subprocess.Popen([sys.executable, "-c", ADD_ONE, str(path)]) for _ in range(3)]
    threads = [threading.Thread(target=add_one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert path.read_bytes() == b"150"


def test_a_lock_that_another_holds_is_waited_for_in_vain_but_not_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    with exclusive(path), pytest.raises(TimeoutError) as caught, exclusive(path, patience_s=0.05):
        pass
    assert caught.value.strerror == "another process is changing it; try again"
    with exclusive(path, patience_s=0.0):  # free again
        pass


DIE_WITH_IT = """
import os, sys
from pathlib import Path
from kosmo_circleci.files.atomic import exclusive
with exclusive(Path(sys.argv[1])):
    os.kill(os.getpid(), 9)
"""


def test_the_end_of_its_process_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    assert subprocess.run([sys.executable, "-c", DIE_WITH_IT, str(path)]).returncode == -9
    with exclusive(path, patience_s=0.0):
        pass
