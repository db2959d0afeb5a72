"""The script's process: takes scripts from a pipe and reports on them through another.

See `protocol.py` for the messages, `supervisor.py` for the side that listens. Everything this
module imports is what a script needs; it is loaded while the command line is still being read.
"""

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn

from kosmo_circleci.call.model import CallRecord, StartedCall
from kosmo_circleci.config.configuration import Configuration
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, Interrupted, KosmoError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.limits import Limits
from kosmo_circleci.lua.session import Session
from kosmo_circleci.run import protocol
from kosmo_circleci.run.envelope import Run, failure
from kosmo_circleci.run.listener import CONSENTS, Consent, RunListener
from kosmo_circleci.run.protocol import RunMessage
from kosmo_circleci.run.settings import RuntimeSettings
from kosmo_circleci.run.supervisor import OUT_OF_MEMORY
from kosmo_circleci.runtime import Runtime

_STACK_BYTES = 512 * 1024


def main() -> NoReturn:
    """Serve on standard input and output: how `child.spawn_child` starts this process."""
    reading, writing = os.dup(0), os.dup(1)
    serve(reading, writing)


def serve(reading: int, writing: int) -> NoReturn:
    """Run every script that arrives; end when the stream ends."""
    _detach()
    _end_with_reader_of(writing)
    channel, states = _Channel(reading, writing), _States()
    while (message := channel.next_run()) is not None:
        try:
            _run_and_report(message, states, channel)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except BrokenPipeError:
            os._exit(0)
    states.close()
    os._exit(0)


def _detach() -> None:
    """Leave the terminal's group and the standard streams; errors of Python still reach stderr."""
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    if signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ()):
        # Else one that came while this process started is for its first run, see `child`.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    # Threads wait for answers and need no more; by default each would reserve eight megabytes.
    threading.stack_size(_STACK_BYTES)


def _end_with_reader_of(writing: int) -> None:
    """End this process when the supervisor has been killed: what it writes is read by no one.

    A script that computes says nothing, and a C function of Lua knows no limit of its own.
    """
    reader = select.poll()
    reader.register(writing, 0)  # errors are reported unasked

    def watch() -> None:
        reader.poll()
        os._exit(1)

    threading.Thread(target=watch, name="kosmo-lifeline", daemon=True).start()


class _States:
    """The runtime of the last script, with its connections, and the Lua state that is kept."""

    def __init__(self) -> None:
        self._settings: RuntimeSettings | None = None
        self._runtime: Runtime | None = None
        self.session: Session | None = None

    def runtime(self, settings: RuntimeSettings, channel: "_Channel") -> Runtime:
        """Return the runtime for these settings; another one is closed first."""
        if self._runtime is None or settings != self._settings:
            if self._runtime is not None:
                self._runtime.close()
            self._settings, self._runtime = settings, _new_runtime(settings, channel)
        return self._runtime

    def close(self) -> None:
        """Close the kept state and the runtime."""
        if self.session is not None:
            self.session.close()
        if self._runtime is not None:
            self._runtime.close()


def _new_runtime(settings: RuntimeSettings, channel: "_Channel") -> Runtime:
    world = None
    if settings.shares_world:
        from kosmo_circleci.run.world import RemoteWorld

        world = RemoteWorld(channel.ask_world)
    config = settings.config
    return Runtime(
        config=None if config is None else Configuration.from_plain(config),
        simulate=settings.simulate,
        environ=settings.environ,
        transport=world,
        budget=None if settings.budget is None else Path(settings.budget),
        folder=None if settings.folder is None else Path(settings.folder),
    )


def _run_and_report(message: RunMessage, states: _States, channel: "_Channel") -> None:
    limits = message.settings.limits
    deadline = Deadline(limits.timeout_s, left_s=message.time_left_s)
    _limit_process(limits)
    try:
        with channel.interrupting(deadline):
            run = _run(message, states, channel, deadline)
    except KosmoError as error:
        run = failure(error.message, error.error_type, simulated=message.runtime.simulate)
    except (MemoryError, BrokenPipeError):
        raise
    except Exception as error:
        text = f"internal error: {type(error).__name__}: {error}"
        run = failure(text, "runtime", simulated=message.runtime.simulate)
    channel.finish(run)


def _run(message: RunMessage, states: _States, channel: "_Channel", deadline: Deadline) -> Run:
    settings = message.settings
    if settings.keep_state and states.session is not None:
        return states.session.run_next(message.code, settings, deadline)
    runtime = states.runtime(message.runtime, channel)
    # A broken configuration is the run's to report, where one is needed.
    with contextlib.suppress(ConfigurationError):
        for warning in runtime.configuration.warnings:
            channel.warning(warning)
    # The supervisor keeps what is printed, or passes it on.
    session = runtime.session(settings._replace(keep_output=False), channel, deadline)
    if settings.keep_state:
        states.session = session
        return session.run(message.code)
    try:
        return session.run(message.code)
    finally:
        session.close()


class _Channel(RunListener):
    """Tells the supervisor what happens, message by message, from whatever thread."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = writing
        self._lock = threading.RLock()
        self._busy = False
        self._pending: KosmoError | None = None
        self._host_cpu_s: Callable[[], float] = lambda: 0.0

    def next_run(self) -> RunMessage | None:
        """Wait for the next script; None at the end of the stream."""
        message = protocol.read(self._reading)
        return None if message is None else RunMessage.decode(message[1])

    def output(self, line: str) -> None:
        self._tell(protocol.LINE, protocol.encode_text(line))

    def began(self, host_cpu_s: Callable[[], float]) -> None:
        self._host_cpu_s = host_cpu_s
        self._tell(protocol.BEGAN)

    def call_started(self, call: StartedCall) -> None:
        self._tell(protocol.STARTED, protocol.encode_started(call))

    def call_ended(self, number: int, record: CallRecord) -> None:
        ended = protocol.EndedMessage(number, record, self._host_cpu_s())
        self._tell(protocol.ENDED, ended.encode())

    def trace_headers(self, number: int) -> Mapping[str, str]:
        answer = self._exchanged(protocol.TRACE, protocol.encode_value(number))
        headers = protocol.decode_value(answer)
        assert isinstance(headers, dict)
        return {name: str(value) for name, value in headers.items()}

    def waiting(self, text: str) -> None:
        self._tell(protocol.WAITING, protocol.encode_text(text))

    def notice(self, text: str) -> None:
        self._tell(protocol.NOTICE, protocol.encode_text(text))

    def log(self, text: str) -> None:
        self._tell(protocol.LOG, protocol.encode_text(text))

    def warning(self, text: str) -> None:
        self._tell(protocol.WARNING, protocol.encode_text(text))

    def pattern(self, begins: bool) -> None:
        self._tell(protocol.PATTERN, b"1" if begins else b"0")

    def secret(self, value: JsonValue) -> None:
        self._tell(protocol.SECRET, protocol.encode_value(value))

    def ask(self, question: str) -> Consent | None:
        answer = self._asked(protocol.QUESTION, protocol.encode_text(question)).decode()
        return next((each for each in CONSENTS if each == answer), None)

    def ask_world(self, question: JsonValue) -> JsonValue:
        """Put a question to the supervisor's simulated world."""
        payload = protocol.encode_value(question)
        return protocol.decode_value(self._exchanged(protocol.REQUEST, payload))

    def finish(self, run: Run) -> None:
        """Send the outcome; output and calls have been sent already."""
        self._send(protocol.RESULT, run.result_json.encode())
        if run.result_text is not None:
            self._send(protocol.TEXT, protocol.encode_text(run.result_text))
        if run.masked_source is not None:
            self._send(protocol.SOURCE, protocol.encode_text(run.masked_source))
        self._send(protocol.DONE, protocol.encode_done(run))

    def _asked(self, kind: bytes, payload: bytes) -> bytes:
        with self._lock:
            self._tell(kind, payload)
            answer = protocol.read(self._reading)
        if answer is None:
            raise BrokenPipeError("the supervisor has gone")
        return answer[1]

    def _exchanged(self, kind: bytes, payload: bytes) -> bytes:
        """Return the answer to a message that is answered at once; a signal waits for it."""
        with self._lock:
            self._busy = True
            try:
                protocol.write(self._writing, kind, payload)
                answer = protocol.read(self._reading)
            finally:
                self._busy = False
        if answer is None:
            raise BrokenPipeError("the supervisor has gone")
        self._raise_pending()
        return answer[1]

    def _tell(self, kind: bytes, payload: bytes = b"") -> None:
        """Send a message whole; a signal that arrives in between takes effect afterwards."""
        self._send(kind, payload)
        self._raise_pending()

    def _send(self, kind: bytes, payload: bytes) -> None:
        with self._lock:
            self._busy = True
            try:
                protocol.write(self._writing, kind, payload)
            finally:
                self._busy = False

    @contextlib.contextmanager
    def interrupting(self, deadline: Deadline) -> Iterator[None]:
        """Let SIGINT end the run: noted on the deadline, raised where the main thread waits.

        One that came before raises at once.
        """

        def stop(number: int, _frame: FrameType | None) -> None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            reason = Interrupted("Interrupted.", signal_number=number)
            deadline.note(reason)
            self._pending = reason
            if not self._busy:
                self._raise_pending()

        signal.signal(signal.SIGINT, stop)
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            yield
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            self._pending = None

    def _raise_pending(self) -> None:
        if threading.current_thread() is threading.main_thread() and self._pending is not None:
            reason, self._pending = self._pending, None
            raise reason


def _limit_process(limits: Limits) -> None:
    """Bound the memory and the CPU time the process may use from now on, where the system can."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    # Far above what the supervisor allows: this one is for a process whose supervisor was killed.
    cpu_s = used.ru_utime + used.ru_stime + 4 * limits.process_cpu_s(1000)
    _lower(resource.RLIMIT_CPU, int(cpu_s) + 1)
    if sys.platform == "linux":
        with open("/proc/self/statm", "rb") as file:
            data_bytes = int(file.read().split()[5]) * resource.getpagesize()
        _lower(resource.RLIMIT_DATA, data_bytes + limits.process_bytes)


def _lower(kind: int, wanted: int) -> None:
    import resource

    hard = resource.getrlimit(kind)[1]
    soft = min(wanted, sys.maxsize if hard == resource.RLIM_INFINITY else hard)
    resource.setrlimit(kind, (soft, hard))
