"""The envFile of a server: what is read of it, and how it says that it cannot be read."""

import hashlib
import os
from pathlib import Path

import pytest

from kosmo_circleci.mcp_client.env_file import read_env_file
from kosmo_circleci.mcp_client.server import EnvFile
from kosmo_circleci.mcp_client.variables import Variables

WHERE = "/projects/web/.mcp.json: MCP server 's'"


def _read(name: str, folder: Path) -> EnvFile:
    return read_env_file(name, Variables(WHERE, folder, {"SUB": "sub"}, folder))


def test_lines_are_variables_and_the_content_is_hashed(tmp_path: Path) -> None:
    text = "# comment\nexport A=1\nB = 'two words'\nC=\"\"\n\nnot a line\nTOKEN=t-123\n"
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / ".env").write_text(text)
    assert _read("${SUB}/.env", tmp_path) == EnvFile(
        "${SUB}/.env",
        tmp_path / "sub" / ".env",
        {"A": "1", "B": "two words", "C": "", "TOKEN": "t-123"},
        hashlib.sha256(text.encode()).hexdigest(),
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "No such file or directory"),
        ("folder", "Not a regular file"),
        ("pipe", "Not a regular file"),
        ("device", "Not a regular file"),
        ("large", "Larger than 1 MiB"),
        ("binary", "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_says_why_at_once(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "large").write_bytes(b"A=1\n" * (256 * 1024 + 1))
    (tmp_path / "binary").write_bytes(b"A=\xff\n")
    path = tmp_path / name
    assert _read(name, tmp_path) == EnvFile(name, path, fault=f"{WHERE}: envFile {path}: {reason}.")


def test_a_name_with_a_variable_that_is_not_set_is_a_fault_of_the_file(tmp_path: Path) -> None:
    assert _read("${NOWHERE}/.env", tmp_path) == EnvFile(
        "${NOWHERE}/.env",
        tmp_path / "${NOWHERE}/.env",
        fault=f"{WHERE}: the environment variable NOWHERE is not set. Set it, or give a default: "
        "${NOWHERE:-…}.",
    )
