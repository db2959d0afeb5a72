"""The generated parts of the documentation. `--check` writes nothing, and fails when stale.

The first part of the index of functions goes into lua_docs/circleci.md, the help of every command
into lua_docs/cli.md, the table of workflow files into lua_docs/workflows.md, the tables of commands
and workflows into README.md: each between two marker lines, and the text around them is edited by
hand.
"""

import argparse
import difflib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from command_docs import cli_guide
from markers import DocumentError, between, markers

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.cli.commands import grouped
from kosmo_circleci.cli.names import short_name
from kosmo_circleci.docs import index
from kosmo_circleci.workflows.sources import shipped

ROOT: Final = Path(__file__).parent.parent
GUIDE_BYTES: Final = 24 * 1024
"""What the guide `circleci` may have at most, index included."""

Render: TypeAlias = Callable[[str], str]
"""Old text of a file ("" where there is none) -> what it should be. Raises `DocumentError`."""


class Target(NamedTuple):
    """A file with a generated part, or one that is generated as a whole."""

    path: Path
    render: Render


def guide_with_index(old: str) -> str:
    """Return the guide with its part of the index of functions."""
    text = between(old, "index", index.guide_part(load_catalog()))
    size = len(text.encode("utf-8"))
    if size > GUIDE_BYTES:
        raise DocumentError(f"the guide has {size} bytes; {GUIDE_BYTES} are allowed")
    return text


def readme(old: str) -> str:
    """Return the README with the tables it has markers for: of commands, of workflows."""
    text = old
    for part, table in (("commands", _command_groups), ("workflows", _workflow_rows)):
        if markers(part)[0] in text:
            text = between(text, part, table())
    return text


def _command_groups() -> str:
    """Return a row for each group of `kosmo --help`, in its order."""
    rows = ["| | commands of `kosmo` |", "| --- | --- |"]
    rows += [f"| {title} | {', '.join(map(_names, names))} |" for title, names in grouped()]
    return "\n".join(rows)


def guide_with_workflows(old: str) -> str:
    """Return the guide `workflows` with a row for each shipped file, from its header."""
    rows = ["| workflow | arguments | writes |", "| --- | --- | --- |"]
    for each in shipped():
        described = each.described()
        names = [f"`{argument.name}`" for argument in described.header.arguments]
        writes = described.header.writes
        may_write = "" if writes is None else ", ".join(f"`{name}`" for name in writes) or "none"
        sentence = described.description.replace("|", "\\|")
        rows.append(f"| `{each.name}`: {sentence} | {', '.join(names)} | {may_write} |")
    return between(old, "workflows", "\n".join(rows))


def _names(name: str) -> str:
    short = short_name(name)
    return f"`{name}`" + (f" (`{short}`)" if short else "")


def _workflow_rows() -> str:
    """Return a row for each workflow that is shipped: its name, what it says of itself."""
    rows = ["| workflow | what it does |", "| --- | --- |"]
    rows += [f"| `{each.name}` | {each.described().description} |" for each in shipped()]
    return "\n".join(rows)


# A further generated document is one more row.
TARGETS: Final = (
    Target(ROOT / "lua_docs" / "circleci.md", guide_with_index),
    Target(ROOT / "lua_docs" / "cli.md", cli_guide),
    Target(ROOT / "lua_docs" / "workflows.md", guide_with_workflows),
    Target(ROOT / "README.md", readme),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether all is current")
    check = parser.parse_args().check
    return max([_bring_up_to_date(target, check) for target in TARGETS])


def _bring_up_to_date(target: Target, check: bool) -> int:
    name = target.path.relative_to(ROOT)
    old = target.path.read_text("utf-8") if target.path.exists() else ""
    try:
        new = target.render(old)
    except DocumentError as error:
        print(f"error: {name}: {error}", file=sys.stderr)
        return 1
    if new == old:
        return 0
    if not check:
        target.path.write_text(new, "utf-8")
        return 0
    before, after = old.splitlines(), new.splitlines()
    for line in difflib.unified_diff(
        before, after, f"{name} (committed)", f"{name} (built)", lineterm=""
    ):
        print(line)
    print(f"error: {name} is stale; run `make generate`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
