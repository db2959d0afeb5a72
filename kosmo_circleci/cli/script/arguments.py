"""The script's `args`: from the command line, from files, the environment, and JSON.

A value on the command line is in the process list, and a long one fits on none; so there are files
and variables. What comes from a variable is masked wherever text leaves the process.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, TypeVar

import click

from kosmo_circleci import jsonvalue
from kosmo_circleci.cli.offers import files, script_arguments
from kosmo_circleci.cli.options import KeyValue
from kosmo_circleci.errors import UsageError
from kosmo_circleci.jsonvalue import JsonError, JsonValue

_F = TypeVar("_F", bound=Callable[..., Any])

MAX_BYTES: Final = 64 * 1024 * 1024
"""The largest file a value or `--args-json` may come from."""

Pair = tuple[str, str]


class ArgumentSources(NamedTuple):
    """The options that give arguments, as they were written. `-` means standard input."""

    values: tuple[Pair, ...] = ()
    files: tuple[Pair, ...] = ()
    variables: tuple[Pair, ...] = ()
    json_file: str | None = None

    @property
    def stdin_option(self) -> str | None:
        """The option that reads standard input, as it was written, or None."""
        used = [f"--arg-file {key}=-" for key, file in self.files if file == "-"]
        if self.json_file == "-":
            used.append("--args-json -")
        if len(used) > 1:
            raise UsageError(f"Standard input can be read once: {' and '.join(used)} both read it.")
        return used[0] if used else None


class ScriptArguments(NamedTuple):
    """The script's `args`, those of its values that are to be masked, and the keys of those that
    come from `--args-json`: they are JSON values already."""

    values: dict[str, JsonValue]
    secrets: tuple[str, ...] = ()
    decoded: frozenset[str] = frozenset()


def read_arguments(
    sources: ArgumentSources, environ: Mapping[str, str], stdin: BinaryIO
) -> ScriptArguments:
    """Return the arguments of a script; a single option wins over `--args-json` for its key.

    Raises `UsageError` for a file that cannot be read, a variable that is not set, JSON that is not
    an object, a key given by two options, and two readers of standard input.
    """
    _ = sources.stdin_option  # raises for two readers
    _refuse_repeated(sources)
    values: dict[str, JsonValue] = {}
    if sources.json_file is not None:
        values |= _object(_read("--args-json", sources.json_file, stdin), sources.json_file)
    values |= dict(sources.values)
    for key, file in sources.files:
        values[key] = _file_text(key, file, stdin)
    secrets = []
    for key, name in sources.variables:
        values[key] = secret = _variable(key, name, environ)
        secrets.append(secret)
    single = {key for key, _ in (*sources.values, *sources.files, *sources.variables)}
    return ScriptArguments(values, tuple(secrets), frozenset(values) - single)


def argument_options(command: _F) -> _F:
    """Add `--arg` and its kin, as `args`, `arg_files`, `arg_variables` and `args_json`."""
    for option in (
        click.option(
            "--args-json", metavar="FILE", shell_complete=files, help="A JSON object; - is stdin."
        ),
        click.option(
            "--arg-env",
            "arg_variables",
            multiple=True,
            type=KeyValue("KEY=VARIABLE", "--arg-env token=MY_TOKEN"),
            help="The value of a variable, masked in all output.",
        ),
        click.option(
            "--arg-file",
            "arg_files",
            multiple=True,
            type=KeyValue("KEY=FILE", "--arg-file config=config.yml"),
            help="The text of a file; - is stdin.",
        ),
        click.option(
            "--arg",
            "args",
            multiple=True,
            type=KeyValue(),
            shell_complete=script_arguments,
            help="A string in the table args.",
        ),
    ):
        command = option(command)
    return command


def _refuse_repeated(sources: ArgumentSources) -> None:
    kinds = {"--arg": sources.values, "--arg-file": sources.files, "--arg-env": sources.variables}
    seen: dict[str, str] = {}
    for option, pairs in kinds.items():
        for key, _ in pairs:
            other = seen.setdefault(key, option)
            if other != option:
                raise UsageError(f"{other} and {option} both give '{key}'. Give it once.")


def _file_text(key: str, file: str, stdin: BinaryIO) -> str:
    text = _read(f"--arg-file {key}=", file, stdin).decode("utf-8", "surrogateescape")
    # `echo` and a person at a keyboard end with a newline that does not belong to the value.
    return text.removesuffix("\n").removesuffix("\r") if file == "-" else text


def _variable(key: str, name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if value is None:
        raise UsageError(
            f"--arg-env {key}={name}: the variable {name} is not set. Set it, or name another."
        )
    return value


def _object(data: bytes, file: str) -> dict[str, JsonValue]:
    where = "Standard input" if file == "-" else file
    try:
        value = jsonvalue.decode(data.decode("utf-8", "surrogateescape"))
    except JsonError as error:
        raise UsageError(f"--args-json: {where} is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise UsageError(f'--args-json: {where} must hold a JSON object: {{"branch": "main"}}')
    return value


def _read(option: str, file: str, stdin: BinaryIO) -> bytes:
    shown = f"{option}{file}" if option.endswith("=") else f"{option} {file}"
    try:
        if file == "-":
            data = stdin.read(MAX_BYTES + 1)
        else:
            with Path(file).open("rb") as opened:
                data = opened.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "cannot be read"
        raise UsageError(f"{shown}: {reason}. Name a file that can be read.") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{shown}: larger than 64 MiB, the most that an argument may be.")
    return data
