"""Names of files inside a folder: which ones there are, and their parts."""

import re
from typing import Final

MAX_NAME_BYTES: Final = 4096
MAX_PARTS: Final = 100
"""How deep folders may lie inside one another: each level is an open descriptor."""

# Line ends and the like would forge lines of a list, and colours of a terminal.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Refused(Exception):
    """What may not be done. The text is the end of a sentence: `leads out of the folder`."""


def parts_of(name: bytes) -> tuple[str, ...]:
    """Return the parts of a relative name, `a/b.txt` -> ("a", "b.txt").

    Dots alone (`./a`) and doubled slashes are dropped. Nothing is normalized: characters that look
    like a dot or a slash are characters like others. Raises `Refused`.
    """
    if len(name) > MAX_NAME_BYTES:
        raise Refused(f"is longer than {MAX_NAME_BYTES} bytes")
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("is not UTF-8") from None
    if reason := _refusal(text):
        raise Refused(reason)
    parts = tuple(part for part in text.split("/") if part not in ("", "."))
    if ".." in parts:
        raise Refused("has '..' in it, and a name cannot lead out of the folder")
    if len(parts) > MAX_PARTS:
        raise Refused(f"has more than {MAX_PARTS} parts")
    if not parts or text.endswith(("/", "/.")):
        raise Refused("names a folder, not a file" if text else "is empty")
    return parts


def _refusal(text: str) -> str | None:
    control = _CONTROL.search(text)
    if control is not None:
        return f"has a control character in it (U+{ord(control[0]):04X})"
    if text.startswith("/"):
        return "is absolute; names are relative to the folder"
    if text.startswith("~"):
        return "begins with '~', which is not a home folder here"
    if "\\" in text:
        return "has a backslash in it; folders are separated by '/'"
    return None
