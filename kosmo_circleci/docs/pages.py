"""Page name -> page, or the nearest names."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.lookup import nearest, split_path, suggestions
from kosmo_circleci.docs import guides, index, render
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.wording import nearest as nearest_name
from kosmo_circleci.wording import printable, shorten

if TYPE_CHECKING:
    from kosmo_circleci.workflows.library import Workflow

_NAMESPACE: Final = ("app", "integrations", "circleci")
_WORKFLOWS: Final = "workflows."
_ALIKE: Final = 0.6
"""How alike the last words of two helpers must be: the namespace they share says nothing."""


def read(page: str, catalog: Catalog, workflows: "Sequence[Workflow] | None" = None) -> str:
    """Return a page as Markdown: a guide, a helper's page, the index, a function's, a workflow's.

    Accepted: `circleci`, `circleci.get_pipeline`, `get_pipeline`, `circleci.circleci_get_pipeline`,
    `circleci.index`, `flow.map`, `workflows.why_did_it_fail`, a guide's name, `skill` for the skill
    file of coding agents; `app.`, `integrations.` and an account segment may be in front.
    `workflows` are those that have a page, None the shipped ones. Raises `ValidationError` with the
    nearest pages.
    """
    name = page.strip().lower().removesuffix(".md").removesuffix("()")
    if name in ("app", "integrations", "app.integrations"):
        return guides.read("circleci")
    if name == guides.SKILL.lower():
        return guides.read_source(guides.SKILL)
    text = _helper_page(name) if "." in name else None
    text = text or _workflow_page(name, workflows)
    if text is not None:
        return text
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
    text = _helper_page(name) or _helper_page(f"circleci.{last}")
    if text is not None:
        return text
    raise _unknown(page, name, last, catalog, workflows)


def _workflow_page(name: str, workflows: "Sequence[Workflow] | None") -> str | None:
    """Return the page of a workflow by its whole name: a function's name alone is the function."""
    if not name.startswith(_WORKFLOWS):
        return None
    from kosmo_circleci.docs.workflows import read as read_workflow  # Reads every file.

    return read_workflow(name, workflows)


def _helper_page(name: str) -> str | None:
    """Return the page of a helper such as `flow.map` or `exit`; a guide has its own."""
    from kosmo_circleci.docs import helpers  # Reads every guide.

    helper = helpers.helpers().get(name)
    return None if helper is None else helper.text


def listing(catalog: Catalog, workflows: "Sequence[Workflow] | None" = None) -> str:
    """Return every page, one a line: guides, index, helpers, workflows, functions."""
    from kosmo_circleci.docs import helpers
    from kosmo_circleci.docs import workflows as workflow_docs

    lines = [f"{name}: {guides.title(name)}" for name in guides.names()]
    lines.append(f"{index.NAME}: Every function of app.integrations.circleci, by topic")
    all_helpers = helpers.helpers().values()
    lines += [render.helper_line(each) for each in all_helpers if not each.is_guide]
    lines += map(workflow_docs.line, workflow_docs.pages(workflows))
    lines += [render.line(function) for function in catalog.functions()]
    return "\n".join(lines)


def _unknown(
    page: str, name: str, last: str, catalog: Catalog, workflows: "Sequence[Workflow] | None"
) -> ValidationError:
    from kosmo_circleci.docs import workflows as workflow_docs

    names = [each.name.removeprefix(_WORKFLOWS) for each in workflow_docs.pages(workflows)]
    near = None if name.startswith("circleci.") else nearest_name(last, names)
    offers = _offers(name, last, catalog)
    if near is not None and (name.startswith(_WORKFLOWS) or not offers):
        offers = [_WORKFLOWS + near]
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
