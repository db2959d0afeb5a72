"""`git`, queried about a folder without running anything that the folder brings along.

A checkout may be another person's: its configuration can name programs (`core.fsmonitor`,
`core.sshCommand`, aliases, hooks, pagers). The questions asked here start none of them, and each
one that git could start is switched off besides. Nothing is fetched and nothing written.
"""

import os
import re
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.wording import printable, shorten

TIME_S: Final = 5.0
"""How long all questions about one checkout may take."""

_OPTIONS: Final = (
    "--no-pager",
    "--no-optional-locks",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.sshCommand=false"),
    *("-c", "core.askPass=false"),
    *("-c", "core.editor=false"),
    *("-c", "credential.helper="),
    *("-c", "protocol.allow=never"),
    # A repository inside the files of another one, which `git clone` brings along.
    *("-c", "safe.bareRepository=explicit"),
)
_KEPT: Final = (
    "GIT_CEILING_DIRECTORIES",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_KEY_",
    "GIT_CONFIG_VALUE_",
)
"""What a user says of git in general. GIT_DIR and its kin name another repository than the folder's
(a hook that runs kosmo has them), GIT_TRACE files to write, GIT_SSH programs to start."""

_FIXED: Final = {
    "LC_ALL": "C",  # messages in the words that are looked for
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
}
_FATAL: Final = 128
_OUTSIDE: Final = ("not a git repository", "cannot use bare repository", "cannot change to")
_UNTRUSTED: Final = re.compile(r"dubious ownership in repository at '(.*)'")


class Git:
    """Asks about one folder. Raises `ConfigurationError` where git cannot be asked."""

    def __init__(self, folder: Path, environ: Mapping[str, str], time_s: float = TIME_S) -> None:
        self._folder = folder
        self._environ = safe_environment(environ)
        self._end = time.monotonic() + time_s
        self._program = program(environ)

    def ask(self, *arguments: str) -> str | None:
        """Return what git answers, without its last newline; None where it has no answer.

        Raises `ConfigurationError` for a folder that is not in a checkout.
        """
        import subprocess  # costs milliseconds, and few runs ask

        try:
            ended = subprocess.run(
                [self._program, *_OPTIONS, "-C", str(self._folder), *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=self._environ,
                cwd="/",
                timeout=max(0.0, self._end - time.monotonic()),
            )
        except subprocess.TimeoutExpired:
            raise ConfigurationError(
                f"git took longer than {TIME_S:g} s to answer about {self._folder}. "
                "Name the project and the branch instead."
            ) from None
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"git cannot be started: {error}.") from None
        if ended.returncode == _FATAL:
            raise self._refusal(ended.stderr.decode("utf-8", "replace"))
        text = ended.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")
        return text if ended.returncode == 0 and text else None

    def _refusal(self, message: str) -> ConfigurationError:
        if any(each in message for each in _OUTSIDE):
            return not_a_checkout(self._folder)
        if untrusted := _UNTRUSTED.search(message):
            place = printable(untrusted[1])
            return ConfigurationError(
                f"git does not trust the checkout at {place}: it belongs to another user. "
                f"If you trust it: git config --global --add safe.directory {shlex.quote(place)}"
            )
        reason = printable(shorten(message.strip().partition("\n")[0], 200))
        return ConfigurationError(f"git cannot read the checkout at {self._folder}: {reason}")


def not_a_checkout(folder: Path) -> ConfigurationError:
    """Return the error for a folder that is in no working tree of git."""
    return ConfigurationError(
        f"{folder} is not inside a git checkout. Change to one, or name the project and the branch."
    )


def safe_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for git: without tokens, and without what names a repository or a
    program.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if name.startswith(_KEPT) or not name.startswith(("GIT_", "CIRCLECI_", "CIRCLE_"))
    }
    return kept | _FIXED


def program(environ: Mapping[str, str]) -> str:
    """Return the path of git, from the absolute folders of PATH: a checkout may hold a `git`.

    Raises `ConfigurationError` where it is not installed.
    """
    import shutil

    folders = [each for each in os.get_exec_path(dict(environ)) if os.path.isabs(each)]
    path = shutil.which("git", path=os.pathsep.join(folders))
    if path is None:
        raise ConfigurationError(
            "git is not installed (no such program in PATH), so the checkout cannot be read. "
            "Install it, or name the project and the branch."
        )
    return path
