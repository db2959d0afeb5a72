"""What a check found, for people and for programs."""

from collections.abc import Iterable
from typing import NamedTuple

from kosmo_circleci.jsonvalue import JsonValue, encode


class Finding(NamedTuple):
    """One fault. `line` and `column` count from 1, the column in characters."""

    file: str
    line: int
    column: int
    message: str
    rule: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message} [{self.rule}]"


class Report(NamedTuple):
    """The findings, in the order of the text, and the functions that may be called, by name.

    `*` among them says that a name is made at run time, so that it may be any function.
    """

    findings: tuple[Finding, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    @property
    def success(self) -> bool:
        """True without findings."""
        return not self.findings

    @property
    def calls(self) -> dict[str, JsonValue]:
        """The functions that may be called: `{read, write}`."""
        return {"read": list(self.reads), "write": list(self.writes)}

    def to_dict(self) -> dict[str, JsonValue]:
        """Return the report as JSON: `{success, findings, calls: {read, write}}`."""
        findings: list[JsonValue] = [dict(each._asdict()) for each in self.findings]
        return {"success": self.success, "findings": findings, "calls": self.calls}

    def to_json(self) -> str:
        """Return the report as one line of JSON."""
        return encode(self.to_dict())

    def to_text(self) -> str:
        """Return the findings, one a line, then the functions that may be called."""
        lines = [str(each) for each in self.findings]
        lines += [
            f"{kind}: {', '.join(names)}"
            for kind, names in (("reads", self.reads), ("writes", self.writes))
            if names
        ]
        return "\n".join(lines)

    def refusal(self) -> str:
        """Return why a run does not start that the findings are to prevent."""
        count = len(self.findings)
        faults = "1 fault was found" if count == 1 else f"{count} faults were found"
        return "\n".join([f"Nothing was run: {faults}.", *map(str, self.findings)])


def merge(reports: Iterable[Report]) -> Report:
    """Return the report on several files."""
    every = list(reports)
    return Report(
        tuple(finding for each in every for finding in each.findings),
        tuple(sorted({name for each in every for name in each.reads})),
        tuple(sorted({name for each in every for name in each.writes})),
    )
