"""Record lua_docs/demo.svg: a terminal session with the real program, in the simulated CircleCI.

Each command runs in a shell, in an empty folder, with an empty home and without a network; the same
program draws the same picture. `--check` writes nothing, and fails when the picture is stale.
"""

import argparse
import difflib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

PICTURE: Final = Path(__file__).parent.parent / "lua_docs" / "demo.svg"
KOSMO: Final = Path(sys.executable).with_name("kosmo")
WIDTH: Final = 116
"""Columns of the terminal."""

SESSION: Final = (
    'kosmo search "rerun what failed" | head -3',
    "kosmo run --workflow why_did_it_fail --simulate --arg branch=fail/payments --arg lines=3"
    " | head -9",
    "kosmo run --workflow deploy_and_wait --simulate --plan plan.json | tail -7",
    """kosmo run --simulate --eval 'return app.integrations.circleci.get_pipelin("x")'""",
)
"""What is typed: find a function, ask why a build failed, plan a write, make a mistake."""

_FONT_FACES: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_FONTS: Final = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is current")
    check = parser.parse_args().check
    old = PICTURE.read_text("utf-8") if PICTURE.exists() else ""
    new = picture(session())
    if old == new:
        return 0
    if not check:
        PICTURE.write_text(new, "utf-8")
        return 0
    for line in difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0):
        print(line)
    print("error: lua_docs/demo.svg is stale; run `make generate`", file=sys.stderr)
    return 1


def session() -> Text:
    """Return what the terminal shows: prompts, commands, and what they print.

    Raises `RuntimeError` for a command that prints nothing, and where there is no `kosmo` to run.
    """
    if not KOSMO.exists():
        raise RuntimeError(f"{KOSMO} is missing: install the package first")
    shown = Text()
    for command in SESSION:
        output = _run(command)
        if not output:
            raise RuntimeError(f"{command}: printed nothing")
        shown.append("\n" if shown else "").append("$ ", "bold green").append(command, "bold")
        for line in output.splitlines():
            text = Text.from_ansi(line)
            text.stylize("red" if line.startswith("error: ") else "")
            shown.append("\n").append(text)
        shown.append("\n")
    return shown.append("\n")  # The picture clips what is below the last line's letters.


def _run(command: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env={
                "PATH": f"{KOSMO.parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": folder,
                "LANG": "C.UTF-8",
                "COLUMNS": str(WIDTH),
                "CLICOLOR_FORCE": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        ).stdout


def picture(shown: Text) -> str:
    """Return a terminal's screen as SVG. It loads nothing: the reader's own fonts are used."""
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True, _environ={})
        console.print(shown, overflow="fold", end="")
        svg = console.export_svg(title="kosmo", unique_id="kosmo")
    svg = _FONT_FACES.sub("", svg).replace("Fira Code, monospace", _FONTS)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


if __name__ == "__main__":
    sys.exit(main())
