"""What is kept of a script's prints."""

import tracemalloc

from kosmo_circleci.agent.printed import PrintedLines
from kosmo_circleci.masking import Mask


def test_a_script_that_printed_nothing_has_no_output() -> None:
    assert PrintedLines().shown(100, Mask()) == {}


def test_lines_are_shown_masked() -> None:
    printed = PrintedLines()
    for line in ("one", "the s3cret", ""):
        printed.add(line)
    assert printed.shown(100, Mask(["s3cret"])) == {"output": "one\nthe ***\n"}


def test_megabytes_of_short_lines_take_no_memory_to_speak_of() -> None:
    printed = PrintedLines()
    tracemalloc.start()
    for number in range(1 << 18):
        printed.add(f"{number:07}")
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 1_000_000
    shown = printed.shown(1_000, Mask())
    output = str(shown["output"])
    assert output.startswith("0000000\n0000001\n")
    assert len(output) <= 1_000
    left_out = 8 * (1 << 18) - len(output) - 1
    assert shown["output_cut"] == (
        f"The output has {left_out:,} bytes more than can be shown. "
        "Print less, or return the value that matters."
    )
