"""The command `kosmo`: errors turned into messages and exit codes.

click takes a good part of a one-line script's time to import, and the script's own process needs
none of it: `main` starts that process first, so that both import side by side.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

from kosmo_circleci.cli.app import App
from kosmo_circleci.cli.names import SCRIPT_COMMANDS, full_name
from kosmo_circleci.telemetry.ending import end_telemetry


class _SpareDescriptor:
    """One open descriptor, given up where the system has no more: to say so takes imports."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        with contextlib.suppress(OSError):
            self._descriptor = os.open(os.devnull, os.O_RDONLY)
        os.register_at_fork(after_in_child=self.release)

    def release(self) -> None:
        """Close it; no-op the second time."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class _Ended(KeyboardInterrupt):
    """SIGTERM arrived before the command could handle it; SIGINT is a plain `KeyboardInterrupt`."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    0 success, 1 the work failed, 2 usage, 130 and 143 after SIGINT and SIGTERM.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    _fill_streams()
    runs_script = bool(words) and full_name(words[0]) in SCRIPT_COMMANDS
    app = App()
    try:
        if runs_script:
            # Until the script is watched, a signal is reported as one that comes later would be.
            signal.signal(signal.SIGTERM, _end)
        code = _run(words, app, runs_script)
    except KeyboardInterrupt as interrupt:
        code = _interrupted(interrupt, words)
    except BrokenPipeError:
        # The reader has gone (`| head`); Python would still try to write to it at exit.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    finally:
        app.close()
        end_telemetry()
    if arguments is None and runs_script:
        _exit_at_once(code)
    sys.exit(code)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Ended


def _interrupted(interrupt: KeyboardInterrupt, words: list[str]) -> int:
    from kosmo_circleci.cli import faults

    number = signal.SIGTERM if isinstance(interrupt, _Ended) else signal.SIGINT
    cause = "SIGTERM" if number == signal.SIGTERM else "Ctrl-C"
    faults.report(f"Interrupted by {cause}.", "interrupted", words)
    return 128 + number


def _run(words: list[str], app: App, runs_script: bool) -> int:
    spare = _SpareDescriptor()
    try:
        if runs_script and not {"--help", "-h"} & set(words):
            import kosmo_circleci.run.supervisor  # noqa: F401 -- before the fork: both sides need it

            app.start_child()
        spare.release()
        return _run_command(words, app)
    except BrokenPipeError:
        raise  # no fault: `main` ends quietly
    except Exception as error:
        spare.release()
        from kosmo_circleci.cli import faults

        return faults.unexpected(error, words)


def _run_command(words: list[str], app: App) -> int:
    import click

    from kosmo_circleci.cli import faults
    from kosmo_circleci.cli.commands import kosmo
    from kosmo_circleci.errors import KosmoError

    _speak_utf8()
    if os.environ.get("_KOSMO_COMPLETE"):
        from kosmo_circleci.cli.completion import complete

        return complete()
    try:
        # Not `kosmo.main`: click has exit codes of its own for Ctrl-C and a reader that has gone.
        with kosmo.make_context("kosmo", list(words), obj=app) as context:
            code = kosmo.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.UsageError as error:
        faults.report(faults.usage_message(error, words), "usage", words)
        return 2
    except click.ClickException as error:
        faults.report(error.format_message(), "usage", words)
        return 2
    except click.Abort:
        raise KeyboardInterrupt from None
    except KosmoError as error:
        faults.report(error.message, error.error_type, words)
        return error.exit_code
    return code if isinstance(code, int) else 0


def _fill_streams() -> None:
    """Open what a caller has closed: else a pipe of ours would get the number of a stream."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115 -- for good
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _exit_at_once(code: int) -> NoReturn:
    """End the process without Python's tear-down: a one-line script would wait for little else."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _speak_utf8() -> None:
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
