"""The command `kosmo`: errors turned into words and exit codes.

click takes a good part of a one-line script's time to import, and the script's own process needs
none of it: `main` starts that process first, so that both import side by side.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    import click

    from kosmo_circleci.run.child import Child

SCRIPT_COMMANDS: Final = frozenset({"integrations:lua", "mcp:lua"})
"""The commands whose script runs in a process of its own."""

CALL_COMMANDS: Final = frozenset({"integrations:call", "integrations:circleci"})
"""The commands that answer with the envelope of one call."""


class App:
    """What `main` hands to a command: the script's process, where it is started already."""

    def __init__(self, child: "Child | None" = None) -> None:
        self._child = child

    def take_child(self) -> "Child":
        """Return the process for this command's script; it is the caller's to end."""
        from kosmo_circleci.run.child import fork_child

        child, self._child = self._child or fork_child(), None
        return child

    def close(self) -> None:
        """End the process if no command took it."""
        if self._child is not None:
            self._child.kill()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 success, 1 the work failed, 2 usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _fill_streams()
    app = App()
    try:
        if given[:1] and given[0] in SCRIPT_COMMANDS:
            # Until the script is watched, a signal is told as one that comes later would be.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        app = App(_early_child(given))
        code = _run(given, app)
    except KeyboardInterrupt:
        _report("Interrupted before the script had started.", "interrupted", given)
        code = 1
    except BrokenPipeError:
        # The reader has gone (`| head`): nobody is left to be told, and Python would still try.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    finally:
        app.close()
    if arguments is None and given[:1] and given[0] in SCRIPT_COMMANDS:
        _exit_at_once(code)
    sys.exit(code)


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


def _early_child(given: list[str]) -> "Child | None":
    if given[:1] and given[0] in SCRIPT_COMMANDS and not {"--help", "-h"} & set(given):
        import kosmo_circleci.run.supervisor  # noqa: F401 -- before the fork: both sides need it
        from kosmo_circleci.run.child import can_fork, fork_child

        if can_fork():
            return fork_child()
    return None


def _run(given: list[str], app: App) -> int:
    import click

    from kosmo_circleci.cli.commands import kosmo
    from kosmo_circleci.errors import KosmoError

    _speak_utf8()
    if os.environ.get("_KOSMO_COMPLETE"):
        from kosmo_circleci.cli.completion import complete

        return complete()
    try:
        # Not `kosmo.main`: click has exit codes of its own for Ctrl-C and a reader that has gone.
        with kosmo.make_context("kosmo", list(given), obj=app) as context:
            code = kosmo.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.UsageError as error:
        _report(_with_help_hint(error, given), "usage", given)
        return 2
    except click.ClickException as error:
        _report(error.format_message(), "usage", given)
        return 2
    except KosmoError as error:
        _report(error.message, error.error_type, given)
        return error.exit_code
    except BrokenPipeError:
        raise  # no fault: `main` ends quietly
    except (KeyboardInterrupt, click.Abort):
        _report("Interrupted by Ctrl-C.", "interrupted", given)
        return 1
    except Exception as error:
        return _unexpected(error, given)
    return code if isinstance(code, int) else 0


def _unexpected(error: Exception, given: list[str]) -> int:
    if isinstance(error, OSError) and error.filename is None:
        return _cannot_write(error)
    return _internal(error, given)


def _internal(error: Exception, given: list[str]) -> int:
    """Tell of a fault of ours: a program gets its one JSON object, a person what to report."""
    import traceback

    traceback.print_exception(error)
    _report(f"internal error: {type(error).__name__}: {error}", "runtime", given)
    return 1


def _cannot_write(error: OSError) -> int:
    """Tell of an output that takes nothing (a full disk), on the other stream."""
    sys.stderr.write(f"error: cannot write the output: {error.strerror or error}\n")
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered cannot go either
    return 1


def _with_help_hint(error: "click.UsageError", given: list[str]) -> str:
    message = error.format_message()
    if error.ctx is not None and "--json" not in given:
        message += f"\nSee '{error.ctx.command_path} --help'."
    return message


def _report(message: str, error_type: str, given: list[str]) -> None:
    import click

    from kosmo_circleci import jsonvalue

    message = _without_tokens(message)
    if "--json" not in given:
        click.echo(f"error: {message}", err=True)
    elif SCRIPT_COMMANDS & set(given[:1]):
        from kosmo_circleci.run.envelope import failure

        click.echo(failure(message, error_type, simulated="--simulate" in given).to_json())
    elif CALL_COMMANDS & set(given[:1]):
        from kosmo_circleci.cli.call.call import envelope
        from kosmo_circleci.run.envelope import failure

        click.echo(envelope(failure(message, error_type, simulated="--simulate" in given)))
    else:
        fault: jsonvalue.JsonValue = {"success": False, "error": message, "error_type": error_type}
        click.echo(jsonvalue.encode(fault))


def _without_tokens(message: str) -> str:
    """Return the message without the environment's tokens: one may stand where a name belongs."""
    from kosmo_circleci.config.accounts import DEFAULT_TOKEN_VARIABLES

    # By their beginnings: `CIRCLECI_TOKEN_WORK` is the token of the account `work`.
    tokens = [
        value for name, value in os.environ.items() if name.startswith(DEFAULT_TOKEN_VARIABLES)
    ]
    if not any(token and token in message for token in tokens):
        return message
    from kosmo_circleci.masking import Mask

    return Mask(tokens).text(message)


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
