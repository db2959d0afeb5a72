"""Page name -> page, or the nearest names."""

from typing import Final

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.lookup import split_path, suggestions
from kosmo_circleci.docs import guides, index, render
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.wording import printable, shorten

_NAMESPACE: Final = ("app", "integrations", "circleci")


def read(page: str, catalog: Catalog) -> str:
    """Return a page as Markdown: the guide `circleci`, another guide, the index
    `circleci.index`, or a function's page.

    Accepted: `circleci`, `circleci.get_pipeline`, `get_pipeline`,
    `circleci.circleci_get_pipeline`, a guide's name, and any of them behind `app.`, `integrations.`
    and an account segment. Raises `ValidationError` with the nearest pages.
    """
    name = page.strip().lower().removesuffix(".md").removesuffix("()")
    if name in ("app", "integrations", "app.integrations"):
        return guides.read("circleci")
    segments = split_path(name)
    if segments in (("index",), ("circleci", "index")):
        return index.page(catalog)
    last = segments[-1]
    if len(segments) <= 2 or segments[0] in _NAMESPACE:
        if last in guides.names():
            return guides.read(last)
        function = catalog.get(last.removeprefix("circleci_"))
        if function is not None:
            return render.function_page(function, catalog)
    raise _unknown(page, last, catalog)


def listing(catalog: Catalog) -> str:
    """Return every page, one a line: the guides, then the functions with read or write."""
    lines = [f"{name}: {guides.title(name)}" for name in guides.names()]
    lines.append(f"{index.NAME}: Every function of app.integrations.circleci, by topic")
    lines += [render.line(function) for function in catalog.functions()]
    return "\n".join(lines)


def _unknown(page: str, last: str, catalog: Catalog) -> ValidationError:
    near = suggestions(last.removeprefix("circleci_"), catalog, guides.names())
    offers = [each if each in guides.names() else f"circleci.{each}" for each in near]
    hint = (
        f"Did you mean: {', '.join(offers)}?"
        if offers
        else 'See docs.list(), docs.search("…") or `kosmo integrations:docs`.'
    )
    name = printable(shorten(page)) or "''"
    return ValidationError(f"Unknown documentation page: {name}. {hint}")
