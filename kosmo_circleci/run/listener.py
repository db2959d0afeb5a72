"""RunListener: what a run tells while it proceeds, and the questions it asks."""

import threading
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

from kosmo_circleci.call.model import CallRecord, StartedCall
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted
from kosmo_circleci.jsonvalue import JsonValue

Consent: TypeAlias = Literal["once", "run", "no"]
"""An answer to a permission question: this call, this function in this run, or no."""

CONSENTS: Final[tuple[Consent, ...]] = ("once", "run", "no")


class RunListener:
    """Hears how a run proceeds. Every method is a no-op: override what you need.

    Methods are called one at a time, from any thread. An exception raised by one ends the run and
    is raised to the caller; the script cannot catch it. Text is masked already.
    """

    def output(self, line: str) -> None:
        """Take a printed line, without its newline, as it is printed."""

    def began(self, host_cpu_s: Callable[[], float]) -> None:
        """The script starts; `host_cpu_s` returns the CPU seconds spent on its calls so far."""

    def call_started(self, call: StartedCall) -> None:
        """A request is about to be sent."""

    def call_ended(self, number: int, record: CallRecord) -> None:
        """Request `number` has ended; -1 is a call to another server than CircleCI."""

    def trace_headers(self, number: int) -> Mapping[str, str]:
        """Return the headers that let request `number`, which has started, continue a trace.

        They go to the account's own origin. Asked only where `RunSettings.traceparent` is set.
        """
        return {}

    def waiting(self, text: str) -> None:
        """`flow` waits for what `text` says, until the next text; an empty one ends the wait."""

    def notice(self, text: str) -> None:
        """`flow` has seen a change that a person may want to read."""

    def log(self, text: str) -> None:
        """The script has written a line with `log`."""

    def warning(self, text: str) -> None:
        """The configuration, or an answer of CircleCI, draws a warning."""

    def pattern(self, begins: bool) -> None:
        """A regular expression starts to match (True), or has ended."""

    def secret(self, value: JsonValue) -> None:
        """`value` must not be shown from now on; text passed on earlier may hold it."""

    def ask(self, question: str) -> Consent | None:
        """Put a permission question to a person; None means that no person can answer."""
        return None


class ForwardingListener(RunListener):
    """Passes everything on to `inner`: the base of a listener that wraps another."""

    def __init__(self, inner: RunListener) -> None:
        self.inner = inner

    def output(self, line: str) -> None:
        self.inner.output(line)

    def began(self, host_cpu_s: Callable[[], float]) -> None:
        self.inner.began(host_cpu_s)

    def call_started(self, call: StartedCall) -> None:
        self.inner.call_started(call)

    def call_ended(self, number: int, record: CallRecord) -> None:
        self.inner.call_ended(number, record)

    def trace_headers(self, number: int) -> Mapping[str, str]:
        return self.inner.trace_headers(number)

    def waiting(self, text: str) -> None:
        self.inner.waiting(text)

    def notice(self, text: str) -> None:
        self.inner.notice(text)

    def log(self, text: str) -> None:
        self.inner.log(text)

    def warning(self, text: str) -> None:
        self.inner.warning(text)

    def pattern(self, begins: bool) -> None:
        self.inner.pattern(begins)

    def secret(self, value: JsonValue) -> None:
        self.inner.secret(value)

    def ask(self, question: str) -> Consent | None:
        return self.inner.ask(question)


class GuardedListener(RunListener):
    """Passes everything on to `listener`, and keeps what it raises away from the script.

    The first exception ends the run through `deadline`; `reraise` gives it to the host.
    """

    def __init__(self, listener: RunListener, deadline: Deadline) -> None:
        self._listener = listener
        self._deadline = deadline
        self._error: Exception | None = None
        self._lock = threading.RLock()

    def reset(self, deadline: Deadline) -> None:
        """Guard the next run, which ends with `deadline`."""
        self._deadline, self._error = deadline, None

    def reraise(self) -> None:
        """Raise what the listener raised, if it did."""
        if self._error is not None:
            raise self._error

    def output(self, line: str) -> None:
        self._guarded(lambda: self._listener.output(line))

    def began(self, host_cpu_s: Callable[[], float]) -> None:
        self._guarded(lambda: self._listener.began(host_cpu_s))

    def call_started(self, call: StartedCall) -> None:
        self._guarded(lambda: self._listener.call_started(call))

    def call_ended(self, number: int, record: CallRecord) -> None:
        self._guarded(lambda: self._listener.call_ended(number, record))

    def trace_headers(self, number: int) -> Mapping[str, str]:
        headers: dict[str, str] = {}
        self._guarded(lambda: headers.update(self._listener.trace_headers(number)))
        return headers

    def waiting(self, text: str) -> None:
        self._guarded(lambda: self._listener.waiting(text))

    def notice(self, text: str) -> None:
        self._guarded(lambda: self._listener.notice(text))

    def log(self, text: str) -> None:
        self._guarded(lambda: self._listener.log(text))

    def warning(self, text: str) -> None:
        self._guarded(lambda: self._listener.warning(text))

    def pattern(self, begins: bool) -> None:
        self._guarded(lambda: self._listener.pattern(begins))

    def secret(self, value: JsonValue) -> None:
        self._guarded(lambda: self._listener.secret(value))

    def ask(self, question: str) -> Consent | None:
        answers: list[Consent | None] = []
        self._guarded(lambda: answers.append(self._listener.ask(question)))
        return answers[0]

    def _guarded(self, tell: Callable[[], None]) -> None:
        try:
            with self._lock:
                tell()
        except MemoryError:
            raise
        except Exception as error:
            if error is self._deadline.reason():
                raise  # no fault of the listener: it looked at the deadline
            if self._error is None:
                self._error = error
            # Errors that end the run pass every pcall, see `Host.refusal`.
            self._deadline.cancel(Interrupted("The program that runs this script failed."))
            self._deadline.check()
