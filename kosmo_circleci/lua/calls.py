"""The calls of a script: one at a time, or as tickets while `flow` keeps several in flight.

Arguments are checked and answers decoded on the script's thread; only the waiting happens on
others. What goes there is a `PreparedCall`, or the JSON arguments of an extension: never a
Lua value.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.exchange import Performed
from kosmo_circleci.call.model import PreparedCall, RawArguments
from kosmo_circleci.caller.caller import Caller
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import KosmoError, ScriptError, ValidationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.lua.clock import Clock
from kosmo_circleci.lua.extension import Extension, ExtensionContext, ExtensionSource
from kosmo_circleci.lua.values import Answer, LuaValues, lua_bytes, python_text

if TYPE_CHECKING:
    from kosmo_circleci.lua.tickets import Ticket, Tickets

Finish: TypeAlias = Callable[[Any], JsonValue]


class Waiting(Protocol):
    """What a script waits for beside its API calls. `perform` may run on any thread."""

    def perform(self, deadline: Deadline) -> Any:
        """Do what takes its time; `deadline` may be that of a part of the run."""
        ...

    def finish(self, outcome: Any) -> JsonValue:
        """Return the value for the script, or raise the `KosmoError` that stopped it."""
        ...

    def abandon(self) -> None:
        """Take note that it was cancelled on its way."""
        ...


class _InFlight(NamedTuple):
    finish: Finish
    abandon: Callable[[], None] | None


class Calls:
    """API and extension calls of one run."""

    def __init__(
        self,
        catalog: Catalog,
        caller: Caller,
        values: LuaValues,
        extension: ExtensionSource | None,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._caller = caller
        self._values = values
        self._source = extension
        self._extension: Extension | None = None
        self._context = ExtensionContext(caller)
        self._clock = clock
        self._tickets: Tickets[Any] | None = None
        # A child of the run's deadline, which is not this object's to end.
        self._scopes: dict[int, Deadline] = {0: caller.deadline.child()}
        self._next_scope = count(1)
        # What the host computes on the script's thread, less what counts as the script's doing.
        self.host_cpu_s = 0.0
        self._cpu_lock = threading.Lock()

    def functions(self) -> dict[str, Callable[..., Answer]]:
        """Return the functions by the names the prelude calls."""
        return {
            "call": self._timed(self._call),
            "submit_call": self._timed(self._submit_call),
            "extension": self._extend,
            "submit_extension": self._timed(self._submit_extension),
            "open_scope": self._open_scope,
            "close_scope": self._close_scope,
            "cancel": self._cancel_scope,
            "wait": self._timed(self._wait),
            "now": lambda: (self._clock.now_s(),),
            "sleep": self._timed(self._sleep),
            "sleep_until": self._timed(self._sleep_until),
            "branch_now": lambda branch: (self._clock.branch_now_s(branch.decode()),),
            "branch_epoch": lambda branch: (self._clock.branch_epoch_s(branch.decode()),),
            "clock_kind": lambda: (self._clock.kind.encode(),),
            "seed": lambda branch: self._clock.seed(branch.decode()),
            "shaped": lambda: (self._caller.journal.shaped if self._caller.journal else 0,),
            "nearest": _nearest,
            "paging": self._paging,
            "refuse_arguments": self._refuse_arguments,
        }

    @property
    def deadline(self) -> Deadline:
        """When the run must end."""
        return self._caller.deadline

    def waiting_functions(
        self, name: str, prepare: Callable[..., Waiting]
    ) -> dict[str, Callable[..., Answer]]:
        """Return the two functions behind `core.call_waiting(name, …)`: in place, and in a branch.

        `prepare` takes what the script passes, and counts as the script's CPU time.
        """

        def call(*arguments: Any) -> Answer:
            waiting = prepare(*arguments)
            return self._timed(
                lambda: self._values.build(waiting.finish(waiting.perform(self._caller.deadline)))
            )()

        def submit(scope: int, *arguments: Any) -> Answer:
            waiting, deadline = prepare(*arguments), self._scopes[scope]
            return self._submit(
                deadline, lambda: waiting.perform(deadline), waiting.finish, waiting.abandon
            )

        return {name: call, f"submit_{name}": submit}

    def _paging(self, name: bytes) -> Answer:
        """Answer what `flow.each` must know of a list beside the form of its answers."""
        function = self._catalog[name.decode()]
        first_only = [each.name for each in function.parameters if each.first_page_only]
        repeats = function.paging is not None and function.paging.repeats
        return self._values.build({"first_page_only": [*first_only], "repeats": repeats})

    def cancel(self) -> None:
        """Cancel what a script left in flight, and let its threads go."""
        if self._tickets is not None:
            self._abandon(self._tickets.cancel(self._scopes[0]))
            self._tickets.close()
            self._tickets = None

    def reset(self) -> None:
        """Begin the next script of this state, under the caller's new deadline."""
        self.cancel()
        self._scopes = {0: self._caller.deadline.child()}
        self.host_cpu_s = 0.0

    def close(self) -> None:
        """Let go of threads and extensions."""
        self.cancel()
        if self._extension is not None:
            self._extension.close()

    def _timed(self, function: Callable[..., Answer]) -> Callable[..., Answer]:
        # Sending, waiting and decoding are the host's work, not the script's CPU time.
        def timed(*arguments: Any) -> Answer:
            started = time.thread_time()
            try:
                return function(*arguments)
            finally:
                with self._cpu_lock:
                    self.host_cpu_s += time.thread_time() - started

        return timed

    def _call(
        self, name: bytes, account: bytes, call_path: bytes, named: bool, text: bytes
    ) -> Answer:
        prepared = self._prepare(name, account, call_path, named, text)
        value = self._caller.finish(prepared, self._caller.perform(prepared))
        return self._values.build(value)

    def _submit_call(
        self, scope: int, name: bytes, account: bytes, call_path: bytes, named: bool, text: bytes
    ) -> Answer:
        prepared = self._prepare(name, account, call_path, named, text)
        deadline = self._scopes[scope]

        def finish(performed: Performed) -> JsonValue:
            return self._caller.finish(prepared, performed)

        return self._submit(
            deadline,
            lambda: self._caller.perform(prepared, deadline),
            finish,
            lambda: self._caller.log.abandon(prepared),
        )

    def _prepare(
        self, name: bytes, account: bytes, call_path: bytes, named: bool, text: bytes
    ) -> PreparedCall:
        started = time.thread_time()
        function = self._catalog.get(name.decode())
        assert function is not None
        try:
            raw = _raw_arguments(function.name, jsonvalue.decode(text), named)
            return self._caller.prepare(function, account.decode(), call_path.decode(), raw)
        finally:
            # Unlike the exchange, checking what a script passes is the script's doing: a loop of
            # refused calls would otherwise compute without an end.
            with self._cpu_lock:
                self.host_cpu_s -= time.thread_time() - started

    def _refuse_arguments(self, name: bytes, named: bool, text: bytes) -> Answer:
        """Raise what is wrong with arguments that JSON cannot carry; `text` has stand-ins."""
        from kosmo_circleci.call.arguments import bind
        from kosmo_circleci.lua.foreign import restored

        function = self._catalog[name.decode()]
        bind(function, _raw_arguments(function.name, restored(jsonvalue.decode(text)), named))
        return ()

    def _extend(self, name: bytes, text: bytes) -> Answer:
        return self._values.build(self._extended(name.decode(), _array(text), self._context))

    def _submit_extension(self, scope: int, name: bytes, text: bytes) -> Answer:
        called, arguments = name.decode(), _array(text)
        deadline = self._scopes[scope]
        context = self._context.within(deadline)

        def work() -> JsonValue:
            # What an extension computes is the script's CPU time, on whatever thread.
            started_s = time.thread_time()
            try:
                return self._extended(called, arguments, context)
            finally:
                with self._cpu_lock:
                    self.host_cpu_s -= time.thread_time() - started_s

        return self._submit(deadline, work, lambda value: value)

    def _extended(
        self, name: str, arguments: list[JsonValue], context: ExtensionContext
    ) -> JsonValue:
        if self._source is None:
            raise ScriptError(f"{name} is not available in this run")
        with self._context.lock:
            if self._extension is None:
                self._extension = self._source()
        return self._extension.call(name, arguments, context)

    def _submit(
        self,
        scope: Deadline,
        work: Callable[[], Any],
        finish: Finish,
        abandon: Callable[[], None] | None = None,
    ) -> Answer:
        return (self._pool().submit(work, scope, _InFlight(finish, abandon)),)

    def _pool(self) -> "Tickets[Any]":
        if self._tickets is None:
            from kosmo_circleci.lua.tickets import InlineTickets, ThreadedTickets

            kind = InlineTickets if self._clock.is_simulated else ThreadedTickets
            self._tickets = kind(self._caller.deadline)
        return self._tickets

    def _open_scope(self, parent: int, concurrency: float) -> Answer:
        """Open what can be cancelled as a whole, and return its number.

        The pool is one for all scopes: a scope inside another does not widen it.
        """
        from kosmo_circleci.lua.tickets import MAX_CONCURRENCY

        pool = self._pool()
        if parent == 0:
            pool.capacity = max(pool.capacity, min(int(concurrency), MAX_CONCURRENCY))
        number = next(self._next_scope)
        self._scopes[number] = self._scopes[parent].child()
        return (number,)

    def _close_scope(self, scope: int) -> Answer:
        del self._scopes[scope]
        return ()

    def _cancel_scope(self, scope: int) -> Answer:
        """Stop what is in flight in a scope, and close it."""
        # A group that ran out of memory while it was stopped is stopped once more.
        deadline = self._scopes.pop(scope, None)
        if deadline is not None:
            self._abandon(self._pool().cancel(deadline))
        return ()

    def _abandon(self, dropped: "list[Ticket[Any]]") -> None:
        # What was sent is in the log, whether or not anybody is left to hear of its answer.
        for ticket in dropped:
            call: _InFlight = ticket.call
            ticket.call = None  # the ticket itself may wait for a thread to drop it
            if call.abandon is None:
                continue
            if ticket.finished and ticket.error is None:
                with contextlib.suppress(KosmoError):
                    call.finish(ticket.outcome)
            elif ticket.started_s is not None:
                call.abandon()

    def _wait(self, timeout_s: float | None) -> Answer:
        """Wait for the next call that ends: (ticket, ok, value or fields, marks), or (nil)."""
        pool = self._pool()
        if pool.in_flight == 0:
            if timeout_s is None:
                raise ScriptError("flow.map: its branches wait for nothing that could end")
            self._clock.sleep(self._caller.deadline, timeout_s)
            return (None,)
        # Simulated time stands still while an answer is on its way.
        ticket = pool.wait(None if self._clock.is_simulated else timeout_s)
        if ticket is None:
            return (None,)
        return (ticket.number, *self._settled(ticket, ticket.call))

    def _settled(self, ticket: "Ticket[Any]", call: _InFlight) -> Answer:
        # The branch that made the call hears of every fault, not the loop that waits for all.
        try:
            if ticket.error is not None:
                raise ticket.error
            return (True, *self._values.build(call.finish(ticket.outcome)))
        except KosmoError as error:
            return (False, *self._values.build(error.fields()))
        except MemoryError:
            return (False, None)
        except Exception as error:
            fault = ScriptError(f"internal error: {type(error).__name__}: {error}")
            return (False, *self._values.build(fault.fields()))

    def _sleep(self, seconds: float) -> Answer:
        self._clock.sleep(self._caller.deadline, seconds)
        return ()

    def _sleep_until(self, at_s: float) -> Answer:
        # A simulated clock has whole seconds, and the difference of floats is not always one.
        left_s = round(at_s - self._clock.now_s(), 6)
        if left_s > 0:
            self._clock.sleep(self._caller.deadline, left_s)
        return ()


def _raw_arguments(function: str, arguments: JsonValue, named: bool) -> RawArguments:
    if not named:
        assert isinstance(arguments, list)
        return RawArguments(positional=tuple(arguments))
    if isinstance(arguments, dict):
        return RawArguments(named=arguments)
    if not arguments:
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


def _nearest(name: bytes, names: bytes) -> Answer:
    from kosmo_circleci.wording import nearest

    near = nearest(python_text(name), python_text(names).split())
    return (lua_bytes(near) if near else None,)
