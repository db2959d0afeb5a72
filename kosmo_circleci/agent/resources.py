"""What a client can read: the pages of the documentation, and results that were kept."""

from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from kosmo_circleci.agent.clients import Client
from kosmo_circleci.agent.executions import Executions
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.docs import guides, pages
from kosmo_circleci.docs import workflows as workflow_docs
from kosmo_circleci.errors import UsageError, ValidationError
from kosmo_circleci.wording import printable, shorten

PAGES: Final = "kosmo://docs/"
PAGE_TEMPLATE: Final = PAGES + "{page}"
RESULT_TEMPLATE: Final = "kosmo://results/{id}{?offset,length}"

WHOLE_BYTES: Final = 512 * 1024
"""How large a kept result may be to be read without a range: clients limit a message."""


class Resource(NamedTuple):
    """Something to read, as a list shows it."""

    uri: str
    name: str
    title: str
    mime_type: str
    size_bytes: int | None = None


class Content(NamedTuple):
    """What was read. Only a page is the same for every client, unless it is a workflow's."""

    text: str
    mime_type: str
    is_public: bool


class Resources:
    """The resources of one server. Blocking; safe for several threads."""

    def __init__(self, executions: Executions) -> None:
        self._executions = executions

    def list_for(self, client: Client) -> Iterator[Resource]:
        """Yield guides, workflows, and the results that are kept for `client`.

        The page of a function, `kosmo://docs/circleci.get_pipeline`, is read by its name.
        """
        for name in (*guides.names(), "circleci.index"):
            title = guides.title(name) if name in guides.names() else "Every function"
            yield Resource(PAGES + name, name, title, "text/markdown")
        for page in workflow_docs.pages(self._executions.workflows(client)):
            yield Resource(PAGES + page.name, page.name, page.sentence, "text/markdown")
        for kept in self._executions.results.of(client.key):
            name, size = kept.result_id, len(kept.text)
            yield Resource(kept.uri, name, "A result", "application/json", size)

    def read(self, uri: str, client: Client) -> Content:
        """Return what is at `uri`.

        Raises `ValidationError` where there is nothing, and `UsageError` for a wrong range.
        """
        try:
            parts = urlsplit(uri)
        except ValueError:  # brackets without an address in them
            parts = urlsplit("")
        name = unquote(parts.path.removeprefix("/"))
        if parts.scheme == "kosmo" and parts.netloc == "docs" and not parts.query:
            is_public = not name.startswith(workflow_docs.PREFIX)
            text = self._executions.read_doc(name, client)
            return Content(text, "text/markdown", is_public)
        if parts.scheme == "kosmo" and parts.netloc == "results":
            return Content(self._result(name, parts.query, client), "application/json", False)
        raise ValidationError(
            f"Unknown resource '{printable(shorten(uri))}'. There are {PAGES}circleci, the other "
            "pages, and kosmo://results/ID."
        )

    def page_names(self, beginning: str, client: Client) -> list[str]:
        """Return the names of pages that begin so."""
        listing = pages.listing(load_catalog(), self._executions.workflows(client))
        names = (line.partition(":")[0] for line in listing.splitlines())
        bare = (name.partition(" ")[0] for name in names)
        return [name for name in bare if name.startswith(beginning)]

    def _result(self, result_id: str, query: str, client: Client) -> str:
        kept = self._executions.results.get(client.key, result_id)
        if kept is None:
            raise ValidationError(
                f"Unknown result '{printable(shorten(result_id))}'. Results are kept for the "
                "session, and the oldest go first."
            )
        size = len(kept.text)
        bounds = _range(query)
        if bounds is None:
            if size > WHOLE_BYTES:
                raise ValidationError(
                    f"The result has {size:,} bytes. Read it in ranges of at most "
                    f"{WHOLE_BYTES:,}: {kept.uri}?offset=0&length={WHOLE_BYTES}"
                )
            return kept.text
        offset, length = bounds
        if offset > size:
            raise UsageError(f"The result has {size:,} bytes; there are none from {offset:,} on.")
        return kept.text[offset : offset + min(length, WHOLE_BYTES)]


def _range(query: str) -> tuple[int, int] | None:
    if not query:
        return None
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
        numbers = {name: _number(text) for name, text in pairs}
        is_range = len(numbers) == len(pairs) and not numbers.keys() - {"offset", "length"}
    except ValueError:
        is_range = False
    if not is_range:
        raise UsageError(
            "A range is written ?offset=N&length=N, in bytes of the JSON text; got "
            f"'?{printable(shorten(query))}'."
        )
    return numbers.get("offset", 0), numbers.get("length", WHOLE_BYTES)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValueError(text)
    return int(text)
