"""A command that failed: what is written, where, and with which exit code.

Without `--json` a fault is a line on stderr that begins with `error:`; with it, stdout carries the
command's one JSON object. Both must work where little else does: no descriptor left, a full disk.
"""

import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from kosmo_circleci.cli.names import CALL_COMMANDS, SCRIPT_COMMANDS, full_name
from kosmo_circleci.wording import printable_lines

if TYPE_CHECKING:
    import click

_REFUSED_BY_SYSTEM: Final = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_REFUSED_BY_OUTPUT: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def report(message: str, error_type: str, words: Sequence[str]) -> None:
    """Write what went wrong with the command line `words`, without the environment's tokens."""
    import click

    message = _without_tokens(message)
    if "--json" in words:
        click.echo(_json_form(message, error_type, words))
    else:
        click.echo(f"error: {printable_lines(message)}", err=True)


def usage_message(error: "click.UsageError", words: Sequence[str]) -> str:
    """Return the message of a usage error; a person also gets the command that helps."""
    message = error.format_message()
    if error.ctx is not None and "--json" not in words:
        message += f"\nSee '{error.ctx.command_path} --help'."
    return message


def unexpected(error: Exception, words: Sequence[str]) -> int:
    """Report an error no command expects, and return the exit code.

    What the system refuses (descriptors, processes, memory, room on the disk, the current folder)
    is a message; anything else is a fault of ours, and its traceback goes to stderr for the report.
    """
    if isinstance(error, OSError) and error.errno in _REFUSED_BY_OUTPUT and not error.filename:
        return _cannot_write(error)
    refusal = _refusal(error)
    if refusal is not None:
        report(refusal, "limit", words)
        return 1
    if isinstance(error, FileNotFoundError) and not _current_folder_exists():
        report("The current folder no longer exists. Change to one that does.", "usage", words)
        return 2
    import traceback

    traceback.print_exception(error)
    report(f"internal error: {type(error).__name__}: {error}", "runtime", words)
    return 1


def _refusal(error: Exception) -> str | None:
    if isinstance(error, MemoryError):
        return "The system has no memory left for this command. Free some, and try again."
    if isinstance(error, OSError) and error.errno in _REFUSED_BY_SYSTEM:
        return (
            f"The system refused what this command needs: {error.strerror}. "
            "Raise the limit on open files (ulimit -n) or processes (ulimit -u), and try again."
        )
    return None


def _json_form(message: str, error_type: str, words: Sequence[str]) -> str:
    from kosmo_circleci import jsonvalue

    command = full_name(words[0])
    if command not in SCRIPT_COMMANDS | CALL_COMMANDS:
        return jsonvalue.encode({"success": False, "error": message, "error_type": error_type})
    from kosmo_circleci.run.envelope import failure

    run = failure(message, error_type, simulated="--simulate" in words)
    if command in SCRIPT_COMMANDS:
        return run.to_json()
    from kosmo_circleci.cli.call.envelope import call_envelope

    return call_envelope(run)


def _cannot_write(error: OSError) -> int:
    """Tell of an output that takes nothing (a full disk), on the other stream."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"error: cannot write the output: {error.strerror or error}\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered cannot go either
    return 1


def _current_folder_exists() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


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
