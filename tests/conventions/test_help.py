"""Help: every command explains itself on one screen, with examples, in words that are reviewed."""

import re
import shlex
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from kosmo_circleci.cli.commands import COMMANDS, GROUPS, grouped, kosmo, load
from kosmo_circleci.cli.names import full_name

LINES = 40
WIDTH = 100
GOLDEN = Path(__file__).parent.parent / "data" / "help"
WRITTEN_WITH = "8.5"
"""The click of the golden files: another one words and wraps some lines otherwise."""

EVERY = ["kosmo", *COMMANDS]


def command(name: str) -> click.Command:
    return kosmo if name == "kosmo" else load(name)


def help_of(name: str) -> str:
    """Return what `--help` prints on a screen of 80 columns."""
    settings = {**kosmo.context_settings, "terminal_width": 80}
    parent = click.Context(kosmo, info_name="kosmo", **settings)
    if name == "kosmo":
        return kosmo.get_help(parent) + "\n"
    child = click.Context(command(name), info_name=name, parent=parent)
    return command(name).get_help(child) + "\n"


def examples(name: str) -> list[str]:
    """Return the example lines of a command's help, those that go on put together."""
    _, _, rest = help_of(name).partition("Examples:\n")
    block = rest.partition("\n\n")[0].replace("\\\n", " ")
    return [line.strip() for line in block.splitlines()]


@pytest.mark.parametrize("name", EVERY)
def test_help_fits_a_screen_and_has_examples(name: str) -> None:
    lines = help_of(name).splitlines()
    assert len(lines) <= LINES
    assert [line for line in lines if len(line) > WIDTH] == []
    assert examples(name) != []


@pytest.mark.parametrize("name", EVERY)
def test_every_example_names_commands_and_options_there_are(name: str) -> None:
    for line in examples(name):
        for words in _invocations(line):
            name_in_full = full_name(words[0])
            assert name_in_full in COMMANDS, line
            options = (each.opts + each.secondary_opts for each in load(name_in_full).params)
            known = {option for names in options for option in names}
            free = name_in_full in ("integrations:call", "integrations:circleci", "mcp:call")
            used = {word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)}
            assert free or used <= known, line
    if name != "kosmo":
        lines = [words for line in examples(name) for words in _invocations(line)]
        assert any(full_name(words[0]) == name for words in lines)


def _invocations(line: str) -> list[list[str]]:
    """Return the words behind each `kosmo` of a shell line."""
    found: list[list[str]] = []
    inside = re.sub(r'eval "\$\((.*?)\)"', r"\1", line)
    for word in shlex.split(inside, comments=True):
        if word in ("|", ">", "&", "&&"):
            found.append([])
        elif word == "kosmo":
            found.append([word])
        elif found and found[-1]:
            found[-1].append(word)
    return [words[1:] for words in found if words]


@pytest.mark.parametrize("name", EVERY)
def test_help_is_as_reviewed(name: str, request: pytest.FixtureRequest) -> None:
    file = GOLDEN / f"{name.replace(':', '_')}.txt"
    if request.config.getoption("--update", default=False):
        file.write_text(help_of(name), "utf-8")
    if not version("click").startswith(f"{WRITTEN_WITH}."):
        pytest.skip(f"golden help was written with click {WRITTEN_WITH}")
    assert help_of(name) == file.read_text("utf-8"), "run pytest --update, and read the change"


def test_there_is_a_golden_file_for_each_command_and_no_other() -> None:
    files = {file.stem for file in GOLDEN.glob("*.txt")}
    assert files == {name.replace(":", "_") for name in EVERY}


def test_every_command_has_a_group_and_a_line_that_fits() -> None:
    placed = [name for _, names in grouped() for name in names]
    assert sorted(placed) == sorted(COMMANDS)
    assert {title for title, _ in grouped()} <= set(GROUPS), "a command stands in no group"
    assert [line for _, _, line in COMMANDS.values() if len(line) > 42 or line[-1] != "."] == []


def test_every_option_says_what_it_is() -> None:
    silent = [
        f"{name} {option.opts[-1]}"
        for name in COMMANDS
        for option in load(name).params
        if isinstance(option, click.Option) and not option.help
    ]
    assert silent == []
