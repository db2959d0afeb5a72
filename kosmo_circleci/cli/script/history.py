"""What was typed at the interactive prompt, kept from one session to the next.

One entry a line, as a JSON string, because an entry may have several lines. The file is the user's
own (0600). An entry that starts with a blank is not kept: the way to type a secret.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

KEPT: Final = 5000
"""How many entries are kept; the file may grow to twice that before it is cut."""


def history_file(environ: Mapping[str, str], home: Path) -> Path:
    """Return where the history is: in the user's state folder."""
    if environ.get("XDG_STATE_HOME"):
        folder = Path(environ["XDG_STATE_HOME"])
    elif os.name == "nt" and environ.get("LOCALAPPDATA"):
        folder = Path(environ["LOCALAPPDATA"])
    else:
        folder = home / ".local" / "state"
    return folder / "kosmo" / "lua_history"


class History:
    """The entries, oldest first. A file that cannot be read or written is done without."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.entries: list[str] = []
        with contextlib.suppress(OSError, ValueError):
            self._load()

    def add(self, entry: str) -> None:
        """Keep an entry, unless it starts with a blank or repeats the one before."""
        if not entry.strip() or entry[0].isspace() or entry in self.entries[-1:]:
            return
        self.entries.append(entry)
        with contextlib.suppress(OSError):
            self._append(json.dumps(entry) + "\n", os.O_APPEND)

    def _load(self) -> None:
        lines = self._path.read_text("utf-8").splitlines()
        for line in lines[-KEPT:]:
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, str):
                    self.entries.append(entry)
        if len(lines) > 2 * KEPT:
            self._append("".join(json.dumps(each) + "\n" for each in self.entries), os.O_TRUNC)

    def _append(self, text: str, how: int) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | how, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.chmod(self._path, 0o600)
            file.write(text)
