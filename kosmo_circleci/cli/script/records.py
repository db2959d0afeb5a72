"""The files a run leaves behind: `--trace` and `--report`."""

import datetime
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kosmo_circleci.cli.output import warn
from kosmo_circleci.cli.script.timeline import Timeline
from kosmo_circleci.errors import UsageError
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.settings import RunSettings

_NO_SOURCE: Final = (
    "-- Not shown: the run was killed, and only its process knew which values are secrets."
)


@dataclass(frozen=True, slots=True)
class Records:
    """Where the trace and the report go (None: not asked for), and what goes in."""

    trace: Path | None
    report: Path | None
    started: datetime.datetime
    timeline: Timeline

    @classmethod
    def checked(cls, trace: str | None, report: str | None, *, script: str | None) -> "Records":
        """Return the records of a run that starts now, each file of which can be written.

        Raises `UsageError` before anything runs: for a file that cannot be written, and for one
        that would overwrite the script or the other.
        """
        for option, file in (("--trace", trace), ("--report", report)):
            if file is not None:
                _check(option, file, script)
        if trace is not None and report is not None and os.path.samefile(trace, report):
            raise UsageError(f"--trace and --report name the same file: {trace}. Name two.")
        return cls(
            None if trace is None else Path(trace),
            None if report is None else Path(report),
            datetime.datetime.now(datetime.UTC),
            Timeline(),
        )

    def write(self, run: Run, settings: RunSettings) -> bool:
        """Write the files and say whether that worked; what failed is a warning.

        Of the script's `args` only the names are shown: the values may be secrets.
        """
        kept = True
        if self.trace is not None:
            from kosmo_circleci.cli.script.trace import chrome_trace

            kept &= _written(self.trace, chrome_trace(run, self.timeline, settings.name))
        if self.report is not None:
            from kosmo_circleci.cli.script import report

            # The process that ran the script knows what to mask; a killed one cannot tell.
            source = _NO_SOURCE if run.masked_source is None else run.masked_source
            subject = report.Subject(settings.name, source, tuple(settings.args))
            kept &= _written(self.report, report.page(run, self.timeline, subject, self.started))
        return kept


def _check(option: str, file: str, script: str | None) -> None:
    try:
        if script is not None and os.path.exists(file) and os.path.samefile(file, script):
            raise UsageError(f"{option} {file}: that is the script itself. Name another file.")
        with open(file, "a"):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "cannot be written"
        raise UsageError(f"{option} {file}: {reason}. Name a file that can be written.") from None


def _written(path: Path, text: str) -> bool:
    try:
        path.write_text(text + "\n", "utf-8", errors="replace")
    except OSError as error:
        warn(f"{path}: {error.strerror or 'cannot be written'}")
        return False
    return True
