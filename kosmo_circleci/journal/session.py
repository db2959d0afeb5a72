"""What a run has of all this: recorded, replayed, planned, applied, in the combinations there are.

The runtime opens one `JournalSession` per run of a script; the caller and the script's clock use
its parts, and it is told how the run ended.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from kosmo_circleci.call.journal import CallJournal, JournalCall, RunClock
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import Kind
from kosmo_circleci.errors import JournalError
from kosmo_circleci.files.atomic import exclusive
from kosmo_circleci.journal.lifecycle import Start
from kosmo_circleci.journal.plan import (
    SIGNS,
    Plan,
    action_of,
    check_plan,
    make_plan,
    read_plan,
    write_plan,
)
from kosmo_circleci.journal.planning import Applying, Planning
from kosmo_circleci.journal.recording import Outcome, Recording
from kosmo_circleci.journal.replay import Replay
from kosmo_circleci.journal.start import Resume, start_recording
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.settings import JournalSettings, Unknown
from kosmo_circleci.script.modules import Modules
from kosmo_circleci.wording import printable


class Subject(NamedTuple):
    """The run a journal is opened for. `clock` tells the seconds that pass.

    `ask` puts a lost write to a person, who decides about it. `modules` are those the script loads.
    """

    start: Start
    arguments: Mapping[str, JsonValue]
    mask: Mask
    catalog: Catalog
    clock: Callable[[], float] = time.monotonic
    ask: Callable[[str], Unknown] | None = None
    modules: Modules = Modules(())


class JournalSession:
    """A `RunJournal`: `calls` answers calls or records them, `clock` repeats times."""

    def __init__(self, settings: JournalSettings, subject: Subject) -> None:
        """Open what the settings name. Raises `JournalError`, before anything is sent."""
        with _plan_held(settings.apply):
            self._open(settings, subject)

    def _open(self, settings: JournalSettings, subject: Subject) -> None:
        self._settings = settings
        self._subject = subject
        self._plan = None if settings.apply is None else read_plan(settings.apply)
        if self._plan is not None:
            check_plan(self._plan, subject.start, subject.arguments, subject.modules)
        self._recording: Recording | None = None
        self._replay: Replay | None = None
        self._planning: Planning | None = None
        if settings.replay is not None:
            self._replay = Replay(settings.replay, subject.start.script, subject.mask)
        elif settings.file is not None:
            self._recording = self._record(settings.file)
        self.clock: RunClock | None = self._replay or self._recording
        self.is_offline = self._replay is not None
        self.decides: frozenset[Kind] = _decided_kinds(settings)
        try:
            self.calls: CallJournal | None = self._calls()
        except BaseException:
            self.close()
            raise

    @property
    def shaped(self) -> int:
        return 0 if self._planning is None else self._planning.shaped

    def reserve(self, call: JournalCall) -> bool:
        return self._recording is not None and self._recording.reserve(call)

    def is_planned(self, value: JsonValue) -> bool:
        return self._planning is not None and self._planning.is_planned(value)

    def advance(self, seconds: float) -> None:
        if self._replay is not None:
            self._replay.advance(seconds)

    def meta(self) -> dict[str, JsonValue]:
        meta: dict[str, JsonValue] = {}
        if self._recording is not None:
            meta["journal"] = self._recording.meta()
        if self._replay is not None:
            meta["replay"] = self._replay.meta()
        if self._planning is not None:
            counts = Counter(map(action_of, self._planning.writes))
            meta["plan"] = {
                "file": self._settings.plan,
                "writes": counts.total(),
                **{action: counts[action] for action in SIGNS},
            }
        if self._plan is not None:
            meta["apply"] = {"file": self._settings.apply, "plan": self._plan.id}
        return meta

    def finish(self, error: str | None, error_type: str | None) -> None:
        """Record how the run ended, and write the plan of one that succeeded."""
        subject = self._subject
        if self._planning is not None and self._settings.plan is not None and error is None:
            calls = [*zip(self._planning.writes, self._planning.issued, strict=True)]
            plan = make_plan(subject.start, subject.arguments, calls, subject.mask)
            modules = {name: each.sha256 for name, each in subject.modules.loaded.items()}
            write_plan(self._settings.plan, plan._replace(modules=modules))
        if self._recording is not None:
            arguments: JsonValue = dict(subject.arguments)
            self._recording.finish(Outcome(error is None, error, error_type, arguments))

    def close(self) -> None:
        for each in (self._recording, self._replay):
            if each is not None:
                each.close()

    def _calls(self) -> CallJournal | None:
        inner = self._replay or self._recording
        if self._settings.plan is not None:
            self._planning = Planning(self._subject.catalog, inner)
            return self._planning
        if self._plan is None or self._settings.apply is None:
            return inner
        if self._plan.applied and self._recording is None:
            raise JournalError(_applied_message(self._settings.apply, self._plan))
        _mark_applied(self._settings.apply, self._plan, self._recording)
        return Applying(self._plan, inner)

    def _record(self, path: str) -> Recording:
        subject, settings = self._subject, self._settings
        start = subject.start
        resume = None
        if settings.resume or settings.run_id is not None:
            resume = Resume(settings.unknown, settings.run_id, subject.ask)
        if self._plan is not None:
            start = start._replace(plan=self._plan.id)
            if self._plan.applied:  # what is left of it, if the journal knows of something
                message = _applied_message(str(settings.apply), self._plan)
                resume = Resume(settings.unknown, settings.run_id, subject.ask, message)
        return start_recording(path, start, subject.mask, resume, subject.clock)


def _decided_kinds(settings: JournalSettings) -> frozenset[Kind]:
    if settings.replay is not None:
        return frozenset({"read", "write"})
    if settings.plan is not None or settings.apply is not None:
        return frozenset({"write"})
    return frozenset()


@contextlib.contextmanager
def _plan_held(path: str | None) -> Iterator[None]:
    """Let no other run read the plan until this one has marked it: two would both apply it."""
    with contextlib.ExitStack() as held:
        if path is not None and Path(path).exists():
            try:
                held.enter_context(exclusive(Path(path)))
            except TimeoutError:
                raise JournalError(
                    f"Another process is applying the plan {printable(path)}. Nothing was sent."
                ) from None
        yield


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
