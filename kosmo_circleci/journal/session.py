"""What a run has of all this: recorded, replayed, planned, applied, in the combinations there are.

The runtime opens one `RunJournal` per run, hands its parts to the caller and to the script's
clock, and tells it how the run ended.
"""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kosmo_circleci.call.journal import CallJournal, RunClock
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.errors import JournalError
from kosmo_circleci.journal.lifecycle import Start, Unknown
from kosmo_circleci.journal.plan import Plan, check_plan, make_plan, read_plan, write_plan
from kosmo_circleci.journal.planning import Applying, Planning
from kosmo_circleci.journal.recording import Outcome, Recording
from kosmo_circleci.journal.replay import Replay
from kosmo_circleci.journal.start import Resume, start_recording
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask


class JournalOptions(NamedTuple):
    """What was asked for: files, and how a run is resumed. `plan` and `apply` exclude each other.

    `run_id` names the run to resume; otherwise it is the newest that has not succeeded.
    """

    journal: str | None = None
    resume: bool = False
    run_id: str | None = None
    unknown: Unknown = "stop"
    replay: str | None = None
    plan: str | None = None
    apply: str | None = None


class Subject(NamedTuple):
    """The run a journal is opened for. `clock` tells the seconds that pass."""

    start: Start
    arguments: Mapping[str, JsonValue]
    mask: Mask
    catalog: Catalog
    clock: Callable[[], float] = time.monotonic
    ask: Callable[[str], Unknown] | None = None


class RunJournal:
    """The journal's side of one run.

    `calls` answers calls or records them, `clock` gives the same times again; either may be None.
    `decides_writes` says that the policy is not asked about writes: none is sent, or a plan says
    which. `replay` is there where nothing is sent at all and time only passes in the script.
    """

    def __init__(self, options: JournalOptions, subject: Subject) -> None:
        """Open what the options name. Raises `JournalError`, before anything is sent."""
        self._options = options
        self._subject = subject
        self._plan = None if options.apply is None else read_plan(options.apply)
        if self._plan is not None:
            check_plan(self._plan, subject.start, subject.arguments)
        self._recording: Recording | None = None
        self.replay: Replay | None = None
        self.planning: Planning | None = None
        self.calls: CallJournal | None = None
        if options.replay is not None:
            self.replay = Replay(options.replay, subject.start.script, subject.mask)
        elif options.journal is not None:
            self._recording = self._record(options.journal)
        self.clock: RunClock | None = self.replay or self._recording
        try:
            self.calls = self._calls()
        except BaseException:
            self.close()
            raise

    @property
    def decides_writes(self) -> bool:
        options = self._options
        return any(each is not None for each in (options.replay, options.plan, options.apply))

    def meta(self) -> dict[str, JsonValue]:
        """Return what the envelope's `meta` says: `journal`, `replay`, `plan`, `applied`."""
        meta: dict[str, JsonValue] = {}
        if self._recording is not None:
            meta["journal"] = self._recording.meta()
        if self.replay is not None:
            meta["replay"] = self.replay.meta()
        if self.planning is not None:
            meta["plan"] = {"file": self._options.plan, "writes": len(self.planning.writes)}
        if self._plan is not None:
            meta["apply"] = {"file": self._options.apply, "plan": self._plan.id}
        return meta

    def finish(self, outcome: Outcome) -> None:
        """Record how the run ended, and write the plan if it succeeded. Raises `JournalError`."""
        if self.planning is not None and self._options.plan is not None and outcome.success:
            subject = self._subject
            write_plan(
                self._options.plan,
                make_plan(subject.start, subject.arguments, self.planning.writes, subject.mask),
            )
        if self._recording is not None:
            self._recording.finish(outcome)

    def close(self) -> None:
        """Let the files go."""
        for each in (self._recording, self.replay):
            if each is not None:
                each.close()

    def _calls(self) -> CallJournal | None:
        inner = self.replay or self._recording
        if self._options.plan is not None:
            self.planning = Planning(self._subject.catalog, inner)
            return self.planning
        if self._plan is None or self._options.apply is None:
            return inner
        if self._plan.applied and self._recording is None:
            raise JournalError(_applied_message(self._options.apply, self._plan))
        _mark_applied(self._options.apply, self._plan, self._recording)
        return Applying(self._plan, inner)

    def _record(self, path: str) -> Recording:
        subject, options = self._subject, self._options
        start = subject.start
        resume = Resume(options.unknown, options.run_id, subject.ask) if options.resume else None
        if self._plan is not None:
            start = start._replace(plan=self._plan.id)
            if self._plan.applied:  # what is left of it, if the journal knows of something
                message = _applied_message(str(options.apply), self._plan)
                resume = Resume(options.unknown, options.run_id, subject.ask, message)
        return start_recording(path, start, subject.mask, resume, subject.clock)


def _mark_applied(path: str, plan: Plan, recording: Recording | None) -> None:
    """Write into the plan's file that it is applied now: before the first write, and for good."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    run = None if recording is None else recording.run.id
    write_plan(path, plan._replace(applied={"at": at, "run": run}))


def _applied_message(path: str, plan: Plan) -> str:
    at = plan.applied["at"] if plan.applied else ""
    return (
        f"The plan {path} has been applied, at {at}. Nothing was sent. Make a new plan with "
        "--plan; to finish a run that was cut short, name its --journal."
    )
