import pytest

from kosmo_circleci.limits import MEBIBYTE, Limits, parse_duration, parse_size, shown_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("1048576", MEBIBYTE),
        ("64M", 64 * MEBIBYTE),
        ("64m", 64 * MEBIBYTE),
        ("64MB", 64 * MEBIBYTE),
        ("64MiB", 64 * MEBIBYTE),
        ("512k", 512 * 1024),
        ("1G", 1024 * MEBIBYTE),
        (" 2 M ", 2 * MEBIBYTE),
    ],
)
def test_a_size_has_a_number_and_perhaps_a_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "0M", "-1", "1.5M", "M", "1T", "64 megabytes"])
def test_what_is_not_a_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size; give bytes, or a number with K, M or G"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("10m", 600.0),
        ("2h", 7200.0),
        ("1d", 86400.0),
        ("200ms", 0.2),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.5H", 5400.0),
        (" 2 m ", 120.0),
    ],
)
def test_a_duration_is_seconds_or_a_number_with_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "0", "0s", "-1", "+1", "inf", "nan", "1e3", "m", "1w", "1.", "1h30m", "9" * 400, "\u0661"],
)
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; give seconds, or a number with s, m"):
        parse_duration(text)


@pytest.mark.parametrize(("size", "text"), [(MEBIBYTE, "1M"), (1000, "1000 bytes")])
def test_a_size_is_shown_as_it_can_be_given(size: int, text: str) -> None:
    assert shown_size(size) == text


def test_every_limit_names_what_raises_it() -> None:
    limits = Limits(memory_bytes=32 * MEBIBYTE, cpu_s=0.5, regex_s=1)

    assert [error.message for error in (limits.cpu_error(), limits.memory_error())] == [
        "The script used more than 0.5 s of CPU time. "
        "Raise the limit with --cpu-limit SECONDS (Python: Limits(cpu_s=…)).",
        "The script needed more memory than its limit of 32M. "
        "Raise the limit with --memory-limit SIZE (Python: Limits(memory_bytes=…)).",
    ]
    assert limits.regex_error().function_name == "regex"


def test_the_process_may_take_a_multiple_of_the_memory_of_lua() -> None:
    assert Limits(memory_bytes=32 * MEBIBYTE).process_bytes < 200 * MEBIBYTE
