"""Files that are written whole or not at all, with and without nameless files of the system."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kosmo_circleci.confined.folder import Folder
from kosmo_circleci.confined.names import Refused
from kosmo_circleci.confined.writing import NewFile, append


@pytest.fixture(params=["nameless", "temporary"])
def folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Folder]:
    if request.param == "temporary":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    opened = Folder(str(tmp_path))
    yield opened
    opened.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def test_a_file_is_there_when_it_is_committed_and_not_before(
    folder: Folder, tmp_path: Path
) -> None:
    before = descriptors()
    file = NewFile(folder, b"a/b/c")
    file.write(b"one")
    assert not (tmp_path / "a/b/c").exists()
    file.restart()
    file.write(b"two")
    file.commit()
    file.discard()
    assert (tmp_path / "a/b/c").read_bytes() == b"two"
    assert os.listdir(tmp_path / "a/b") == ["c"]
    assert descriptors() == before


def test_a_file_that_is_discarded_leaves_the_old_one(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    before = descriptors()
    file = NewFile(folder, b"x")
    file.write(b"new")
    file.discard()
    for use in (file.commit, file.restart, lambda: file.write(b"more")):
        with pytest.raises(Refused, match="the run has ended"):
            use()
    assert (os.listdir(tmp_path), (tmp_path / "x").read_text()) == (["x"], "old")
    assert descriptors() == before


def test_a_reader_sees_the_old_file_or_the_new_one(folder: Folder, tmp_path: Path) -> None:
    contents = {b"a" * 100_000, b"b" * 100_000}
    (tmp_path / "x").write_bytes(b"a" * 100_000)
    seen = set()
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.add((tmp_path / "x").read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        for content in contents:
            file = NewFile(folder, b"x")
            file.write(content)
            file.commit()
    over.set()
    reader.join()
    assert seen <= contents


def test_what_became_a_folder_meanwhile_is_not_replaced(folder: Folder, tmp_path: Path) -> None:
    file = NewFile(folder, b"x")
    (tmp_path / "x").mkdir()
    with pytest.raises(OSError, match="directory"):
        file.commit()
    file.discard()
    assert os.listdir(tmp_path) == ["x"]


def test_a_link_that_appears_meanwhile_leads_out_no_more_than_one_before(
    folder: Folder, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "target"
    outside.write_text("outside")
    (tmp_path / "target").write_text("target")
    for target, error in (("target", None), (str(outside), Refused)):
        file = NewFile(folder, b"x")
        file.write(b"new")
        (tmp_path / "x").symlink_to(target)
        with pytest.raises(error) if error else contextlib.nullcontext():
            file.commit()
        file.discard()
        (tmp_path / "x").unlink()
    assert ((tmp_path / "target").read_text(), outside.read_text()) == ("new", "outside")
    assert os.listdir(tmp_path) == ["target"]


def test_a_file_that_is_discarded_leaves_no_folders(folder: Folder, tmp_path: Path) -> None:
    NewFile(folder, b"a/b/c").discard()
    assert os.listdir(tmp_path) == []


def test_lines_of_several_threads_stay_whole(folder: Folder, tmp_path: Path) -> None:
    lines = [bytes([65 + number]) * 5000 + b"\n" for number in range(8)]

    def add(line: bytes) -> None:
        for _ in range(10):
            append(folder, b"log", line)

    threads = [threading.Thread(target=add, args=(line,)) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = (tmp_path / "log").read_bytes().splitlines(keepends=True)
    assert sorted(written) == sorted(lines * 10)


PART_OF_A_LINE = """
import resource, signal, sys
from kosmo_circleci.confined.folder import Folder
from kosmo_circleci.confined.writing import append

# A limit on the size of files ends a write early, as a full disk does.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
try:
    append(Folder(sys.argv[1]), b"log", b"x" * 100)
except OSError as error:
    print(error.strerror)
"""


def test_a_line_that_could_be_written_in_part_is_an_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PART_OF_A_LINE, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == "only a part could be written\n"
