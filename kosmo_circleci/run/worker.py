"""The script's process: takes jobs from a pipe and reports on them through another.

See `protocol.py` for what is said, `isolate.py` for the side that listens. Everything this module
imports is what a script needs; it is loaded while the other side still reads its command line.
"""

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

from kosmo_circleci.bridge import Bridge, Door
from kosmo_circleci.call.model import CallRecord
from kosmo_circleci.config.configuration import Configuration
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, Interrupted, KosmoError
from kosmo_circleci.jsonvalue import JsonValue, decode, encode
from kosmo_circleci.limits import Limits
from kosmo_circleci.lua.run import Script, Session
from kosmo_circleci.run import protocol
from kosmo_circleci.run.envelope import Run, failure
from kosmo_circleci.run.supervisor import OUT_OF_MEMORY, Job

_STACK_BYTES = 512 * 1024

# httpx would load its own command line, and click and pygments with it: a tenth of the time a
# one-line script takes. It expects this import to fail.
sys.modules["httpx._main"] = None  # type: ignore[assignment]


def main() -> NoReturn:
    """Serve on standard input and output: how `child.spawn_child` starts this process."""
    reading, writing = os.dup(0), os.dup(1)
    serve(reading, writing)


def serve(reading: int, writing: int) -> NoReturn:
    """Do every job that comes; end when the stream ends."""
    _be_alone()
    _end_with_reader_of(writing)
    reports, states = _Reports(reading, writing), _States()
    while (frame := protocol.read(reading)) is not None:
        job = _job(frame[1])
        try:
            _do(job, states, reports)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except BrokenPipeError:
            os._exit(0)
    if states.session is not None:
        states.session.close()
    os._exit(0)


def _be_alone() -> None:
    """Leave the terminal's group and the standard streams; errors of Python still reach stderr."""
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    # Threads wait for answers and need no more; by default each would reserve eight megabytes.
    threading.stack_size(_STACK_BYTES)


def _end_with_reader_of(writing: int) -> None:
    """End this process when nobody can read what it says: the other side has been killed.

    A script that computes says nothing, and a C function of Lua knows no limit of its own.
    """
    reader = select.poll()
    reader.register(writing, 0)  # errors are reported unasked

    def watch() -> None:
        reader.poll()
        os._exit(1)

    threading.Thread(target=watch, name="kosmo-lifeline", daemon=True).start()


class _States:
    """Keeps the bridge of the last job, with its connections, and the Lua state it wants kept."""

    def __init__(self) -> None:
        self._settings: dict[str, JsonValue] | None = None
        self._bridge: Bridge | None = None
        self.session: Session | None = None

    def bridge(self, settings: dict[str, Any]) -> Bridge:
        if self._bridge is None or settings != self._settings:
            self._settings = settings
            self._bridge = Bridge(
                config=_configuration(settings.get("config")),
                simulate=bool(settings.get("simulate")),
                environ=settings.get("environ"),
            )
        return self._bridge


def _configuration(plain: dict[str, Any] | None) -> Configuration | None:
    return None if plain is None else Configuration.from_plain(plain)


def _do(job: Job, states: _States, reports: "_Reports") -> None:
    deadline = Deadline(job.limits.timeout_s)
    simulated = bool(job.bridge.get("simulate"))
    _limit_memory(job.limits)
    with reports.interrupting(deadline):
        try:
            run = _run(job, states, reports, deadline)
        except KosmoError as error:
            run = failure(error.message, error.error_type, simulated=simulated)
        except (MemoryError, BrokenPipeError):
            raise
        except Exception as error:
            message = f"internal error: {type(error).__name__}: {error}"
            run = failure(message, "runtime", simulated=simulated)
    reports.finish(run)


def _run(job: Job, states: _States, reports: "_Reports", deadline: Deadline) -> Run:
    script = Script(job.code, job.name, job.args, job.account)
    if job.keep_state and states.session is not None:
        return states.session.run(script, deadline)
    bridge = states.bridge(dict(job.bridge))
    # A broken configuration is the run's to report, where one is needed.
    with contextlib.suppress(ConfigurationError):
        for warning in bridge.configuration.warnings:
            reports.say(protocol.WARNING, warning)
    session = bridge.session(
        account=job.account, force=job.force, limits=job.limits, door=_door(job, reports, deadline)
    )
    if job.keep_state:
        states.session = session
        return session.run(script)
    try:
        return session.run(script)
    finally:
        session.close()


def _door(job: Job, reports: "_Reports", deadline: Deadline) -> Door:
    return Door(
        on_output=lambda line: reports.say(protocol.LINE, line),
        ask=reports.ask if job.can_ask else None,
        deadline=deadline,
        observer=reports,
        on_pattern=lambda begins: reports.say(protocol.PATTERN, "1" if begins else "0"),
        notice=lambda text: reports.say(protocol.NOTICE, text),
        on_begin=reports.begin,
        on_secret=lambda secret: reports.say(protocol.SECRET, encode(secret)),
        integrations=job.integrations,
        pretty=job.pretty,
        keep_output=False,
    )


class _Reports:
    """Says what happens, frame by frame; from several threads where `flow` uses them."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = writing
        self._lock = threading.RLock()
        self._speaking = False
        self._pending: KosmoError | None = None
        self._host_cpu_s: Callable[[], float] = lambda: 0.0

    def say(self, kind: bytes, text: str) -> None:
        """Send a frame whole; a signal that comes meanwhile takes effect afterwards."""
        self._send(kind, text.encode("utf-8", "surrogatepass"))
        self._raise_pending()

    def begin(self, host_cpu_s: Callable[[], float]) -> None:
        """Say that the script starts; `host_cpu_s` tells what the host has computed for it."""
        self._host_cpu_s = host_cpu_s
        self.say(protocol.BEGUN, "")

    def ask(self, question: str) -> bool:
        """Put a permission question to whoever watches."""
        with self._lock:
            self.say(protocol.QUESTION, question)
            answer = protocol.read(self._reading)
            return answer == (protocol.ANSWER, b"yes")

    def started(self, number: int, call_path: str) -> None:
        self.say(protocol.STARTED, f"{number} {call_path}")

    def waiting(self, text: str) -> None:
        self.say(protocol.WAITING, text)

    def ended(self, number: int, record: CallRecord) -> None:
        said: JsonValue = {
            "number": number,
            "host_cpu_s": self._host_cpu_s(),
            "record": record._asdict(),
        }
        self.say(protocol.ENDED, encode(said))

    def finish(self, run: Run) -> None:
        """Send the outcome; output and calls have gone before."""
        self._send(protocol.RESULT, run.result_json.encode())
        done: JsonValue = {
            "success": run.success,
            "error": run.error,
            "error_type": run.error_type,
            "execution_time_ms": run.execution_time_ms,
            "memory_usage": run.memory_usage,
            "permission_bypassed": run.permission_bypassed,
            "simulated": run.simulated,
        }
        self._send(protocol.DONE, encode(done).encode())

    def _send(self, kind: bytes, payload: bytes) -> None:
        with self._lock:
            self._speaking = True
            try:
                protocol.write(self._writing, kind, payload)
            finally:
                self._speaking = False

    @contextlib.contextmanager
    def interrupting(self, deadline: Deadline) -> Iterator[None]:
        """Let SIGINT end the run: noted for whoever looks, raised where the main thread waits."""

        def stop(number: int, _frame: FrameType | None) -> None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            reason = Interrupted("Interrupted.")
            deadline.note(reason)
            self._pending = reason
            if not self._speaking:
                self._raise_pending()

        signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _raise_pending(self) -> None:
        if threading.current_thread() is threading.main_thread() and self._pending is not None:
            reason, self._pending = self._pending, None
            raise reason


def _job(payload: bytes) -> Job:
    value: Any = decode(payload)
    return Job(**(value | {"limits": Limits(**value["limits"])}))


def _limit_memory(limits: Limits) -> None:
    """Bound what the process may take from now on, where the system can."""
    if sys.platform != "linux":
        return
    import resource

    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[5]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = used + limits.process_bytes
    soft = min(wanted, sys.maxsize if hard == resource.RLIM_INFINITY else hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
