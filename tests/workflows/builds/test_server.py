"""On a CircleCI Server, which has no API v3, the workflows about builds do the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from shipped import ALLOWED, FOLDER, Refusing

from kosmo_circleci import Bridge
from kosmo_circleci.run.envelope import Run


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridge]:
    monkeypatch.chdir(tmp_path)
    transport = Refusing(has_v3=False)
    with Bridge(simulate=True, config=ALLOWED, environ={}, transport=transport) as bridge:
        yield bridge


def test_why_it_failed_comes_from_the_builds_of_the_older_api(server: Bridge) -> None:
    run: Run = server.run_file(FOLDER / "why_did_it_fail.lua")

    assert [(row["job"], row["step"], row["exit_code"]) for row in run.result] == [
        ("test", "Run tests", 1)
    ]


def test_logs_come_from_the_builds_of_the_older_api(server: Bridge, tmp_path: Path) -> None:
    arguments = {"number": "41", "failed": "true"}
    run = server.run_file(FOLDER / "download_logs.lua", args=arguments, files=tmp_path)

    assert [row["file"] for row in run.result] == ["41/test-98/0-103-Run-tests.log"]
    assert "FAILED tests/" in (tmp_path / run.result[0]["file"]).read_text("utf-8")


def test_a_watched_failure_is_one_there_too(server: Bridge) -> None:
    run = server.run_file(FOLDER / "watch.lua")

    assert (run.error, run.exit_code) == (None, 1)
    assert [bool(row["failures"]) for row in run.result] == [False, True]
