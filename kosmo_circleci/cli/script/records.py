"""The files a run leaves behind: `--trace` and `--report`."""

import datetime
import os
from dataclasses import dataclass
from pathlib import Path

from kosmo_circleci.cli.output import warn
from kosmo_circleci.cli.script.timeline import Timeline
from kosmo_circleci.errors import ConfigurationError, UsageError
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.supervisor import Job


@dataclass(frozen=True, slots=True)
class Records:
    """Where the trace and the report go (None for one that is not wanted), and what goes in."""

    trace: Path | None
    report: Path | None
    began: datetime.datetime
    timeline: Timeline

    @classmethod
    def checked(cls, trace: str | None, report: str | None, *, script: str | None) -> "Records":
        """Return the records of a run that begins now, each file of which can be written.

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
            Timeline(wants_source=report is not None),
        )

    def write(self, run: Run, job: Job) -> bool:
        """Write the files and say whether that went well; what went wrong is a warning.

        Of the script's `args` only the names are shown: the values may be secrets.
        """
        kept = True
        if self.trace is not None:
            from kosmo_circleci.cli.script.trace import chrome_trace

            kept &= _written(self.trace, chrome_trace(run, self.timeline, job.name))
        if self.report is not None:
            from kosmo_circleci.cli.script import report

            subject = report.Subject(job.name, self._source(job), tuple(job.args))
            kept &= _written(self.report, report.page(run, self.timeline, subject, self.began))
        return kept

    def _source(self, job: Job) -> str:
        from kosmo_circleci.catalog.load import load_catalog
        from kosmo_circleci.cli.accounts.status import read_configuration
        from kosmo_circleci.cli.script.masked_source import masked_source

        try:
            tokens = read_configuration().tokens()
        except ConfigurationError:
            tokens = ()  # The run has said so; and without a configuration there is no token.
        known = self.timeline.source
        text = job.code if known is None else known
        return masked_source(text, tokens, load_catalog(), seen_by_run=known is not None)


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
