"""The walk through links, compared with the kernel's own."""

import os
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kosmo_circleci.confined.folder import Folder, TooLarge
from kosmo_circleci.confined.names import Refused

SEGMENTS = st.lists(st.sampled_from(["a", "b", "c", "d", "..", "."]), min_size=1, max_size=4)
NAMES = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=4)
STARTS = st.sampled_from(["", "", "", "/", "ROOT/", "OUTSIDE/"])
LINKS = st.lists(st.tuples(NAMES, STARTS, SEGMENTS), max_size=8)


def make(base: Path, links: list[tuple[list[str], str, list[str]]]) -> Path:
    """Make a folder of files and links, beside one that has the same names."""
    root = base / "root"
    for place, word in ((root, "inside"), (base / "outside", "outside")):
        for folder in ("a", "b/c"):
            (place / folder).mkdir(parents=True)
        for file in ("a/d", "b/c/d", "c"):
            (place / file).write_text(f"{word} {file}")
    for name, start, target in links:
        start = start.replace("ROOT", str(root)).replace("OUTSIDE", str(base / "outside"))
        link = root.joinpath(*name)
        if link.parent.is_dir() and not os.path.lexists(link):
            link.symlink_to(start + "/".join(target))
    return root


@given(LINKS, st.lists(NAMES, min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_what_is_read_is_what_the_kernel_finds_inside(
    links: list[tuple[list[str], str, list[str]]], names: list[list[str]]
) -> None:
    with tempfile.TemporaryDirectory() as base:
        root = make(Path(base).resolve(), links)
        folder = Folder(str(root))
        stays_inside = not any(start or ".." in target for _, start, target in links)
        for name in names:
            try:
                content = folder.read("/".join(name).encode(), 1000).decode()
            except (Refused, OSError):
                content = None
            try:
                real = root.joinpath(*name).resolve(strict=True)
                expected = real.read_text() if real.is_relative_to(root) else None
            except (OSError, RuntimeError):  # missing, a folder, links in a circle
                expected = None
            if content is not None or stays_inside:
                assert content == expected
        folder.close()


def test_a_size_is_looked_at_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    folder = Folder(str(tmp_path))
    assert folder.read(b"x", 5) == b"12345"
    with pytest.raises(TooLarge) as caught:
        folder.read(b"x", 4)
    assert caught.value.size_bytes == 5
    folder.close()


def test_a_closed_folder_is_not_used_any_more(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.close()
    folder.close()
    with pytest.raises(Refused, match="the run has ended"):
        folder.read(b"x", 1)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors")
def test_no_descriptor_stays_open_whatever_comes_of_a_walk(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_text("x")
    (tmp_path / "a/out").symlink_to("../../..")
    (tmp_path / "a/self").symlink_to("self")
    folder = Folder(str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    for name in (b"a/b/file", b"a/out/x", b"a/self", b"a/b", b"a/b/file/x", b"nowhere/x", b"../x"):
        for _ in range(20):
            try:
                folder.read(name, 10)
            except (Refused, OSError):
                continue
    assert len(os.listdir("/proc/self/fd")) == before
    folder.close()


def test_a_folder_may_be_used_by_many_threads(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / f"f{number}").write_text(str(number))
    folder = Folder(str(tmp_path))
    wrong: list[bytes] = []

    def read(number: int) -> None:
        for _ in range(100):
            content = folder.read(b"f%d" % number, 10)
            if content != b"%d" % number:
                wrong.append(content)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    folder.close()
