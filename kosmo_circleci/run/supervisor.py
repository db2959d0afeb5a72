"""The parent's side of an isolated run: deadlines, kill, and the outcome from what was heard.

How it works. Lua code can hang where no hook of the interpreter reaches it, in a C function. So the
limits are enforced twice. The script's process ends the run itself where it can, with exact
figures; the supervisor waits a moment longer (`GRACE_S`), then kills the process and writes the
outcome from the messages it has received. It looks at four clocks: the run's deadline, the time a
regular expression takes, the CPU time of the script's thread less what the host computes for it,
and the CPU time of the whole process. Where the system has no CPU clock of another process (macOS),
the last two are left to the script's process and to its `RLIMIT_CPU`, which also holds when the
supervisor is gone. Nothing here loads Lua, httpcore or a configuration.
"""

import contextlib
import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from kosmo_circleci.call.model import LOG_LENGTH, CallRecord, StartedCall, Writes
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted, KosmoError, ScriptError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.run import protocol
from kosmo_circleci.run.child import Child
from kosmo_circleci.run.envelope import Run, with_unknown_writes
from kosmo_circleci.run.listener import RunListener

if TYPE_CHECKING:
    from kosmo_circleci.masking import Mask
    from kosmo_circleci.run.world import World

GRACE_S: Final = 0.5
"""How long past a limit the script's process may take to end the run itself."""

OUT_OF_MEMORY: Final = 77
"""The exit status of a process whose memory was used up before it could say so."""

_LOOK_EVERY_S: Final = 0.05
_FEW_CALLS: Final = 20
_COLLECT_S: Final = 0.005
_MAX_LOG_LINES: Final = 1000


def supervise(
    child: Child,
    message: protocol.RunMessage,
    listener: RunListener,
    deadline: Deadline,
    world: "World | None" = None,
) -> Run:
    """Have `child` run a script and return its outcome, at the latest a moment after its limits.

    `world` answers the simulated requests of the process. The process is left waiting for its next
    script, or has ended where it had to be killed; then `child.exit_status` is set. Raises what the
    listener raises, after killing the process; nothing for what the script does.
    """
    limits = message.settings.limits._replace(timeout_s=deadline.limit_s)
    settings = message.settings._replace(limits=limits)
    message = message._replace(settings=settings, time_left_s=deadline.time_left_s())
    try:
        return _Supervision(child, message, listener, deadline, world).run()
    except BaseException:
        child.kill()
        raise


class _ProcessGone(Exception):
    """The script's process has ended and reads nothing any more."""


class _Supervision:
    """One run as its messages tell it."""

    def __init__(
        self,
        child: Child,
        message: protocol.RunMessage,
        listener: RunListener,
        deadline: Deadline,
        world: "World | None",
    ) -> None:
        self._child = child
        self._message = message
        self._settings = message.settings
        self._listener = listener
        self._deadline = deadline
        self._world = world
        # Not `select`: a host with a thousand open files has descriptors beyond its reach.
        self._readable = select.poll()
        self._readable.register(child.reading, select.POLLIN)
        self._started = time.perf_counter()
        self._output = bytearray()
        self._mask: Mask | None = None
        self._records: deque[CallRecord] = deque(maxlen=LOG_LENGTH)
        self._log: deque[str] = deque(maxlen=_MAX_LOG_LINES)
        self._call_count = 0
        self._writes = Writes()
        self._permission_bypassed = False
        self._in_flight: dict[int, StartedCall] = {}
        self._cpu_at_start_s: float | None = None
        self._process_cpu_at_start_s: float | None = None
        self._host_cpu_s = 0.0
        self._pattern_since: float | None = None
        self._kill_at: float | None = None
        self._result_json = "null"
        self._result_text: str | None = None
        self._source: str | None = None
        self._done: dict[str, Any] | None = None
        self._handlers: dict[bytes, Callable[[bytes], None]] = {
            protocol.LINE: self._take_line,
            protocol.STARTED: self._take_started,
            protocol.TRACE: self._take_trace,
            protocol.ENDED: self._take_ended,
            protocol.BEGAN: self._take_began,
            protocol.QUESTION: self._take_question,
            protocol.REQUEST: self._take_request,
            protocol.WARNING: lambda text: self._listener.warning(protocol.decode_text(text)),
            protocol.NOTICE: lambda text: self._listener.notice(protocol.decode_text(text)),
            protocol.WAITING: lambda text: self._listener.waiting(protocol.decode_text(text)),
            protocol.LOG: self._take_log,
            protocol.PATTERN: self._take_pattern,
            protocol.SECRET: self._take_secret,
            protocol.RESULT: self._take_result,
            protocol.TEXT: self._take_text,
            protocol.SOURCE: self._take_source,
            protocol.DONE: self._take_done,
        }

    def run(self) -> Run:
        """Return the outcome, however the run ends."""
        stream = protocol.Stream(self._child.reading)
        try:
            self._write(protocol.RUN, self._message.encode())
            while self._done is None:
                if self._readable.poll(_LOOK_EVERY_S * 1000):
                    self._take(stream)
                if stream.ended:
                    return self._died()
                reason = self._reason_to_kill()
                if reason is not None:
                    return self._killed(stream, reason)
        except _ProcessGone:
            return self._died()
        return self._finished(self._done)

    def _write(self, kind: bytes, payload: bytes) -> None:
        try:
            protocol.write(self._child.writing, kind, payload)
        except BrokenPipeError:
            raise _ProcessGone from None

    def _take(self, stream: protocol.Stream) -> None:
        for kind, payload in stream.messages():
            self._handlers[kind](payload)
        if self._call_count > _FEW_CALLS and self._done is None and not self._answers_requests:
            # Waking up for each message of a loop of calls would cost it a tenth of its time.
            time.sleep(_COLLECT_S)

    @property
    def _answers_requests(self) -> bool:
        """Whether each request waits for an answer of this side."""
        return self._world is not None or self._settings.traceparent is not None

    def _take_line(self, payload: bytes) -> None:
        if self._settings.keep_output:
            self._output += payload + b"\n"
        self._listener.output(protocol.decode_text(payload))

    def _take_started(self, payload: bytes) -> None:
        call = protocol.decode_started(payload)
        self._in_flight[call.number] = call
        self._permission_bypassed |= call.permission_bypassed
        self._listener.call_started(call)

    def _take_trace(self, payload: bytes) -> None:
        number = protocol.decode_value(payload)
        assert isinstance(number, int)
        headers = self._listener.trace_headers(number)
        with contextlib.suppress(_ProcessGone):  # the end of the stream tells how
            self._write(protocol.HEADERS, protocol.encode_value(dict(headers)))

    def _take_ended(self, payload: bytes) -> None:
        number, record, self._host_cpu_s = protocol.EndedMessage.decode(payload)
        self._in_flight.pop(number, None)
        self._add_record(record)
        self._listener.call_ended(number, record)

    def _add_record(self, record: CallRecord) -> None:
        self._call_count += 1
        self._writes = self._writes.plus(record.effect)
        self._records.append(record)

    def _take_began(self, _payload: bytes) -> None:
        self._cpu_at_start_s = self._child.script_cpu_s()
        self._process_cpu_at_start_s = self._child.process_cpu_s()
        self._listener.began(lambda: self._host_cpu_s)

    def _take_question(self, payload: bytes) -> None:
        consent = self._listener.ask(protocol.decode_text(payload))
        if self._deadline.reason() is None:  # else the run ends, and not for want of permission
            self._write(protocol.ANSWER, (consent or "").encode())

    def _take_request(self, payload: bytes) -> None:
        from kosmo_circleci.run.world import answer

        assert self._world is not None
        response = answer(self._world, protocol.decode_value(payload))
        self._write(protocol.RESPONSE, protocol.encode_value(response))

    def _take_log(self, payload: bytes) -> None:
        line = protocol.decode_text(payload)
        self._log.append(line)
        self._listener.log(line)

    def _take_pattern(self, payload: bytes) -> None:
        begins = payload == b"1"
        self._pattern_since = time.monotonic() if begins else None
        self._listener.pattern(begins)

    def _take_secret(self, payload: bytes) -> None:
        from kosmo_circleci.masking import Mask

        secret = protocol.decode_value(payload)
        self._mask = self._mask or Mask()
        self._mask.add(secret)
        self._listener.secret(secret)

    def _take_result(self, payload: bytes) -> None:
        self._result_json = payload.decode()

    def _take_text(self, payload: bytes) -> None:
        self._result_text = protocol.decode_text(payload)

    def _take_source(self, payload: bytes) -> None:
        self._source = protocol.decode_text(payload)

    def _take_done(self, payload: bytes) -> None:
        self._done = protocol.decode_done(payload)

    def _reason_to_kill(self) -> KosmoError | None:
        reason = self._deadline.reason()
        if reason is not None:
            if self._kill_at is None:
                self._kill_at = time.monotonic() + GRACE_S
                if isinstance(reason, Interrupted):
                    self._child.signal(signal.SIGINT)
            return reason if time.monotonic() >= self._kill_at else None
        limits = self._settings.limits
        if self._computes_too_long():
            return limits.cpu_error()
        since = self._pattern_since
        if since is not None and time.monotonic() - since > limits.regex_s + GRACE_S:
            return limits.regex_error()
        return None

    def _computes_too_long(self) -> bool:
        limits = self._settings.limits
        script_s, process_s = self._child.script_cpu_s(), self._child.process_cpu_s()
        if script_s is not None and self._cpu_at_start_s is not None:
            used_s = script_s - self._cpu_at_start_s - self._host_cpu_s
            if used_s > limits.cpu_s + GRACE_S:
                return True
        if process_s is None or self._process_cpu_at_start_s is None:
            return False
        used_s = process_s - self._process_cpu_at_start_s
        return used_s > limits.process_cpu_s(self._call_count)

    def _killed(self, stream: protocol.Stream, reason: KosmoError) -> Run:
        self._child.kill_group()
        while not stream.ended and self._done is None:
            self._take(stream)  # what it had said before it was killed
        self._child.close()
        if self._done is not None:
            return self._finished(self._done)
        return self._failed(reason)

    def _died(self) -> Run:
        status = self._child.close()
        reason = self._deadline.reason()
        if reason is not None:
            return self._failed(reason)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        if number == signal.SIGXCPU:
            return self._failed(self._settings.limits.cpu_error())
        if not number and os.WEXITSTATUS(status) == OUT_OF_MEMORY:
            return self._failed(self._settings.limits.memory_error())
        if number == signal.SIGKILL:
            return self._failed(
                ScriptError(
                    "The script's process was killed from outside (SIGKILL): by another process, "
                    "or by the system because memory ran out."
                )
            )
        how = signal.Signals(number).name if number else f"status {os.WEXITSTATUS(status)}"
        return self._failed(
            ScriptError(f"The script's process ended unexpectedly ({how}). Please report this.")
        )

    def _failed(self, reason: KosmoError) -> Run:
        """Return the outcome of a run whose process cannot tell it any more."""
        now_ms = self._elapsed_ms()
        for call in self._in_flight.values():
            started_ms = min(call.started_ms, now_ms)
            self._add_record(call.ended(ok=False, duration_ms=now_ms - started_ms))
        error = with_unknown_writes(reason.message, self._records, self._writes)
        return Run(
            success=False,
            output=self._text(),
            error=error,
            error_type=reason.error_type,
            execution_time_ms=now_ms,
            call_count=self._call_count,
            call_records=tuple(self._records),
            writes=self._writes,
            permission_bypassed=self._permission_bypassed,
            mcp_trust_bypassed=self._settings.trust_mcp,
            workflows_trust_bypassed=self._settings.workflows_trust_bypassed,
            simulated=self._message.runtime.simulate,
            log=tuple(self._log),
            signal_number=reason.signal_number if isinstance(reason, Interrupted) else None,
            journal=self._journal_of_killed(error, reason.error_type),
        )

    def _journal_of_killed(self, error: str, error_type: str) -> dict[str, JsonValue]:
        """Record the end of a journaled run, and return what the envelope says of it."""
        file = self._settings.journal.file
        if file is None:
            return {}
        from kosmo_circleci.journal.killed import end_killed_run

        journal = end_killed_run(file, self._child.pid, error, error_type)
        return {"journal": journal} if journal else {}

    def _finished(self, done: dict[str, Any]) -> Run:
        reason = self._deadline.reason()
        if done["error_type"] == Interrupted.error_type and isinstance(reason, Interrupted):
            # This side knows which signal it was.
            error = with_unknown_writes(reason.message, self._records, self._writes)
            done |= {"error": error, "signal_number": reason.signal_number}
        return Run(
            output=self._text(),
            result_json=self._result_json,
            result_text=self._result_text,
            call_records=tuple(self._records),
            call_count=self._call_count,
            writes=self._writes,
            masked_source=self._source,
            **done,
        )

    def _text(self) -> str:
        text = protocol.decode_text(bytes(self._output[:-1]))
        return self._mask.text(text) if self._mask else text

    def _elapsed_ms(self) -> float:
        return (time.perf_counter() - self._started) * 1000
