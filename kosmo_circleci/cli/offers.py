"""What the parameters of the commands offer to a shell's completion.

Each function has the form click calls for `shell_complete`. They are called when somebody presses
Tab and at no other time, so what they need is imported inside them; and they stay silent where the
configuration is broken, because an error does not belong on a prompt.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from kosmo_circleci.errors import KosmoError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from kosmo_circleci.catalog.model import Function
    from kosmo_circleci.workflows.header import Header
    from kosmo_circleci.workflows.library import Workflow


def function_names(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Offer functions, behind whatever path (`work.`, `circleci.`) is already there."""
    from kosmo_circleci.catalog.load import load_catalog

    path, _, start = incomplete.rpartition(".")
    prefix = f"{path}." if path else ""
    functions = load_catalog().functions()
    return _items(
        (prefix + each.name, each.summary) for each in functions if each.name.startswith(start)
    )


def page_names(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Offer documentation pages: guides, `workflows.NAME`, then `circleci.<function>`."""
    from kosmo_circleci.catalog.load import load_catalog
    from kosmo_circleci.docs import guides
    from kosmo_circleci.docs.workflows import pages as workflow_pages

    pages = [(name, guides.title(name)) for name in guides.names()]
    pages += [(each.name, each.sentence) for each in workflow_pages(_documented())]
    pages += [(f"circleci.{each.name}", each.summary) for each in load_catalog().functions()]
    return _items((name, about) for name, about in pages if name.startswith(incomplete))


def _documented() -> "tuple[Workflow, ...]":
    from kosmo_circleci.cli.workflows import library

    try:
        return library().documented()
    except KosmoError:
        return ()


def account_names(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Offer the configured accounts with the address each one talks to."""
    from kosmo_circleci.cli.accounts.status import read_configuration

    try:
        accounts = read_configuration().accounts.values()
    except KosmoError:
        return []
    return _items((a.name, a.origin) for a in accounts if a.name.startswith(incomplete))


def integration_names(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Offer the integrations that can be configured."""
    return _items((name, "") for name in ("circleci",) if name.startswith(incomplete))


def policies(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Offer the rules of the read/write policy."""
    from kosmo_circleci.config.policy import RULES

    return _items((rule, "") for rule in RULES if rule.startswith(incomplete))


def workflows(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Offer the ready-made workflows."""
    from kosmo_circleci.cli.workflows import workflow_names

    return workflow_names(context, parameter, incomplete)


def script_arguments(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Offer the arguments that the script of the line declares: `branch=`, then a flag's values."""
    name, equals, value = incomplete.partition("=")
    typed = {key for key, _ in context.params.get("args") or ()}
    declared = [each for each in _header(context).arguments if each.name not in typed]
    if not equals:
        return _items(
            (f"{each.name}=", each.description or each.type)
            for each in declared
            if each.name.startswith(name)
        )
    of_flag = [each.name for each in declared if each.name == name and each.type == "boolean"]
    values = ("true", "false") if of_flag else ()
    return _items((f"{name}={each}", "") for each in values if each.startswith(value))


def _header(context: click.Context) -> "Header":
    """Return the header of the script that the line names; an empty one where there is none."""
    from pathlib import Path

    from kosmo_circleci.cli.workflows import library
    from kosmo_circleci.files.bounded import read_bounded
    from kosmo_circleci.workflows.header import Header, parse

    file, workflow = context.params.get("file"), context.params.get("workflow")
    if file is None and context.args:
        file = context.args[0]  # click gives up its arguments where an option has no value yet
    try:
        if workflow is not None:
            return library().find(workflow).described().header
        if file is not None:
            return parse(read_bounded(Path(file)).decode("utf-8", "replace"), file)
    except (OSError, ValueError, KosmoError):
        pass
    return Header()


def files(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Leave it to the shell to offer files."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def folders(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Leave it to the shell to offer folders."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="dir")]


def parameter_flags(context: click.Context, incomplete: str) -> "list[CompletionItem]":
    """Offer the flags of the function that the line names: `--project-slug`, …"""
    from kosmo_circleci.cli.call.call_arguments import as_flag, parameter_flags

    function = _function(context)
    if function is None:
        return []
    about = {as_flag(each.name): each.description for each in function.parameters}
    used = {word.partition("=")[0] for word in context.params.get("words") or ()}
    return _items(
        (flag, about.get(flag, ""))
        for flag in parameter_flags(function)
        if flag.startswith(incomplete) and flag not in used
    )


def parameter_values(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Offer the values of the flag in front, where the manifest lists them."""
    words = context.params.get("words") or ()
    function = _function(context)
    if function is None or not words or not words[-1].startswith("--"):
        return []
    parameter = function.parameter(words[-1].removeprefix("--").replace("-", "_"))
    if parameter is None:
        return []
    values = parameter.enum or (("true", "false") if parameter.type == "boolean" else ())
    return _items((str(value), "") for value in values if str(value).startswith(incomplete))


def _function(context: click.Context) -> "Function | None":
    from kosmo_circleci.catalog.load import load_catalog
    from kosmo_circleci.catalog.lookup import find

    try:
        return find(load_catalog(), context.params.get("function") or "")
    except KosmoError:
        return None


def _items(rows: Iterable[tuple[str, str]]) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    # A shell's line is read up to the next newline, and shows one line of help at most.
    return [CompletionItem(value, help=" ".join(about.split()) or None) for value, about in rows]
