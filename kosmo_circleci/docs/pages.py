"""Page name -> page, or the nearest names."""

from typing import Final

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.lookup import nearest, split_path, suggestions
from kosmo_circleci.docs import guides, index, render
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.wording import printable, shorten

_NAMESPACE: Final = ("app", "integrations", "circleci")
_ALIKE: Final = 0.6
"""How alike the last words of two helpers must be: the namespace they share says nothing."""


def read(page: str, catalog: Catalog) -> str:
    """Return a page as Markdown: a guide, a helper's page, the index, or a function's page.

    Accepted: `circleci`, `circleci.get_pipeline`, `get_pipeline`, `circleci.circleci_get_pipeline`,
    `circleci.index`, `flow.map`, a guide's name, `skill` for the skill file of coding agents;
    `app.`, `integrations.` and an account segment may be in front. Raises
    `ValidationError` with the nearest pages.
    """
    name = page.strip().lower().removesuffix(".md").removesuffix("()")
    if name in ("app", "integrations", "app.integrations"):
        return guides.read("circleci")
    if name == guides.SKILL.lower():
        return guides.read_source(guides.SKILL)
    helper = _helper_page(name) if "." in name else None
    if helper is not None:
        return helper
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
    helper = _helper_page(name)
    if helper is not None:
        return helper
    raise _unknown(page, name, last, catalog)


def _helper_page(name: str) -> str | None:
    """Return the page of a helper such as `flow.map` or `exit`; a guide has its own."""
    from kosmo_circleci.docs import helpers  # Reads every guide.

    helper = helpers.helpers().get(name)
    return None if helper is None else helper.text


def listing(catalog: Catalog) -> str:
    """Return every page, one a line: guides, index, helpers, functions with read or write."""
    from kosmo_circleci.docs import helpers

    lines = [f"{name}: {guides.title(name)}" for name in guides.names()]
    lines.append(f"{index.NAME}: Every function of app.integrations.circleci, by topic")
    all_helpers = helpers.helpers().values()
    lines += [render.helper_line(each) for each in all_helpers if not each.is_guide]
    lines += [render.line(function) for function in catalog.functions()]
    return "\n".join(lines)


def _unknown(page: str, name: str, last: str, catalog: Catalog) -> ValidationError:
    offers = _offers(name, last, catalog)
    hint = (
        f"Did you mean: {', '.join(offers)}?"
        if offers
        else 'See docs.list(), docs.search("…") or `kosmo integrations:docs`.'
    )
    text = printable(shorten(page)) or "''"
    return ValidationError(f"Unknown documentation page: {text}. {hint}")


def _offers(name: str, last: str, catalog: Catalog) -> list[str]:
    """Return the pages the author of `name` may mean, whose last segment is `last`."""
    from kosmo_circleci.docs import helpers

    dotted = [each for each in helpers.helpers() if "." in each]
    space, dot, tail = name.rpartition(".")
    if dot:
        near = [each for each in nearest(name, dotted) if _alike(tail, each.rpartition(".")[2])]
    else:
        near = [each for each in dotted if each.endswith(f".{name}")]
    if near:
        return near
    if space in guides.names() and space != "circleci":
        return [space]
    names = suggestions(last.removeprefix("circleci_"), catalog, (*guides.names(), *dotted))
    return [each if each in guides.names() or "." in each else f"circleci.{each}" for each in names]


def _alike(one: str, other: str) -> bool:
    import difflib

    return difflib.SequenceMatcher(None, one, other).ratio() >= _ALIKE
