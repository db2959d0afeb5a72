"""Any name -> a name Lua can write behind a dot."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from kosmo_circleci.script.names import LUA_KEYWORDS

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_]")


def lua_safe(name: str) -> str:
    """Return `name` as a Lua name: other characters as `_`, `_` before a digit, after a keyword."""
    safe = _UNSAFE.sub("_", name) or "_"
    if safe[0].isdigit():
        safe = f"_{safe}"
    return f"{safe}_" if safe in LUA_KEYWORDS else safe


def lua_names(names: Iterable[str]) -> dict[str, str]:
    """Return {Lua name: name} for all names, the same for any order of them.

    A name that Lua can write as it is keeps it. Of several that become the same one, the first by
    alphabet gets it and the others get `_2`, `_3`, ….
    """
    ordered = sorted(set(names), key=lambda name: (lua_safe(name) != name, name))
    originals: dict[str, str] = {}
    # Where to look on: a server may list a hundred thousand names that become the same one.
    last_numbers: dict[str, int] = {}
    for name in ordered:
        safe = free = lua_safe(name)
        number = last_numbers.get(safe, 1)
        while free in originals:
            number += 1
            free = f"{safe}_{number}"
        last_numbers[safe] = number
        originals[free] = name
    return originals


def original_name(name: str, names: Mapping[str, str]) -> str | None:
    """Return the name behind a Lua name, or the name itself if it is one; None if it is neither."""
    if name in names:
        return names[name]
    return name if name in names.values() else None
