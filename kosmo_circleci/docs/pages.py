"""Page name -> page, or the nearest names."""

from typing import Final

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.lookup import nearest, split_path
from kosmo_circleci.docs import guides, render
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.wording import printable, shorten

_NAMESPACE: Final = ("app", "integrations", "circleci")
_MOST_OFFERED: Final = 3


def read(page: str, catalog: Catalog) -> str:
    """Return a page as Markdown: the guide `circleci`, another guide, or a function's page.

    Accepted: `circleci`, `circleci.get_pipeline`, `get_pipeline`,
    `circleci.circleci_get_pipeline`, a guide's name, and any of them behind `app.`, `integrations.`
    and an account segment. Raises `ValidationError` with the nearest pages.
    """
    name = page.strip().lower().removesuffix(".md").removesuffix("()")
    if name in ("app", "integrations", "app.integrations"):
        return guides.read("circleci")
    segments = split_path(name)
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
    lines += [render.line(function) for function in catalog.functions()]
    return "\n".join(lines)


def _unknown(page: str, last: str, catalog: Catalog) -> ValidationError:
    near = _near(last.removeprefix("circleci_"), catalog)
    shown = [each if each in guides.names() else f"circleci.{each}" for each in near]
    hint = (
        f"Did you mean: {', '.join(shown)}?"
        if shown
        else 'See docs.list(), docs.search("…") or `kosmo integrations:docs`.'
    )
    asked = printable(shorten(page)) or "''"
    return ValidationError(f"Unknown documentation page: {asked}. {hint}")


def _near(name: str, catalog: Catalog) -> tuple[str, ...]:
    """Return the pages somebody who wrote `name` may mean: by spelling, else by its words."""
    near = nearest(name, (*guides.names(), *catalog.names))
    if near:
        return near
    from kosmo_circleci.docs import search  # Only a name that is like no other needs it.

    return tuple(search.ranked(name, catalog)[:_MOST_OFFERED])
