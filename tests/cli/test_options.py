"""What a word on the command line means: sizes, durations, keys and values."""

from typing import Any

import pytest

from kosmo_circleci.cli.options import KeyValue, Seconds, Size


@pytest.mark.parametrize(
    ("word", "seconds"), [("90", 90.0), ("90s", 90.0), ("10m", 600.0), ("2h", 7200.0), ("0.5", 0.5)]
)
def test_a_duration_is_seconds_or_has_a_unit(word: str, seconds: float) -> None:
    assert Seconds()(word) == seconds


@pytest.mark.parametrize("option", ["--timeout", "--cpu-limit"])
@pytest.mark.parametrize("word", ["0", "-1", "soon", "10 minutes", "", "nan", "1h30"])
def test_what_is_no_duration_says_how_one_is_written(kosmo: Any, option: str, word: str) -> None:
    ended = kosmo("run", "-e", "return 1", f"{option}={word}", "--json")
    assert (ended.code, ended.json["error_type"]) == (2, "usage")
    assert ended.json["error"] == (
        f"Invalid value for '{option}': '{word}' is not a duration; give seconds, or a number "
        "with s, m or h: 90s, 10m, 2h"
    )


def test_a_run_ends_at_a_timeout_written_with_a_unit(kosmo: Any) -> None:
    ended = kosmo("run", "-e", "while true do end", "--timeout", "200ms", "--json")
    assert (ended.code, ended.json["error_type"]) == (1, "limit")
    assert "The run took longer than 0.2 s." in ended.json["error"]


def test_sizes_and_pairs_are_read_as_written() -> None:
    assert Size()("64M") == 64 * 1024 * 1024
    assert KeyValue()("branch=a=b") == ("branch", "a=b")
    assert KeyValue()("empty=") == ("empty", "")
