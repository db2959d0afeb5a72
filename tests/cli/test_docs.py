"""Documentation on a terminal: laid out, coloured, behind the pager; Markdown everywhere else."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.cli.markdown import rendered

ESCAPE = "\x1b["
PAGE = """# A title

Prose that names `code` and is long enough to be wrapped at forty columns of a screen.

| Parameter | Required |
| --- | --- |
| project_slug | yes |

```lua
local circleci = app.integrations.circleci   -- a line that is longer than the screen is wide
return 1
```

- one
- two
"""
LAID_OUT = """\
                A title

Prose that names code and is long enough
to be wrapped at forty columns of a
screen.

 Parameter     Required
 ─
 project_slug  yes

local circleci = app.integrations.circleci   -- a line that is longer than the screen is wide
return 1

 • one
 • two"""


def test_prose_is_wrapped_tables_are_drawn_and_code_is_left_alone() -> None:
    assert _without_rules(rendered(PAGE, 40, colour=False)) == LAID_OUT


def test_colours_are_added_and_nothing_else() -> None:
    coloured = rendered(PAGE, 40, colour=True)
    assert f"{ESCAPE}36mcode{ESCAPE}0m" in coloured
    assert _without_rules(re.sub(r"\x1b\[[\d;]*m", "", coloured)) == LAID_OUT


def _without_rules(text: str) -> str:
    """Return the text with the line below a table's head shortened, and no blanks at line ends."""
    return "\n".join(re.sub("─+", "─", line.rstrip()) for line in text.split("\n"))


def test_a_page_for_a_pipe_is_markdown(kosmo: Any) -> None:
    ended = kosmo("docs", "flow")
    assert ended.out.startswith("# flow: pages, parallel calls, waiting\n\n")
    assert ended.out == kosmo("docs", "flow", "--json").json["text"].rstrip("\n") + "\n"


@pytest.mark.parametrize(
    ("env", "coloured"),
    [
        ({"PAGER": ""}, True),
        ({"PAGER": "", "NO_COLOR": "1"}, False),
        ({"PAGER": "", "CLICOLOR": "0"}, False),
        ({"PAGER": "", "CLICOLOR": "0", "CLICOLOR_FORCE": "1"}, True),
        ({"PAGER": "", "NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, False),
        ({"PAGER": "", "TERM": "dumb"}, False),
        ({"PAGER": "no-such-pager --quiet"}, True),
        ({"PAGER": "cat"}, True),
        ({"PAGER": "'unbalanced"}, True),
    ],
)
def test_a_page_on_a_terminal_is_laid_out(
    terminal: Any, env: dict[str, str], coloured: bool
) -> None:
    screen = terminal("docs", "flow", env=env)
    assert screen.end() == 0
    assert "flow: pages, parallel calls, waiting" in screen.seen
    assert "# flow" not in screen.seen
    assert "| ---" not in screen.seen
    assert (ESCAPE in screen.seen) is coloured


@pytest.mark.parametrize("command", [("docs", "flow"), ("list",), ("search", "cancel a job")])
def test_the_pager_gets_the_text_and_the_defaults_of_gh(
    terminal: Any, tmp_path: Path, command: tuple[str, ...]
) -> None:
    pager = tmp_path / "pager"
    pager.write_text('#!/bin/sh\necho "paged by $1 with LESS=$LESS LV=$LV"\ncat\n')
    pager.chmod(0o755)
    screen = terminal(*command, env={"PAGER": f"{pager} -x"})
    screen.expect("paged by -x with LESS=FRX LV=-c")
    assert screen.end() == 0


def test_the_users_own_options_of_less_stay(terminal: Any, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text('#!/bin/sh\necho "LESS=$LESS."\n')
    pager.chmod(0o755)
    screen = terminal("docs", "flow", env={"PAGER": str(pager), "LESS": "S"})
    screen.expect("LESS=S.")
    assert screen.end() == 0


def test_a_pager_that_leaves_early_is_no_fault(terminal: Any) -> None:
    screen = terminal("docs", "circleci", env={"PAGER": "head -n 2"})
    assert screen.end() == 0
    assert "error" not in screen.seen


def test_lists_have_colours_where_the_terminal_has(terminal: Any, kosmo: Any) -> None:
    screen = terminal("search", "cancel", "a", "workflow", env={"PAGER": ""})
    screen.expect(f"{ESCAPE}1mcircleci.cancel_workflow{ESCAPE}0m ({ESCAPE}33mwrite{ESCAPE}0m): ")
    assert screen.end() == 0
    assert ESCAPE not in kosmo("search", "cancel", "a", "workflow").out


def test_the_renderer_is_not_loaded_for_a_pipe() -> None:
    program = "import sys; from kosmo_circleci.cli.main import main\n"
    program += "try: main(['docs'])\nfinally: print('rich' in sys.modules, file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=20)
    assert ended.stderr == b"False\n"


def test_the_schema_tells_success_with_json_and_is_the_bare_schema_without(kosmo: Any) -> None:
    envelope = kosmo("integrations:schema", "get_pipeline", "--json").json
    assert envelope.pop("success") is True
    assert envelope == json.loads(kosmo("integrations:schema", "get_pipeline").out)
