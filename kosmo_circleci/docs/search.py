"""A question -> the functions, helpers and guides whose meaning is nearest, as lines."""

from functools import lru_cache
from typing import Final

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.ranking import KEYWORDS, NAME, SUMMARY, Candidate, Ranking, candidates
from kosmo_circleci.docs import helpers, render
from kosmo_circleci.docs.helpers import Helper
from kosmo_circleci.wording import printable, shorten

MAX_LINES: Final = 10

_RELEVANT: Final = 0.6
"""Helpers answer questions about scripts: beside a function that fits better they are left out."""


def search(query: str, catalog: Catalog, limit: int = MAX_LINES) -> str:
    """Return the pages whose meaning is nearest to `query`, best first, one a line.

    `circleci.cancel_workflow (write): Cancel a running workflow…`; at most `limit` lines. Where
    nothing fits, a line says so.
    """
    names = ranked(query, catalog)[:limit]
    if not names:
        return _no_match(query)
    return "\n".join(line(name, catalog) for name in names)


def line(name: str, catalog: Catalog) -> str:
    """Return the line of a name that `ranked` returned."""
    helper = helpers.helpers().get(name)
    return render.line(catalog[name]) if helper is None else render.helper_line(helper)


def ranked(query: str, catalog: Catalog) -> list[str]:
    """Return the names of the functions, helpers and guides that fit `query`, best first.

    Functions by their bare names; helpers with a dot (`flow.map`), guides without (`json`).
    """
    return _ranking(catalog).ranked(query)


def _no_match(query: str) -> str:
    words = printable(shorten(query.strip()))
    start = f"Nothing matches '{words}'." if words else "The query is empty."
    return (
        f"{start} Say what you want to do in words of the field (pipeline, workflow, job, context, "
        "env var, schedule, webhook, insights), such as 'cancel a running job'; docs.list() names "
        "every page."
    )


@lru_cache(maxsize=2)
def _ranking(catalog: Catalog) -> Ranking:
    return Ranking((*candidates(catalog), *map(_candidate, helpers.helpers().values())))


def _candidate(helper: Helper) -> Candidate:
    verb, _, nouns = helper.name.rpartition(".")[2].partition("_")
    texts = (
        (NAME, helper.name.replace(".", " ")),
        (KEYWORDS, helper.keywords),
        (SUMMARY, helper.sentence),
    )
    return Candidate(helper.name, verb, nouns, "read", False, texts, _RELEVANT)
