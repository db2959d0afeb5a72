"""Finds lua_docs/ in a wheel or a checkout. Every NAME.md in it is a guide."""

from functools import cache
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parent.parent


@cache
def folder() -> Path:
    """Return the folder of the guides: inside the package in a wheel, beside it in a checkout."""
    packaged = _PACKAGE / "lua_docs"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "lua_docs"


def names() -> tuple[str, ...]:
    """Return the names of all guides, `circleci` first, then by alphabet."""
    found = sorted(path.stem for path in folder().glob("*.md"))
    return tuple(sorted(found, key=lambda name: name != "circleci"))


def read(name: str) -> str:
    """Return the text of one guide; `name` is one of `names()`."""
    return (folder() / f"{name}.md").read_text("utf-8")


def title(name: str) -> str:
    """Return the first heading of a guide, without its mark."""
    first = read(name).lstrip().partition("\n")[0]
    return first.lstrip("# ").strip()
