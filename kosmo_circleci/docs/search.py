"""A question -> the functions, helpers, workflows and guides whose meaning is nearest, as lines."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from kosmo_circleci.catalog import words
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.ranking import KEYWORDS, NAME, SUMMARY, Candidate, Ranking, candidates
from kosmo_circleci.docs import helpers, render
from kosmo_circleci.docs import workflows as workflow_docs
from kosmo_circleci.docs.helpers import Helper
from kosmo_circleci.docs.workflows import WorkflowPage
from kosmo_circleci.wording import printable, shorten
from kosmo_circleci.workflows.library import Workflow

MAX_LINES: Final = 10

MAX_WORKFLOWS: Final = 2
"""How many of the lines may be workflows."""
_BEFORE: Final = 3
"""How many functions and helpers come before them."""

_RELEVANT: Final = 0.6
"""Helpers and workflows answer questions about scripts: beside a function that fits better they are
left out."""


def search(
    query: str,
    catalog: Catalog,
    limit: int = MAX_LINES,
    workflows: Sequence[Workflow] | None = None,
) -> str:
    """Return the pages whose meaning is nearest to `query`, best first, one a line.

    `circleci.cancel_workflow (write): Cancel a running workflow…`; at most `limit` lines. Where
    nothing fits, a line says so. `workflows` are those that have a page, None the shipped ones.
    """
    pages = {each.name: each for each in workflow_docs.pages(workflows)}
    names = _ranked(query, catalog, tuple(pages.values()))[:limit]
    if not names:
        return _no_match(query)
    return "\n".join(_line(name, catalog, pages) for name in names)


def ranked(query: str, catalog: Catalog, workflows: Sequence[Workflow] | None = None) -> list[str]:
    """Return the names of the functions, helpers, workflows and guides that fit, best first.

    Functions by their bare names; helpers (`flow.map`) and workflows (`workflows.approve`) with a
    dot, guides without (`json`).
    """
    return _ranked(query, catalog, workflow_docs.pages(workflows))


def _ranked(query: str, catalog: Catalog, pages: tuple[WorkflowPage, ...]) -> list[str]:
    """Return the names that fit: the best functions and helpers, then workflows, then the others.

    A workflow tells in a sentence what several functions do, and would come before the one that was
    meant. So functions are ranked by themselves, and where the best of them does all that the
    question says there are no workflows but one whose name the question is, in any order:
    `download artifacts`, `rotate a secret in a context`.
    """
    named = f"{workflow_docs.PREFIX}{query.strip().removeprefix(workflow_docs.PREFIX)}"
    names = _ranking(catalog, ()).ranked(query)
    if named in (each.name for each in pages):
        return [named, *names]
    everything = _ranking(catalog, pages)
    fitting = [each.name for each in pages if _is_named(each, query)]
    if not names or not everything.answers(names[0], query):
        others = (n for n in everything.ranked(query) if n.startswith(workflow_docs.PREFIX))
        fitting += [name for name in others if name not in fitting]
    return [*names[:_BEFORE], *fitting[:MAX_WORKFLOWS], *names[_BEFORE:]]


def _is_named(page: WorkflowPage, query: str) -> bool:
    """Return whether the question has the words of the workflow's name, and at most `workflow`."""
    name = set(words.tokens(page.name.removeprefix(workflow_docs.PREFIX)))
    return name == words.content(query[: words.LONGEST]) - {words.stem("workflow")}


def _line(name: str, catalog: Catalog, pages: Mapping[str, WorkflowPage]) -> str:
    if name in pages:
        return workflow_docs.line(pages[name])
    helper = helpers.helpers().get(name)
    return render.line(catalog[name]) if helper is None else render.helper_line(helper)


def _no_match(query: str) -> str:
    words = printable(shorten(query.strip()))
    start = f"Nothing matches '{words}'." if words else "The query is empty."
    return (
        f"{start} Say what you want to do in words of the field (pipeline, workflow, job, context, "
        "env var, schedule, webhook, insights), such as 'cancel a running job'; docs.list() names "
        "every page."
    )


@lru_cache(maxsize=6)
def _ranking(catalog: Catalog, pages: tuple[WorkflowPage, ...]) -> Ranking:
    further = (*map(_candidate, helpers.helpers().values()), *map(_workflow_candidate, pages))
    return Ranking((*candidates(catalog), *further))


def _workflow_candidate(page: WorkflowPage) -> Candidate:
    bare = page.name.removeprefix(workflow_docs.PREFIX)
    verb, _, nouns = bare.partition("_")
    verb = words.question(verb, frozenset()).verb or verb  # `download` is a kind of `get`
    texts = ((NAME, bare.replace("_", " ")), (KEYWORDS, page.sentence), (SUMMARY, page.keywords))
    return Candidate(page.name, verb, nouns, "read", False, texts, _RELEVANT)


def _candidate(helper: Helper) -> Candidate:
    verb, _, nouns = helper.name.rpartition(".")[2].partition("_")
    texts = (
        (NAME, helper.name.replace(".", " ")),
        (KEYWORDS, helper.keywords),
        (SUMMARY, helper.sentence),
    )
    return Candidate(helper.name, verb, nouns, "read", False, texts, _RELEVANT)
