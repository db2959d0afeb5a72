"""A script in a process of its own, seen from the process that watches it.

Lua code can hang where no hook of the interpreter reaches it: in a C function, in a regular
expression. So the limits have two guards. The script's process ends itself where it can, with exact
figures; this side waits a moment longer, then kills it and writes the outcome from what it was told
so far. Nothing here loads Lua, httpx or a configuration.
"""

import contextlib
import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kosmo_circleci.call.model import LOG_LENGTH, CallRecord
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted, KosmoError, ScriptError
from kosmo_circleci.jsonvalue import JsonValue, decode, encode
from kosmo_circleci.limits import Limits
from kosmo_circleci.run import protocol
from kosmo_circleci.run.child import Child
from kosmo_circleci.run.envelope import Run

if TYPE_CHECKING:
    from kosmo_circleci.masking import Mask

GRACE_S: Final = 0.5
"""How long past a limit the script's process may take to end the run itself."""

OUT_OF_MEMORY: Final = 77
"""The exit status of a process that could not even say that its memory was used up."""

_LOOK_EVERY_S: Final = 0.05
_FEW_CALLS: Final = 20
_COLLECT_S: Final = 0.005


class Job(NamedTuple):
    """What the script's process is asked to do.

    `bridge` says how to build its `Bridge`: {simulate, config, environ}; without it the process
    reads the environment and the files itself. `pretty` asks for a result to be read by people.
    With `keep_state` the process's next such job finds this one's globals, and goes on with its
    account, limits and settings.
    """

    code: str
    name: str
    account: str = "default"
    force: bool = False
    args: Mapping[str, str] = MappingProxyType({})
    limits: Limits = Limits()
    bridge: Mapping[str, JsonValue] = MappingProxyType({})
    integrations: bool = True
    pretty: bool = False
    can_ask: bool = False
    keep_state: bool = False

    def to_json(self) -> str:
        """Return the job as it travels."""
        return encode(
            self._asdict()
            | {
                "args": dict(self.args),
                "bridge": dict(self.bridge),
                "limits": self.limits._asdict(),
            }
        )


class Watcher(NamedTuple):
    """Who is told while a script runs; each may be None. `deadline` ends the run from outside."""

    on_output: Callable[[str], None] | None = None
    ask: Callable[[str], bool] | None = None
    warn: Callable[[str], None] | None = None
    notice: Callable[[str], None] | None = None
    waiting: Callable[[str], None] | None = None
    started: Callable[[str], None] | None = None
    ended: Callable[[CallRecord], None] | None = None
    deadline: Deadline | None = None


class Pool:
    """Keeps one idle process warm, so that the next run starts at once. Safe for threads."""

    def __init__(self, start: Callable[[], Child]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._idle: Child | None = None

    def run(self, job: Job, watcher: Watcher) -> Run:
        """Run a job in the idle process, or in a new one."""
        with self._lock:
            child, self._idle = self._idle, None
        child = child or self._start()
        run = supervise(child, job, watcher)
        with self._lock:
            if child.exit_status is None and self._idle is None:
                self._idle = child
                return run
        child.kill()
        return run

    def close(self) -> None:
        """End the idle process."""
        with self._lock:
            child, self._idle = self._idle, None
        if child is not None:
            child.kill()


def supervise(child: Child, job: Job, watcher: Watcher) -> Run:
    """Have a job done and return what came of it, at the latest a moment after its limits.

    The process is left waiting for its next job, or has ended where it had to be killed; then
    `child.exit_status` is set. Never raises for what the script does.
    """
    watch = _Watch(child, job, watcher)
    try:
        return watch.run()
    except BaseException:
        child.kill()
        raise


class _Watch:
    def __init__(self, child: Child, job: Job, watcher: Watcher) -> None:
        self._child = child
        self._job = job
        self._watcher = watcher
        self._deadline = watcher.deadline or Deadline(job.limits.timeout_s)
        # Not `select`: a host with a thousand open files has descriptors beyond its reach.
        self._readable = select.poll()
        self._readable.register(child.reading, select.POLLIN)
        self._started = time.perf_counter()
        self._output = bytearray()
        self._mask: Mask | None = None
        self._records: deque[CallRecord] = deque(maxlen=LOG_LENGTH)
        self._call_count = 0
        self._in_flight: dict[int, tuple[str, float]] = {}
        self._cpu_at_start_s: float | None = None
        self._host_cpu_s = 0.0
        self._begun = False
        self._idle_since = time.monotonic()
        self._pattern_since: float | None = None
        self._kill_at: float | None = None
        self._result_json = "null"
        self._done: dict[str, Any] | None = None
        self._frames: dict[bytes, Callable[[bytes], None]] = {
            protocol.LINE: self._line,
            protocol.STARTED: self._call_started,
            protocol.ENDED: self._call_ended,
            protocol.PATTERN: self._pattern,
            protocol.BEGUN: self._begin,
            protocol.QUESTION: self._question,
            protocol.WARNING: self._warning,
            protocol.NOTICE: self._notice,
            protocol.WAITING: self._waiting,
            protocol.SECRET: self._secret,
            protocol.RESULT: self._result,
            protocol.DONE: self._finish,
        }

    def run(self) -> Run:
        stream = protocol.Stream(self._child.reading)
        try:
            protocol.write(self._child.writing, protocol.JOB, self._job.to_json().encode())
        except BrokenPipeError:
            return self._died()
        while self._done is None:
            if self._readable.poll(_LOOK_EVERY_S * 1000):
                self._take(stream)
            if stream.ended:
                return self._died()
            reason = self._reason_to_kill()
            if reason is not None:
                return self._killed(stream, reason)
        return self._finished(self._done)

    def _take(self, stream: protocol.Stream) -> None:
        for kind, payload in stream.take():
            self._frames[kind](payload)
        if self._call_count > _FEW_CALLS and self._done is None:
            # Waking up for each frame of a loop of calls would cost it a tenth of its time.
            time.sleep(_COLLECT_S)
        self._idle_since = time.monotonic()

    def _line(self, payload: bytes) -> None:
        if self._watcher.on_output is not None:
            self._watcher.on_output(payload.decode("utf-8", "surrogatepass"))
        else:
            self._output += payload + b"\n"

    def _call_started(self, payload: bytes) -> None:
        number, _, name = payload.decode().partition(" ")
        self._in_flight[int(number)] = (name, time.perf_counter())
        if self._watcher.started is not None:
            self._watcher.started(name)

    def _call_ended(self, payload: bytes) -> None:
        said = _object(payload)
        self._in_flight.pop(said["number"], None)
        self._host_cpu_s = said["host_cpu_s"]
        record = CallRecord(**said["record"])
        self._call_count += 1
        self._records.append(record)
        if self._watcher.ended is not None:
            self._watcher.ended(record)

    def _pattern(self, payload: bytes) -> None:
        self._pattern_since = time.monotonic() if payload == b"1" else None

    def _begin(self, _payload: bytes) -> None:
        self._begun = True
        self._cpu_at_start_s = self._child.cpu_s()

    def _question(self, payload: bytes) -> None:
        yes = self._watcher.ask is not None and self._watcher.ask(payload.decode())
        protocol.write(self._child.writing, protocol.ANSWER, b"yes" if yes else b"no")

    def _warning(self, payload: bytes) -> None:
        if self._watcher.warn is not None:
            self._watcher.warn(payload.decode())

    def _notice(self, payload: bytes) -> None:
        if self._watcher.notice is not None:
            self._watcher.notice(payload.decode())

    def _secret(self, payload: bytes) -> None:
        from kosmo_circleci.masking import Mask

        self._mask = self._mask or Mask()
        self._mask.add(decode(payload))

    def _waiting(self, payload: bytes) -> None:
        if self._watcher.waiting is not None:
            self._watcher.waiting(payload.decode())

    def _result(self, payload: bytes) -> None:
        self._result_json = payload.decode()

    def _finish(self, payload: bytes) -> None:
        self._done = _object(payload)

    def _reason_to_kill(self) -> KosmoError | None:
        reason = self._deadline.reason()
        if reason is not None:
            if self._kill_at is None:
                self._kill_at = time.monotonic() + GRACE_S
                if isinstance(reason, Interrupted):
                    self._child.signal(signal.SIGINT)
            return reason if time.monotonic() >= self._kill_at else None
        if self._begun and self._lua_cpu_s() > self._job.limits.cpu_s + GRACE_S:
            return self._job.limits.cpu_error()
        since = self._pattern_since
        if since is not None and time.monotonic() - since > self._job.limits.regex_s + GRACE_S:
            return self._job.limits.regex_error()
        return None

    def _lua_cpu_s(self) -> float:
        used_s = self._child.cpu_s()
        if used_s is None or self._cpu_at_start_s is None:
            # Without a clock of the process: it is silent and sends nothing, so it computes.
            return 0.0 if self._in_flight else time.monotonic() - self._idle_since
        return used_s - self._cpu_at_start_s - self._host_cpu_s

    def _killed(self, stream: protocol.Stream, reason: KosmoError) -> Run:
        with contextlib.suppress(OSError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.signal(signal.SIGKILL)
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
        # Nobody but the system, short of memory, sends that signal to a script's process.
        if number == signal.SIGKILL or (not number and os.WEXITSTATUS(status) == OUT_OF_MEMORY):
            return self._failed(self._job.limits.memory_error())
        how = signal.Signals(number).name if number else f"status {os.WEXITSTATUS(status)}"
        return self._failed(
            ScriptError(f"The script's process ended unexpectedly ({how}). Please report this.")
        )

    def _failed(self, reason: KosmoError) -> Run:
        for name, began in self._in_flight.values():
            started_ms = (began - self._started) * 1000
            duration_ms = (time.perf_counter() - began) * 1000
            function = name.rpartition(".")[2]
            account = name.split(".")[3] if name.count(".") == 4 else self._job.account
            self._call_count += 1
            self._records.append(
                CallRecord(
                    name, f"circleci_{function}", account, "error", None, duration_ms, 1, started_ms
                )
            )
        return Run(
            success=False,
            output=self._text(),
            error=reason.message,
            error_type=reason.error_type,
            execution_time_ms=self._elapsed_ms(),
            memory_usage=0,
            call_count=self._call_count,
            call_records=tuple(self._records),
            simulated=bool(self._job.bridge.get("simulate")),
        )

    def _finished(self, done: dict[str, Any]) -> Run:
        reason = self._deadline.reason()
        if done["error_type"] == Interrupted.error_type and isinstance(reason, Interrupted):
            done |= {"error": reason.message}  # this side knows which signal it was
        return Run(
            output=self._text(),
            result_json=self._result_json,
            call_records=tuple(self._records),
            call_count=self._call_count,
            **done,
        )

    def _text(self) -> str:
        text = self._output[:-1].decode("utf-8", "surrogatepass")
        return self._mask.text(text) if self._mask else text

    def _elapsed_ms(self) -> float:
        return (time.perf_counter() - self._started) * 1000


def _object(payload: bytes) -> dict[str, Any]:
    value = decode(payload)
    assert isinstance(value, dict)
    return value
