"""A project with the scripted server, for the commands about MCP servers."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPTED = Path(__file__).parents[2] / "mcp_client" / "scripted_server.py"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, whose `.mcp.json` names the server `my-server`."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    entry = {"command": sys.executable, "args": [str(SCRIPTED)]}
    (folder / ".mcp.json").write_text(json.dumps({"mcpServers": {"my-server": entry}}))
    return folder


@pytest.fixture
def trusted(project: Path, kosmo: Any) -> Path:
    """Return the same folder, its server trusted."""
    kosmo("mcp:trust", "my_server")
    return project
