"""mcp:list and mcp:trust: which servers there are, and which may run."""

import json
import sys
from pathlib import Path
from typing import Any

from kosmo_circleci.cli.commands import load

SCRIPTED = Path(__file__).parents[2] / "mcp_client" / "scripted_server.py"
ENTRY = {"command": sys.executable, "args": [str(SCRIPTED)]}


def test_no_server_is_said_with_the_way_to_one(kosmo: Any, project: Path) -> None:
    (project / ".mcp.json").unlink()
    ended = kosmo("mcp:list")
    assert ended.out == (
        "No MCP server is configured. Add one to .mcp.json, .vscode/mcp.json or .cursor/mcp.json "
        "of the project, or to kosmo/mcp.json in your configuration folder; see 'kosmo "
        "integrations:docs mcp'.\n"
    )
    assert (ended.code, ended.err) == (0, "")
    assert kosmo("mcp:list", "--json").json == {"success": True, "servers": []}


def test_servers_are_listed_with_trust_source_and_fault(kosmo: Any, project: Path) -> None:
    entries = {"my-server": ENTRY, "broken": {"args": []}}
    (project / ".mcp.json").write_text(json.dumps({"mcpServers": entries}))
    file = project / ".mcp.json"
    fault = "'command' is missing; it takes the program to start, as a string."
    assert kosmo("mcp:list").out == (
        f"broken     untrusted  stdio    ({file})\n"
        f"  cannot be used: {file}: MCP server 'broken': {fault}\n"
        f"my_server  untrusted  stdio  {sys.executable} {SCRIPTED}  ({file})\n"
        "\n"
        "A server runs after 'kosmo mcp:trust NAME'.\n"
    )
    assert kosmo("mcp:list", "--json").json["servers"][1] == {
        "name": "my_server",
        "server": "my-server",
        "transport": "stdio",
        "target": f"{sys.executable} {SCRIPTED}",
        "source": str(file),
        "scope": "project",
        "trust": "untrusted",
        "fault": None,
        "command": sys.executable,
        "args": [str(SCRIPTED)],
        "folder": str(project),
        "env": {},
        "env_file": None,
    }
    refused = kosmo("mcp:trust", "broken")
    assert (refused.code, fault in refused.err) == (1, True)


def test_trust_shows_what_may_run_and_can_be_withdrawn(kosmo: Any, project: Path) -> None:
    env = {"API_TOKEN": "s3cret-value", "OTHER_TOKEN": "${T}", "NODE_OPTIONS": "-r ./evil.js"}
    entry = ENTRY | {"env": env, "cwd": "sub", "envFile": ".env"}
    (project / ".env").write_text("MODE=fast\nPASSWORD=hunter2\n")
    (project / ".mcp.json").write_text(json.dumps({"mcpServers": {"my-server": entry}}))
    trusted = kosmo("mcp:trust", "my-server")
    assert trusted.out == (
        "my_server may run from now on:\n"
        f"  file     {project}/.mcp.json\n"
        f"  command  {sys.executable} {SCRIPTED}\n"
        f"  folder   {project}/sub\n"
        "  env      API_TOKEN=*** (12 characters)\n"
        "           OTHER_TOKEN=${T}\n"
        "           NODE_OPTIONS=-r ./evil.js\n"
        "  envFile  .env (sha256 4dc378e2bbf31b50)\n"
        "           MODE=fast\n"
        "           PASSWORD=*** (7 characters)\n"
    )
    assert kosmo("mcp:list", "--json").json["servers"][0]["trust"] == "trusted"
    changed = json.dumps({"mcpServers": {"my-server": ENTRY}})
    (project / ".mcp.json").write_text(changed)
    assert kosmo("mcp:list", "--json").json["servers"][0]["trust"] == "changed"
    forgotten = kosmo("mcp:trust", "my_server", "--forget", "--json")
    assert forgotten.json == {"success": True, "name": "my_server", "trust": "untrusted"}
    assert kosmo("mcp:trust", "my_server", "--forget").out == "my_server was not trusted.\n"


def test_the_list_shows_everything_that_decides_what_runs_and_cannot_be_spoofed(
    kosmo: Any, project: Path
) -> None:
    entry = {
        "command": "npx",
        "args": ["evil\r\x1b[2Kserver", "two words", "\u202eltr"],
        "env": {"NODE_OPTIONS": "--require ./a.js\n\x9b1A"},
        "cwd": "a\tb",
        "envFile": ".env",
    }
    far = {"url": "https://x/\x07", "headers": {"X-A": "1"}}
    (project / ".env").write_text("A=\x1b]0;title\n")
    (project / ".mcp.json").write_text(json.dumps({"mcpServers": {"s": entry, "far": far}}))
    file = project / ".mcp.json"
    assert kosmo("mcp:list").out == (
        f"far  untrusted  http   https://x/\\x07  ({file})\n"
        "  headers  X-A: 1\n"
        f"s    untrusted  stdio  npx 'evil\\r\\x1b[2Kserver' 'two words' \\u202eltr  ({file})\n"
        f"  folder   {project}/a\\tb\n"
        "  env      NODE_OPTIONS=--require ./a.js\\n\\x9b1A\n"
        "  envFile  .env (sha256 5bef36dab0faccab)\n"
        "           A=\\x1b]0;title\n"
        "\n"
        "A server runs after 'kosmo mcp:trust NAME'.\n"
    )
    listed = kosmo("mcp:list", "--json").json["servers"]
    assert listed[0]["headers"] == {"X-A": "1"}
    assert (listed[1]["env"], listed[1]["folder"]) == (entry["env"], f"{project}/a\tb")
    assert listed[1]["env_file"]["variables"] == {"A": "\x1b]0;title"}


def test_trust_names_the_address_of_a_server_over_http(kosmo: Any, project: Path) -> None:
    entry = {"url": "https://mcp.example.com/mcp", "headers": {"Authorization": "Bearer ${T}"}}
    (project / ".mcp.json").write_text(json.dumps({"mcpServers": {"far": entry}}))
    assert kosmo("mcp:trust", "far").out == (
        "far may run from now on:\n"
        f"  file     {project}/.mcp.json\n"
        "  address  https://mcp.example.com/mcp\n"
        "  headers  Authorization: Bearer ${T}\n"
    )


def test_a_server_of_the_user_needs_no_trust(kosmo: Any, project: Path, tmp_path: Path) -> None:
    file = tmp_path / ".config" / "kosmo" / "mcp.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"mcpServers": {"mine": ENTRY}}))
    assert kosmo("mcp:trust", "mine").out == (
        "mine is a server of your own configuration folder and needs no trust.\n"
    )
    assert not (file.parent / "mcp-trust.json").exists()


def test_an_unknown_server_and_a_broken_file_are_errors(kosmo: Any, project: Path) -> None:
    ended = kosmo("mcp:trust", "my_servr")
    assert (ended.code, ended.err) == (
        1,
        "error: Unknown MCP server: my_servr. Did you mean: my_server?\n",
    )
    (project / ".mcp.json").write_text("{")
    assert kosmo("mcp:list", "--json").json["error_type"] == "configuration"
    assert kosmo("mcp:list").err.startswith(f"error: {project}/.mcp.json:1: not JSON: ")


def test_the_shell_completes_the_names_of_servers(project: Path) -> None:
    command = load("mcp:trust")
    for text, expected in (("my", ["my_server"]), ("x", [])):
        context = command.make_context("mcp:trust", [text])
        offered = command.params[0].shell_complete(context, text)
        assert [each.value for each in offered] == expected


def test_completion_of_a_server_is_one_line_whatever_its_command(project: Path) -> None:
    entry = {"command": "x\nplain\nrm -rf ~\n_", "args": ["\x1b[2K"]}
    (project / ".mcp.json").write_text(json.dumps({"mcpServers": {"a\nb": ENTRY, "evil": entry}}))
    command = load("mcp:trust")
    offered = command.params[0].shell_complete(command.make_context("mcp:trust", ["e"]), "")
    assert [(each.value, each.help) for each in offered] == [
        ("evil", "'x\\nplain\\nrm -rf ~\\n_' \\x1b[2K"),
    ]
