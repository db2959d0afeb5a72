"""The Lua helpers as pages: each section of a guide under a heading such as `flow.map(list, fn)`.

A guide is the one place where a helper is described. The first paragraph of its section is its
sentence; a comment `<!-- search: words -->` has further words a question may use, and readers never
see it. A guide with such a comment before its first section is found by the search as well.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, NamedTuple

from kosmo_circleci.docs import guides

_SECTION: Final = re.compile(r"^## ", re.MULTILINE)
_HEADING: Final = re.compile(r"([a-z_]+(?:\.[a-z_]+(?=[(\n])|(?=\()))(?:\(.*\))?\n")
"""`flow.map(list, fn)`, `json.null` or `exit(code)`; not a word alone."""
_SEARCH: Final = re.compile(r"^<!-- search: (.*?) -->\n+", re.MULTILINE | re.DOTALL)


class Helper(NamedTuple):
    """A helper, or a guide about some: `sentence` describes it in one line, `text` is its page."""

    name: str
    guide: str
    sentence: str
    keywords: str
    text: str

    @property
    def is_guide(self) -> bool:
        """True for a whole guide, such as `json`."""
        return self.name == self.guide


@cache
def helpers() -> Mapping[str, Helper]:
    """Return every helper by name, guides that are found by the search before their helpers."""
    return {
        helper.name: helper
        for guide in guides.names()
        for helper in _of_guide(guide, guides.read_source(guide))
    }


def _of_guide(guide: str, source: str) -> Iterator[Helper]:
    head, *sections = _SECTION.split(source)
    words = _SEARCH.search(head)
    if words is not None:
        yield Helper(guide, guide, f"{guides.title(guide)}.", words[1], guides.read(guide))
    for section in sections:
        heading = _HEADING.match(section)
        if heading is None:
            continue
        words = _SEARCH.search(section)
        body = _SEARCH.sub("", section[heading.end() :]).strip()
        signature = section[: heading.end()].strip()
        yield Helper(
            name=heading[1],
            guide=guide,
            sentence=" ".join(body.partition("\n\n")[0].split()),
            keywords="" if words is None else words[1],
            text=f'# {signature}\n\n{body}\n\nMore: `docs.read("{guide}")`.\n',
        )
