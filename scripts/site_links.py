"""Links between the pages of the site.

The documents name things as a script does: `circleci.get_pipeline`, `flow.map(list, fn)`,
`kosmo integrations:docs`, `docs.read("errors")`. On the site such a name is a link to its page. The
links of a document to files of the repository become links to what the site has of those files.
"""

import posixpath
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from kosmo_circleci.cli.names import full_name

_FENCE: Final = re.compile(r"^\s*(```+|~~~+)")
_WORDS: Final = re.compile(
    r"(?P<kept>!?\[[^\]]*\]\([^)]*\)|``.*?``)|`(?P<code>[^`]+)`|\b(?P<name>[a-z]+(?:_[a-z\d]+)+)\b"
)
"""A link, which stays; a code span; or a bare word that may be a function's name."""

_LINK: Final = re.compile(r"\]\((?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?\)")
_READ: Final = re.compile(r'(?:docs\.read|lua_read_doc)\("([^"]+)"\)')
_COMMAND: Final = re.compile(r"kosmo ([a-z]+(?::[a-z]+)?)\b")
_PREFIXES: Final = ("app.", "integrations.", "circleci.", "circleci_")


class SiteError(ValueError):
    """A document names something that the site does not have."""


class Targets(NamedTuple):
    """Where things are on the site, as paths from its root, with an anchor where one is needed.

    `names` has functions (`get_pipeline`), helpers (`flow.map`), workflow files (`watch.lua`) and
    pages of `docs.read`; `commands` the full names of commands; `files` paths in the repository.
    """

    names: Mapping[str, str]
    commands: Mapping[str, str]
    files: Mapping[str, str]


def linked(markdown: str, page: str, source: str, targets: Targets) -> str:
    """Return the text of a document with the links it has on the site.

    `page` is its path on the site, `source` its path in the repository ("README.md"; "" for a
    generated text, whose links are those of the site already). Headings and code blocks stay as
    they are. Raises `SiteError` for a link to a file that the site does not have.
    """
    lines, fence = [], ""
    for line in markdown.split("\n"):
        mark = _FENCE.match(line)
        if mark is not None and (not fence or line.strip() == fence):
            fence = "" if fence else mark[1]
        elif not fence and not line.startswith("#"):
            line = _with_links(line, page, source, targets)
        lines.append(line)
    return "\n".join(lines)


def _with_links(line: str, page: str, source: str, targets: Targets) -> str:
    def of_name(match: re.Match[str]) -> str:
        target = None if match["kept"] else _target(match["code"] or match["name"], targets)
        if target is None or target == page:
            return match[0]
        return f"[{match[0]}]({_relative(target, page)})"

    def of_file(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
        if path not in targets.files:
            raise SiteError(f"{source}: the site has no page for the link to '{match[1]}'")
        return f"]({_relative(targets.files[path], page)}{match[2] or ''})"

    line = _LINK.sub(of_file, line) if source else line
    return _WORDS.sub(of_name, line)


def _target(code: str, targets: Targets) -> str | None:
    command = _COMMAND.match(code)
    if command is not None:
        return targets.commands.get(full_name(command[1]))
    read = _READ.fullmatch(code)
    name = (read[1] if read else code).partition("(")[0]
    if name == code and "." not in code and "_" not in code:
        return None  # A word such as `json` or `exit`: a guide, a helper, or just a word.
    if name in targets.names:
        return targets.names[name]
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return targets.names.get(name)


def _relative(target: str, page: str) -> str:
    path, mark, anchor = target.partition("#")
    return posixpath.relpath(path, posixpath.dirname(page) or ".") + mark + anchor
