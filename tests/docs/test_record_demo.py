"""The recorded terminal session: what the picture may hold, and that it shows the session."""

import re
from html import unescape
from typing import Final

from record_demo import PICTURE, SESSION, picture
from rich.text import Text

ADDRESS: Final = re.compile(r"(?:href|src)=|url\((?!#)|@import|@font-face|<script", re.IGNORECASE)


def shown(svg: str) -> str:
    """Return the text of a picture, a line for each row."""
    rows: dict[float, str] = {}
    for y, text in re.findall(
        r'<text class="kosmo-r\d+" [^>]*y="([\d.]+)"[^>]*>([^<]*)</text>', svg
    ):
        rows[float(y)] = rows.get(float(y), "") + unescape(text).replace("\N{NO-BREAK SPACE}", " ")
    return "\n".join(rows[y].rstrip() for y in sorted(rows))


def test_the_picture_is_small_and_loads_nothing() -> None:
    svg = PICTURE.read_text("utf-8")
    assert len(svg.encode("utf-8")) < 60_000
    assert ADDRESS.findall(svg) == []


def test_the_picture_shows_every_command_and_what_it_printed() -> None:
    text = shown(PICTURE.read_text("utf-8"))
    assert [command for command in SESSION if f"$ {command}\n" not in text] == []
    assert "\nPipeline 41 on fail/payments of gh/example-org/example-repo\n" in text
    assert "Did you mean: get_pipeline?" in text


def test_a_long_line_is_wrapped_as_a_terminal_does() -> None:
    assert shown(picture(Text("x" * 120))).split("\n") == ["x" * 116, "x" * 4]
