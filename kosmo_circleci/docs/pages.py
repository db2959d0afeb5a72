"""Page name -> page, or the nearest names."""

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.lookup import nearest, split_path
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.docs import guides, render
from kosmo_circleci.errors import ValidationError


def read(page: str, catalog: Catalog) -> str:
    """Return a page as Markdown: the guide `circleci`, another guide, or a function's page.

    Accepted: `circleci`, `circleci.get_pipeline`, `get_pipeline`,
    `circleci.circleci_get_pipeline`, a guide's name, and any of them behind `app.`, `integrations.`
    and an account segment. Raises `ValidationError` with the nearest pages.
    """
    name = page.strip().lower()
    guide = name.removeprefix("guides.").removesuffix(".md")
    if guide in guides.names():
        return guides.read(guide)
    segments = split_path(name)
    function = _function(segments[-1], catalog)
    if function is not None and len(segments) <= 2:
        return render.function_page(function, catalog)
    # What is left behind the namespace is an account, unless it looks like a misspelt function.
    is_namespace = name.split(".")[0] in ("app", "integrations", "circleci")
    if is_namespace and len(segments) == 1 and "_" not in segments[0]:
        return guides.read("circleci")
    raise _unknown(page, segments[-1], catalog)


def listing(catalog: Catalog) -> str:
    """Return every page, one a line: the guides, then the functions with read or write."""
    lines = [f"{name}: {guides.title(name)}" for name in guides.names()]
    lines += [line(function) for function in catalog.functions()]
    return "\n".join(lines)


def line(function: Function) -> str:
    """Return one line: `circleci.get_pipeline (read): Get a pipeline by its id.`"""
    return f"circleci.{function.name} ({function.kind}): {function.summary}"


def _function(name: str, catalog: Catalog) -> Function | None:
    return catalog.get(name.removeprefix("circleci_"))


def _unknown(page: str, last: str, catalog: Catalog) -> ValidationError:
    near = nearest(last.removeprefix("circleci_"), (*guides.names(), *catalog.names))
    shown = [each if each in guides.names() else f"circleci.{each}" for each in near]
    hint = (
        f"Did you mean: {', '.join(shown)}?"
        if shown
        else 'See docs.list(), docs.search("…") or `kosmo integrations:docs`.'
    )
    return ValidationError(f"Unknown documentation page: {page}. {hint}")
