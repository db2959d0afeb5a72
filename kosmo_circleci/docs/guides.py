"""The guides: every NAME.md in lua_docs/ but SKILL.md.

That one is a skill of coding agents, which tells of commands that a script does not have: it is
not listed among the pages, but can be read by its name.
"""

import re
from typing import Final

from kosmo_circleci.files.folders import documentation_folder as folder

SKILL: Final = "SKILL"
"""The name of the skill file: agents look for it in capitals."""

_FOR_THE_SEARCH: Final = re.compile(r"^<!-- search: .*? -->\n\n?", re.MULTILINE | re.DOTALL)


def names() -> tuple[str, ...]:
    """Return the names of all guides, `circleci` first, then by alphabet."""
    stems = sorted(path.stem for path in folder().glob("*.md") if path.stem != SKILL)
    return tuple(sorted(stems, key=lambda name: name != "circleci"))


def read(name: str) -> str:
    """Return the text of one guide for readers; `name` is one of `names()`."""
    return _FOR_THE_SEARCH.sub("", read_source(name))


def read_source(name: str) -> str:
    """Return the text of one guide with its comments for the search."""
    return (folder() / f"{name}.md").read_text("utf-8")


def title(name: str) -> str:
    """Return the first heading of a guide, without its mark."""
    first = read_source(name).lstrip().partition("\n")[0]
    return first.lstrip("# ").strip()
