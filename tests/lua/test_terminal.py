"""What a person saw of a log: colours gone, redraws collapsed, everything else as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.lua.terminal import Log, render_log, rendered


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("", ""),
        ("plain\ntext\n", "plain\ntext"),
        ("no newline at the end", "no newline at the end"),
        ("a\r\nb\r\r\n\r\nc", "a\nb\n\nc"),
        ("trailing blanks  \n", "trailing blanks  "),
        # within a line
        ("\x1b[1;31mred\x1b[0m plain\n", "red plain"),
        ("10%\r50%\r100%\n", "100%"),
        ("downloading...\rdone\x1b[K\n", "done"),
        ("ab\x08c\n", "ac"),
        ("a\tb\x1b[0m\n", "a       b"),
        ("\x1b]0;a title\x07after\n", "after"),
        ("\x1b]8;;https://example.com\x07link\x1b]8;;\x07\n", "link"),
        ("日本\x1b[1m語\x1b[0m\n", "日本語"),
        ("caf\ufffd\x1b[0m\n", "caf\ufffd"),
        # between lines
        ("one\ntwo\n\x1b[2A\x1b[2Kone: done\n\x1b[2Ktwo: done\nend\n", "one: done\ntwo: done\nend"),
        ("kept\n" * 3 + "1\n\x1b[1A\x1b[2K2\n\x1b[1A\x1b[2K3\n", "kept\nkept\nkept\n3"),
        (
            "".join(f"line {n}\n" for n in range(150)) + "\x1b[1Alast\x1b[K\n",
            "\n".join(f"line {n}" for n in range(149)) + "\nlast",
        ),
        ("\x1b[2J\x1b[Hfresh\n", "fresh"),
    ],
)
def test_a_terminal_decides_what_is_left(raw: str, text: str) -> None:
    assert rendered(raw) == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]))))
def test_lines_without_control_characters_stay_as_they_are(lines: list[str]) -> None:
    assert rendered("".join(f"{line}\n" for line in lines)) == "\n".join(lines)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.integers(0, 5))
def test_whatever_a_log_holds_has_a_rendering(raw: str, most: int) -> None:
    log = render_log(raw, "", most)

    assert log.line_count >= len(log.text.split("\n")) - 1
    assert "\x1b" not in log.text


@pytest.mark.parametrize(
    ("stdout", "stderr", "most", "log"),
    [
        ("a\nb\n", "c\n", None, Log("a\nb\nc", 3, False)),
        ("a\nb\n", "c\n", 3, Log("a\nb\nc", 3, False)),
        ("a\nb\n", "c\n", 2, Log("b\nc", 3, True)),
        ("a\nb\n", "", 0, Log("", 2, True)),
        ("", "", 5, Log("", 0, False)),
        ("x\n" * 10_000 + "end\n", "", 1, Log("end", 10_001, True)),
        # two thousand redraws are one line: what is before them is still found
        ("first\n" + "\x1b[1A\x1b[2Kstep\n" * 2_000, "", 5, Log("step", 1, False)),
    ],
)
def test_the_end_of_a_log_is_kept_and_its_lines_are_counted(
    stdout: str, stderr: str, most: int | None, log: Log
) -> None:
    assert render_log(stdout, stderr, most) == log
