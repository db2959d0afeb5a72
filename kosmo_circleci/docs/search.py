"""A question -> the functions and helpers whose meaning is nearest, as lines."""

from functools import lru_cache
from typing import Final

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.ranking import Ranking, candidates
from kosmo_circleci.docs import render
from kosmo_circleci.wording import printable, shorten

MAX_LINES: Final = 10


def search(query: str, catalog: Catalog, limit: int = MAX_LINES) -> str:
    """Return the pages whose meaning is nearest to `query`, best first, one a line.

    `circleci.cancel_workflow (write): Cancel a running workflow…`; at most `limit` lines. Where
    nothing fits, a line says so.
    """
    names = ranked(query, catalog)[:limit]
    if not names:
        return _no_match(query)
    return "\n".join(render.line(catalog[name]) for name in names)


def _no_match(query: str) -> str:
    words = printable(shorten(query.strip()))
    start = f"Nothing matches '{words}'." if words else "The query is empty."
    return (
        f"{start} Say what you want to do in words of the field (pipeline, workflow, job, context, "
        "env var, schedule, webhook, insights), such as 'cancel a running job'; docs.list() names "
        "every page."
    )


def ranked(query: str, catalog: Catalog) -> list[str]:
    """Return the names of the pages that fit `query`, best first."""
    return _ranking(catalog).ranked(query)


@lru_cache(maxsize=2)
def _ranking(catalog: Catalog) -> Ranking:
    return Ranking(candidates(catalog))
