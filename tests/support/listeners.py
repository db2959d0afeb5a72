"""Listeners of tests: one that keeps all it hears, and one that answers questions."""

from collections.abc import Callable, Mapping

from kosmo_circleci.call.model import CallRecord, StartedCall
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.run.listener import Consent, RunListener


class Recorder(RunListener):
    """Keeps every event as (name, value), in order; answers every question with `consent`."""

    def __init__(self, consent: Consent | None = None) -> None:
        self.events: list[tuple[str, object]] = []
        self._consent = consent

    def heard(self, name: str) -> list[object]:
        """Return the values of the events of that name."""
        return [value for each, value in self.events if each == name]

    def output(self, line: str) -> None:
        self.events.append(("output", line))

    def began(self, host_cpu_s: Callable[[], float]) -> None:
        self.events.append(("began", None))

    def call_started(self, call: StartedCall) -> None:
        self.events.append(("call_started", call))

    def call_ended(self, number: int, record: CallRecord) -> None:
        self.events.append(("call_ended", (number, record)))

    def trace_headers(self, number: int) -> Mapping[str, str]:
        self.events.append(("trace_headers", number))
        return {"traceparent": f"00-{'a' * 32}-{number + 1:016x}-01"}

    def waiting(self, text: str) -> None:
        self.events.append(("waiting", text))

    def notice(self, text: str) -> None:
        self.events.append(("notice", text))

    def log(self, text: str) -> None:
        self.events.append(("log", text))

    def warning(self, text: str) -> None:
        self.events.append(("warning", text))

    def pattern(self, begins: bool) -> None:
        self.events.append(("pattern", begins))

    def secret(self, value: JsonValue) -> None:
        self.events.append(("secret", value))

    def ask(self, question: str) -> Consent | None:
        self.events.append(("ask", question))
        return self._consent


class Asking(RunListener):
    """Hands permission questions to a function."""

    def __init__(self, answer: Callable[[str], Consent | None]) -> None:
        self._answer = answer

    def ask(self, question: str) -> Consent | None:
        return self._answer(question)


class Lines(RunListener):
    """Hands printed lines to a function."""

    def __init__(self, take: Callable[[str], object]) -> None:
        self._take = take

    def output(self, line: str) -> None:
        self._take(line)
