"""What Lua takes for a name: `table.name` needs one, and so does every account."""

import re
from typing import Final

LUA_KEYWORDS: Final = (
    *("and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if"),
    *("in", "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while"),
)
"""Words that cannot be names (Lua 5.4 manual, section 3.1)."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_lua_name(text: str) -> bool:
    """Say whether Lua can write `table.text`."""
    return bool(_NAME.fullmatch(text)) and text not in LUA_KEYWORDS
