"""The calls of one run as the envelope shows them: those in flight, and those that have ended."""

import time
from collections import deque
from collections.abc import Callable
from itertools import count

from kosmo_circleci.call.exchange import CallSubject, Exchange, Request
from kosmo_circleci.call.model import (
    LOG_LENGTH,
    ApiResponse,
    CallRecord,
    ExternalCall,
    StartedCall,
    Writes,
)
from kosmo_circleci.errors import KosmoError
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.listener import RunListener


class CallLog:
    """The log of one run; `listener` hears of every request as it starts and ends.

    `records` are the newest `LOG_LENGTH` calls, `call_count` and `writes` count all of them.
    `permission_bypassed` is True once `force` has lifted a rule that stood against a call.
    """

    def __init__(self, listener: RunListener, mask: Mask) -> None:
        self.records: deque[CallRecord] = deque(maxlen=LOG_LENGTH)
        self.call_count = 0
        self.writes = Writes()
        self.permission_bypassed = False
        self._listener = listener
        self._mask = mask
        self._in_flight: dict[int, Request] = {}
        self._numbers = count()
        self._started = time.perf_counter()

    def exchange(
        self, call: object, subject: CallSubject, perform: Callable[[Request], ApiResponse]
    ) -> Exchange:
        """Return the outcome of one request; may run on any thread.

        `perform` sends it, and counts each attempt. `call` identifies the request for `record` and
        `abandon`, one of which logs it.
        """
        started = time.perf_counter()
        request = Request(self._start(subject, (started - self._started) * 1000))
        self._in_flight[id(call)] = request
        self._listener.call_started(request.start)
        answer: ApiResponse | None = None
        failure: KosmoError | None = None
        try:
            answer = perform(request)
        except KosmoError as error:
            failure = error
        duration_ms = (time.perf_counter() - started) * 1000
        return Exchange(request.start, duration_ms, answer, failure, request.attempts)

    def record(self, call: object, exchange: Exchange, *, ok: bool) -> None:
        """Log a request that has ended."""
        self._in_flight.pop(id(call), None)
        self._record(exchange, ok=ok)

    def abandon(self, call: object) -> None:
        """Log a request that was cancelled in flight: its outcome is unknown."""
        request = self._in_flight.pop(id(call), None)
        if request is not None:
            self._record_abandoned(request)

    def abandon_rest(self) -> None:
        """Log requests that a signal cut off between two steps: their outcome is unknown.

        For the end of a run, when nothing is in flight any more.
        """
        requests = list(self._in_flight.values())
        self._in_flight.clear()
        for request in requests:
            self._record_abandoned(request)

    def _record_abandoned(self, request: Request) -> None:
        duration_ms = self._now_ms() - request.start.started_ms
        self._record(Exchange(request.start, duration_ms, attempts=request.attempts), ok=False)

    def _record(self, exchange: Exchange, *, ok: bool) -> None:
        if exchange.start is None:
            return  # answered from a journal: nothing was sent
        answer = exchange.response
        record = exchange.start.ended(
            ok=ok,
            duration_ms=exchange.duration_ms,
            http_status=answer.status if answer else None,
            attempts=exchange.attempts,
            sent=exchange.may_have_arrived,
            error_type=exchange.error.error_type if exchange.error else None,
        )
        self._add(exchange.start.number, record)

    def record_external_call(self, call: ExternalCall) -> None:
        """Log a call to another server than CircleCI that has just ended."""
        self._add(-1, call.to_record(self._now_ms()))

    def _start(self, subject: CallSubject, started_ms: float) -> StartedCall:
        return StartedCall(
            next(self._numbers),
            subject.call_path,
            subject.tool,
            subject.account,
            subject.kind,
            started_ms,
            self._mask.text(subject.arguments),
            self.permission_bypassed,
            subject.method,
            subject.route,
            subject.origin,
        )

    def _add(self, number: int, record: CallRecord) -> None:
        self.call_count += 1
        self.writes = self.writes.plus(record.effect)
        self.records.append(record)
        self._listener.call_ended(number, record)

    def _now_ms(self) -> float:
        return (time.perf_counter() - self._started) * 1000
