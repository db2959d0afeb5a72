"""The calls of a script: one at a time, or as tickets while `flow` keeps several in flight.

Arguments are checked and answers decoded on the script's thread; only the waiting happens on
others. What goes there is a `PreparedCall`, or the JSON arguments of an extension: never a
Lua value.
"""

import threading
import time
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.model import PreparedCall, RawArguments
from kosmo_circleci.caller import Caller, Performed
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import Kind
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import KosmoError, ScriptError, ValidationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.lua.extension import Extension, ExtensionSource
from kosmo_circleci.lua.values import Answer, LuaValues
from kosmo_circleci.masking import Mask

if TYPE_CHECKING:
    from kosmo_circleci.lua.tickets import Tickets

Finish: TypeAlias = Callable[[Any], JsonValue]


class _InFlight(NamedTuple):
    spoken_name: str
    finish: Finish
    prepared: PreparedCall | None
    began: float


class Calls:
    """API and extension calls of one run."""

    def __init__(
        self,
        catalog: Catalog,
        caller: Caller,
        values: LuaValues,
        extension: ExtensionSource | None,
        clock: "Clock",
    ) -> None:
        self._catalog = catalog
        self._caller = caller
        self._values = values
        self._source = extension
        self._extension: Extension | None = None
        self._door = _Door(caller)
        self._clock = clock
        self._tickets: Tickets[Any] | None = None
        self._in_flight: dict[int, _InFlight] = {}
        self._scopes: dict[int, Deadline] = {0: caller.deadline}
        self._next_scope = count(1)
        self.host_cpu_s = 0.0

    def functions(self) -> dict[str, Callable[..., Answer]]:
        """Return the functions by the names the prelude calls."""
        return {
            "call": self._timed(self._call),
            "submit_call": self._timed(self._submit_call),
            "extension": self._timed(self._extend),
            "submit_extension": self._timed(self._submit_extension),
            "open_scope": self._open_scope,
            "close_scope": self._close_scope,
            "call_off": self._call_off_scope,
            "wait": self._timed(self._wait),
            "now": lambda: (self._clock.now_s(),),
            "sleep": self._timed(self._sleep),
        }

    def call_off(self) -> None:
        """Call off what a script left in flight, and let its threads go."""
        if self._tickets is not None:
            self._tickets.call_off(self._scopes[0])
            self._tickets.close()
            self._tickets = None
        self._in_flight.clear()

    def renew(self) -> None:
        """Begin the next script of this state, under the caller's new deadline."""
        self.call_off()
        self._scopes = {0: self._caller.deadline}
        self.host_cpu_s = 0.0

    def close(self) -> None:
        """Let go of threads and extensions."""
        self.call_off()
        if self._extension is not None:
            self._extension.close()

    def _timed(self, function: Callable[..., Answer]) -> Callable[..., Answer]:
        # Sending, waiting and decoding are the host's work, not the script's CPU time.
        def timed(*arguments: Any) -> Answer:
            started = time.thread_time()
            try:
                return function(*arguments)
            finally:
                self.host_cpu_s += time.thread_time() - started

        return timed

    def _call(self, name: bytes, account: bytes, spoken: bytes, named: bool, text: bytes) -> Answer:
        prepared = self._prepare(name, account, spoken, named, text)
        value = self._caller.finish(prepared, self._caller.perform(prepared))
        return self._values.build(value)

    def _submit_call(
        self, scope: int, name: bytes, account: bytes, spoken: bytes, named: bool, text: bytes
    ) -> Answer:
        prepared = self._prepare(name, account, spoken, named, text)
        deadline = self._scopes[scope]

        def finish(performed: Performed) -> JsonValue:
            return self._caller.finish(prepared, performed)

        return self._submit(
            deadline,
            lambda: self._caller.perform(prepared, deadline),
            prepared.spoken_name,
            finish,
            prepared,
        )

    def _prepare(
        self, name: bytes, account: bytes, spoken: bytes, named: bool, text: bytes
    ) -> PreparedCall:
        function = self._catalog.get(name.decode())
        assert function is not None
        raw = _raw_arguments(function.name, jsonvalue.decode(text), named)
        return self._caller.prepare(function, account.decode(), spoken.decode(), raw)

    def _extend(self, name: bytes, text: bytes) -> Answer:
        return self._values.build(self._extended(name.decode(), _array(text)))

    def _submit_extension(self, scope: int, name: bytes, text: bytes) -> Answer:
        called, arguments = name.decode(), _array(text)
        return self._submit(
            self._scopes[scope], lambda: self._extended(called, arguments), called, lambda got: got
        )

    def _extended(self, name: str, arguments: list[JsonValue]) -> JsonValue:
        if self._source is None:
            raise ScriptError(f"{name} is not available in this run")
        with self._door.lock:
            if self._extension is None:
                self._extension = self._source()
        return self._extension.call(name, arguments, self._door)

    def _submit(
        self,
        scope: Deadline,
        work: Callable[[], Any],
        spoken_name: str,
        finish: Finish,
        prepared: PreparedCall | None = None,
    ) -> Answer:
        number = self._pool().submit(work, scope)
        self._in_flight[number] = _InFlight(spoken_name, finish, prepared, time.perf_counter())
        return (number,)

    def _pool(self) -> "Tickets[Any]":
        if self._tickets is None:
            from kosmo_circleci.lua.tickets import Tickets

            self._tickets = Tickets(self._caller.deadline)
        return self._tickets

    def _open_scope(self, parent: int, concurrency: Any) -> Answer:
        """Open what can be called off as a whole: (its number, how many branches run at once)."""
        from kosmo_circleci.lua.tickets import bounded_concurrency

        asked = bounded_concurrency(concurrency)
        if asked is None:
            raise ValidationError(
                "flow.map: 'concurrency' takes a whole number from 1 to 100",
                function_name="flow.map",
            )
        pool = self._pool()
        if parent == 0:
            pool.capacity = max(pool.capacity, asked)
        number = next(self._next_scope)
        self._scopes[number] = self._scopes[parent].child()
        return (number,)

    def _close_scope(self, scope: int) -> Answer:
        del self._scopes[scope]
        return ()

    def _call_off_scope(self, scope: int) -> Answer:
        """Stop what is in flight in a scope; what had been sent goes into the log as an error."""
        for ticket in self._pool().call_off(self._scopes[scope]):
            call = self._in_flight.pop(ticket.number)
            if call.prepared is not None:
                self._caller.abandon(call.prepared, call.began)
        return ()

    def _wait(self, timeout_s: float | None) -> Answer:
        """Wait for the next call that ends: (ticket, ok, value or fields, marks), or (nil)."""
        pool = self._pool()
        if pool.in_flight == 0:
            self._clock.sleep(self._caller.deadline, timeout_s or 0.0)
            return (None,)
        ticket = pool.wait(timeout_s)
        if ticket is None:
            return (None,)
        call = self._in_flight.pop(ticket.number)
        try:
            if ticket.error is not None:
                raise ticket.error
            return (ticket.number, True, *self._values.build(call.finish(ticket.outcome)))
        except KosmoError as error:
            return (ticket.number, False, *self._values.build(error.fields()))

    def _sleep(self, seconds: float) -> Answer:
        self._clock.sleep(self._caller.deadline, seconds)
        return ()


class Clock:
    """The time scripts wait by."""

    def now_s(self) -> float:
        """Return the seconds since some fixed moment."""
        return time.monotonic()

    def sleep(self, deadline: Deadline, seconds: float) -> None:
        """Wait, but not past the end of the run."""
        deadline.sleep(seconds)


class _Door:
    """A run as its extension sees it."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self.lock = threading.RLock()

    @property
    def deadline(self) -> Deadline:
        return self._caller.deadline

    @property
    def mask(self) -> Mask:
        return self._caller.mask

    def permit(self, kind: Kind, name: str, spoken_name: str, question: str) -> None:
        with self.lock:
            self._caller.permit(kind, name, spoken_name, lambda: question)

    def record(
        self, spoken_name: str, tool: str, server: str, *, ok: bool, duration_ms: float
    ) -> None:
        with self.lock:
            self._caller.record_elsewhere(spoken_name, tool, server, ok=ok, duration_ms=duration_ms)


def _raw_arguments(function: str, given: JsonValue, named: bool) -> RawArguments:
    if not named:
        assert isinstance(given, list)
        return RawArguments(positional=tuple(given))
    if isinstance(given, dict):
        return RawArguments(named=given)
    if not given:
        return RawArguments()
    raise ValidationError(
        f"{function}: the arguments are a list; write {function}({{name = value}}), "
        f"or positional arguments without the braces: {function}(value, …)",
        function_name=function,
    )


def _array(text: bytes) -> list[JsonValue]:
    arguments = jsonvalue.decode(text)
    assert isinstance(arguments, list)
    return arguments
