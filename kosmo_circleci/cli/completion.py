"""`kosmo completion`: the scripts for bash, zsh and fish, and how each shell's line is read.

The mechanism is click's: the script calls `kosmo` with `_KOSMO_COMPLETE` set, and gets the words
that fit. What click does not do: bash takes words apart at `:` and `=`, and kosmo's have both.
"""

import os
from typing import Any, Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    shell_complete,
    split_arg_string,
)

from kosmo_circleci.cli.output import emit, json_option
from kosmo_circleci.wording import printable

VARIABLE: Final = "_KOSMO_COMPLETE"

_BASH: Final = """\
%(complete_func)s() {
    local IFS=$'\\n' line="${COMP_LINE:0:COMP_POINT}" type value response
    local word="${line##*[[:space:]]}" prefix=""
    # bash inserts what follows the last of its word breaks only.
    if [[ $COMP_WORDBREAKS == *:* && $word == *:* ]]; then prefix="${word%%"${word##*:}"}"; fi
    if [[ $COMP_WORDBREAKS == *=* && $word == *=* ]]; then prefix="${word%%"${word##*=}"}"; fi
    response=$(env COMP_LINE="$line" %(complete_var)s=bash_complete "$1" 2>/dev/null)
    COMPREPLY=()
    while IFS=',' read -r type value; do
        if [[ $type == file ]]; then
            compopt -o default
        elif [[ $type == plain ]]; then
            # bash inserts the text as it is: what a shell would obey must be quoted.
            COMPREPLY+=("$(printf %%q "${value#"$prefix"}")")
        fi
    done <<< "$response"
    # Behind `branch=` a value follows, and no space.
    if [[ ${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_FISH: Final = """\
function %(complete_func)s
    set -l response (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) \\
        COMP_CWORD=(commandline -t) %(prog_name)s 2>/dev/null)
    for completion in $response
        set -l parts (string split -m 1 "," -- $completion)
        if test $parts[1] = "file"
            __fish_complete_path $parts[2]
        else if test $parts[1] = "plain"
            echo $parts[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class _WholeWords(ShellComplete):
    """Completes `--flag=va` by the values of the flag, and gives back the whole word.

    Every shell reads items line by line, and names may come from a repository's files: control
    characters are escaped, so that no name can be read as a further item.
    """

    def get_completions(self, args: list[str], incomplete: str) -> list[Any]:
        flag, equals, value = incomplete.partition("=")
        if not (equals and flag.startswith("--")):
            return [_one_line("", item) for item in super().get_completions(args, incomplete)]
        items = super().get_completions([*args, flag], value)
        return [_one_line(f"{flag}=", item) for item in items]


def _one_line(prefix: str, item: CompletionItem[Any]) -> CompletionItem[str]:
    help_line = printable(" ".join((item.help or "").split()))
    return CompletionItem(prefix + printable(item.value), type=item.type, help=help_line or None)


class Bash(_WholeWords, BashComplete):
    """bash: reads the line itself, because bash's own words are broken at `:` and `=`."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)[1:]
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        return words, incomplete


class Zsh(_WholeWords, ZshComplete):
    """zsh, as click has it."""


class Fish(_WholeWords, FishComplete):
    """fish: the description may hold commas."""

    source_template = _FISH


SHELLS: Final = ("bash", "zsh", "fish")


def complete() -> int:
    """Answer a shell that asks through the environment, and return the exit code."""
    from kosmo_circleci.cli.commands import kosmo

    _register()
    return shell_complete(kosmo, {}, "kosmo", VARIABLE, os.environ[VARIABLE])


def _register() -> None:
    add_completion_class(Bash, "bash")
    add_completion_class(Zsh, "zsh")
    add_completion_class(Fish, "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS), metavar="SHELL")
@json_option
def completion(shell: str, as_json: bool) -> None:
    """Print the completion script of SHELL: bash, zsh or fish.

    It completes commands, options, functions and their parameters, pages and accounts. Add the line
    for your shell to its startup file:

    \b
    Examples:
      eval "$(kosmo completion bash)"       # ~/.bashrc
      eval "$(kosmo completion zsh)"        # ~/.zshrc, after compinit
      kosmo completion fish | source        # ~/.config/fish/config.fish
      kosmo completion bash > /etc/bash_completion.d/kosmo
    """
    from kosmo_circleci.cli.commands import kosmo

    _register()
    completer = get_completion_class(shell)
    assert completer is not None
    script = completer(kosmo, {}, "kosmo", VARIABLE).source()
    emit(script, {"success": True, "shell": shell, "script": script}, as_json)
