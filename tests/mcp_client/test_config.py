"""Which servers there are: files, precedence, and what is wrong with them."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.mcp_client.config import load
from kosmo_circleci.mcp_client.server import EnvFile, Server


def _write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def _load(project: Path, home: Path) -> dict[str, Server]:
    return load({}, home, project)


def test_the_first_file_that_names_a_server_wins(project: Path, tmp_path: Path) -> None:
    _write(project / ".mcp.json", {"mcpServers": {"a": {"command": "one"}}})
    _write(
        project / ".vscode/mcp.json", {"servers": {"a": {"command": "2"}, "b": {"command": "2"}}}
    )
    _write(
        project / ".cursor/mcp.json", {"servers": {"b": {"command": "3"}, "c": {"command": "3"}}}
    )
    user = {"mcpServers": {"c": {"command": "4"}, "d": {"command": "4"}}}
    _write(tmp_path / ".config/kosmo/mcp.json", user)
    found = {name: (each.command, each.scope) for name, each in _load(project, tmp_path).items()}
    assert found == {
        "a": ("one", "project"),
        "b": ("2", "project"),
        "c": ("3", "project"),
        "d": ("4", "user"),
    }


def test_the_users_folder_is_the_one_the_system_names(project: Path, tmp_path: Path) -> None:
    _write(tmp_path / "elsewhere/kosmo/mcp.json", {"servers": {"a": {"command": "x"}}})
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "elsewhere")}
    assert list(load(environ, tmp_path, project)) == ["a"]


def test_a_disabled_server_is_not_there_in_any_file(project: Path, tmp_path: Path) -> None:
    entries = {"a": {"command": "x", "disabled": True}, "b": {"command": "x", "enabled": False}}
    _write(project / ".mcp.json", {"mcpServers": entries})
    _write(project / ".vscode/mcp.json", {"servers": {"a": {"command": "y"}}})
    assert _load(project, tmp_path) == {}


def test_everything_a_stdio_server_can_say_is_read(project: Path, tmp_path: Path) -> None:
    (project / ".env").write_text("A=1\n")
    source = _write(
        project / ".mcp.json",
        {
            "mcpServers": {
                "a": {
                    "type": "stdio",
                    "command": "npx",
                    "args": ["-y", "some-server"],
                    "env": {"TOKEN": "${TOKEN}", "DEBUG": 1},
                    "envFile": "${workspaceFolder}/.env",
                    "cwd": "tools",
                    "timeout": 1500,
                }
            }
        },
    )
    assert _load(project, tmp_path)["a"] == Server(
        "a",
        source,
        "project",
        project,
        command="npx",
        args=("-y", "some-server"),
        env={"TOKEN": "${TOKEN}", "DEBUG": "1"},
        env_file=EnvFile(
            "${workspaceFolder}/.env",
            project / ".env",
            {"A": "1"},
            hashlib.sha256(b"A=1\n").hexdigest(),
        ),
        cwd="tools",
        timeout_s=1.5,
    )


@pytest.mark.parametrize(
    "entry",
    [
        {"url": "https://mcp.example.com/mcp", "headers": {"Authorization": "Bearer ${T}"}},
        {
            "type": "streamable-http",
            "url": "https://mcp.example.com/mcp",
            "headers": {"Authorization": "Bearer ${T}"},
        },
    ],
)
def test_everything_an_http_server_can_say_is_read(
    project: Path, tmp_path: Path, entry: Any
) -> None:
    source = _write(project / ".vscode/mcp.json", {"servers": {"a": entry}})
    assert _load(project, tmp_path)["a"] == Server(
        "a",
        source,
        "project",
        project,
        "http",
        url="https://mcp.example.com/mcp",
        headers={"Authorization": "Bearer ${T}"},
    )


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("npx", "must be an object with 'command' or 'url'"),
        ({}, "'command' is missing; it takes the program to start, as a string"),
        ({"command": ["npx"]}, "'command' is missing; it takes the program to start, as a string"),
        ({"command": "x", "args": "-y"}, "'args' must be an array of strings"),
        ({"command": "x", "env": ["A"]}, "'env' must be an object of strings"),
        ({"command": "x", "env": {"A": None}}, "'env.A' must be a string"),
        ({"command": "x", "cwd": 1}, "'cwd' must be a string"),
        (
            {"command": "x", "timeout": 0},
            "'timeout' must be a number of milliseconds greater than 0",
        ),
        ({"url": "ftp://x"}, "'url' must be an http:// or https:// address"),
        ({"type": "ws", "url": "ws://x"}, "'type' must be \"stdio\" or \"http\", not 'ws'"),
        (
            {"type": "sse", "url": "https://x"},
            "the transport 'sse' is not supported; use the server's 'http' address",
        ),
    ],
)
def test_an_entry_that_cannot_be_used_says_why_and_leaves_the_others(
    project: Path, tmp_path: Path, entry: Any, fault: str
) -> None:
    source = _write(project / ".mcp.json", {"mcpServers": {"a": entry, "b": {"command": "x"}}})
    servers = _load(project, tmp_path)
    assert servers["a"].fault == f"{source}: MCP server 'a': {fault}."
    assert (servers["b"].command, servers["b"].fault) == ("x", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", 'must be an object such as {"mcpServers": {…}}'),
        ('{"mcpServers": []}', "'mcpServers' must be an object of servers by name"),
        ('{\n  "mcpServers": {\n    "a" {}\n}}', "3: not JSON: Expecting ':' delimiter"),
        ("\n\nnonsense", "3: not JSON: Expecting value"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    project: Path, tmp_path: Path, text: str, message: str
) -> None:
    source = _write(project / ".mcp.json", text)
    with pytest.raises(ConfigurationError) as raised:
        _load(project, tmp_path)
    colon = ":" if message[0].isdigit() else ": "
    assert raised.value.message == f"{source}{colon}{message}"


def test_a_file_that_is_not_text_is_named_with_its_line(project: Path, tmp_path: Path) -> None:
    (project / ".mcp.json").write_bytes(b"{\n\xff}")
    with pytest.raises(ConfigurationError, match=r"\.mcp\.json:2: not UTF-8$"):
        _load(project, tmp_path)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("device", "Not a regular file"),
        ("pipe", "Not a regular file"),
        ("folder", "Not a regular file"),
        ("large", "Larger than 1 MiB"),
    ],
)
def test_what_is_not_a_small_regular_file_is_refused_at_once(
    project: Path, tmp_path: Path, kind: str, reason: str
) -> None:
    path = project / ".mcp.json"
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b" " * (1024 * 1024 + 1))
    with pytest.raises(ConfigurationError) as raised:
        _load(project, tmp_path)
    assert raised.value.message == f"{path}: {reason}"


@pytest.mark.parametrize(
    ("name", "shown", "fault"),
    [
        ("", "", "the name of a server is text without control characters"),
        (
            "safe\r\x1b[2Kgithub",
            "safe\\r\\x1b[2Kgithub",
            "the name of a server is text without control characters",
        ),
        ("a\u202eb", "a\\u202eb", "the name of a server is text without control characters"),
        ("n" * 129, "n" * 129, "the name of a server has at most 128 characters"),
    ],
)
def test_a_name_that_could_deceive_is_refused(
    project: Path, tmp_path: Path, name: str, shown: str, fault: str
) -> None:
    source = _write(project / ".mcp.json", {"mcpServers": {name: {"command": "x"}}})
    assert _load(project, tmp_path)[name].fault == f"{source}: MCP server '{shown}': {fault}."


def test_the_project_is_the_nearest_folder_of_the_repository_with_a_file(tmp_path: Path) -> None:
    inside = tmp_path / "repository" / "src" / "deep"
    inside.mkdir(parents=True)
    entry = {"mcpServers": {"a": {"command": "x"}}}

    def folder() -> Path | None:
        server = _load(inside, tmp_path).get("a")
        return None if server is None else server.folder

    _write(tmp_path / ".mcp.json", entry)
    assert folder() is None  # Without a repository only the folder itself counts.
    (tmp_path / "repository" / ".git").mkdir()
    assert folder() is None
    _write(tmp_path / "repository/.vscode/mcp.json", entry)
    assert folder() == tmp_path / "repository"
    _write(tmp_path / "repository/src/.mcp.json", entry)
    assert folder() == tmp_path / "repository" / "src"
