"""The header of a script as the rules see it, with the places of what it says."""

import re
from typing import NamedTuple

from kosmo_circleci.check.source import Source
from kosmo_circleci.check.tree import Fault
from kosmo_circleci.workflows.header import HeaderError, parse


class ScriptHeader(NamedTuple):
    """The declared names; `fault` is what is wrong with the header, where it cannot be read."""

    text: bytes
    arguments: tuple[str, ...] = ()
    writes: tuple[str, ...] | None = None
    fault: Fault | None = None

    def start_of(self, write: str) -> int:
        """Return where a function is named in `@writes`, in bytes."""
        pattern = rb"@writes\b[^\n]*?\b" + re.escape(write.encode()) + rb"\b"
        match = re.search(pattern, self.text)
        return 0 if match is None else match.end() - len(write.encode())


def read_header(source: Source) -> ScriptHeader:
    """Return the header of a script; never raises."""
    text = source.text.decode("utf-8", "surrogateescape")
    try:
        header = parse(text, "")
    except HeaderError as error:
        return ScriptHeader(source.text, fault=Fault(source.line_start(error.line), error.reason))
    names = tuple(each.name for each in header.arguments)
    return ScriptHeader(source.text, names, header.writes)
