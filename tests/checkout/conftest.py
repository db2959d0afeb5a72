"""Real repositories of git, made in a temporary folder."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Return a function that runs git in a folder; no repository outside of `tmp_path` is found."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")

    def run(folder: Path, *arguments: str) -> str:
        ended = subprocess.run(
            ["git", *identity, "-C", str(folder), *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=20,
        )
        return ended.stdout.strip()

    return run


@pytest.fixture
def repository(tmp_path: Path, git: Git) -> Path:
    """Return a checkout of `topic` with one commit and no remote."""
    folder = tmp_path / "web"
    folder.mkdir()
    git(folder, "init", "--initial-branch", "topic")
    git(folder, "commit", "--allow-empty", "--message", "first")
    return folder
