"""Folders that are made to be attacked, for the tables in `attacks/folders`."""

import os
import socket
from pathlib import Path

SECRET = "secret"


def make_outside(path: Path) -> Path:
    """Make what no script may reach: a file, and a module."""
    path.mkdir()
    (path / "secret.txt").write_text(SECRET)
    (path / "module.lua").write_text("return 'outside'")
    return path


def make_files(path: Path, outside: Path) -> Path:
    """Make a folder for `--files`: links, special files, names and sizes."""
    (path / "sub").mkdir(parents=True)
    (path / "inside.txt").write_text("inside")
    (path / "sub/deep.txt").write_text("deep")
    links = {
        "link_out": "../outside/secret.txt",
        "link_absolute": str(outside / "secret.txt"),
        "link_folder": "../outside",
        "link_root": "/",
        "sub/link_up": "../../outside/secret.txt",
        "link_to_link": "link_folder",
        "dangling_out": "../outside/new.txt",
        "link_environ": "/proc/self/environ",
        "link_descriptor": "/dev/fd/0",
        "link_zero": "/dev/zero",
        "link_null": "/dev/null",
        "link_self": "link_self",
        "link_circle": "link_circle_back",
        "link_circle_back": "link_circle",
        "link_in": "sub/deep.txt",
        "link_in_absolute": str(path / "sub/deep.txt"),
        "link_in_folder": "./sub/../sub",
        "dangling_in": "sub/new.txt",
        "doubling_0": "sub",
        **{f"doubling_{n}": f"doubling_{n - 1}/../doubling_{n - 1}" for n in range(1, 21)},
    }
    for name, target in links.items():
        (path / name).symlink_to(target)
    os.link(outside / "secret.txt", path / "hard_link")
    _make_special(path)
    os.close(os.open(os.fsencode(path) + b"/bad\xff.txt", os.O_CREAT))
    (path / "bad\nname.txt").write_text("x")
    with (path / "huge.bin").open("wb") as file:
        file.truncate(1 << 40)
    with (path / "medium.bin").open("wb") as file:
        file.truncate(8 << 20)
    return path


MODULES = {
    "lib/good.lua": "return 'good'",
    "lib/counted.lua": "loads = (loads or 0) + 1 return {value = 0}",
    "itself.lua": "return require('itself')",
    "circle_a.lua": "return require('circle_b')",
    "circle_b.lua": "return require('circle_c')",
    "circle_c.lua": "return require('circle_a')",
    "failing.lua": "failures = (failures or 0) + 1 error('no')",
    "what_there_is.lua": "return {type(io), type(package), type(python), type(flow)}",
    "sees_hidden.lua": "return type(hidden)",
    "yielding.lua": "coroutine.yield(1)",
    "nothing.lua": "",
    "nil.lua": "return nil",
    "false.lua": "return false",
    "endless.lua": "while true do end",
    "hungry.lua": "local t = {} for n = 1, 1e8 do t[n] = {} end",
    "ending.lua": "exit(0, 3)",
    "nearly_bytecode.lua": "\x1bnot quite",
    **{f"deep/m{n}.lua": f"return require('deep.m{n + 1}')" for n in range(1, 400)},
}


def make_modules(path: Path) -> Path:
    """Make a folder for `--lua-path`."""
    for name, text in MODULES.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (path / "folder.lua").mkdir()
    (path / "bytecode.lua").write_bytes(b"\x1bLua\x54\x00\x19\x93\r\n\x1a\n")
    (path / "latin.lua").write_bytes(b"local a = 1\nreturn '\xe9'")
    with (path / "huge.lua").open("wb") as file:
        file.truncate(1 << 40)
    links = {
        "link_out.lua": "../outside/module.lua",
        "link_folder": "../outside",
        "link_self.lua": "link_self.lua",
        "link_in.lua": "lib/good.lua",
        "zero.lua": "/dev/zero",
    }
    for name, target in links.items():
        (path / name).symlink_to(target)
    os.mkfifo(path / "fifo.lua")
    return path


def content_of(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder with its content."""
    return {each.name: each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def _make_special(path: Path) -> None:
    os.mkfifo(path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        # A socket's path must be short, and those of tests are not.
        here = os.getcwd()
        os.chdir(path)
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
