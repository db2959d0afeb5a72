"""Words -> ranked functions."""

import math
from collections import Counter
from functools import lru_cache
from typing import Final

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.docs import pages, words

_NAME: Final = 3.0
_SUMMARY: Final = 1.5
_GROUP: Final = 0.7
_PARAMETER: Final = 0.3


def search(query: str, catalog: Catalog, limit: int = 10) -> str:
    """Return the functions whose meaning is nearest to `query`, best first, one a line.

    `circleci.cancel_workflow (write): Cancel a running workflow…`; at most `limit` lines. Where
    nothing fits, a line says so.
    """
    names = ranked(query, catalog)[:limit]
    if not names:
        return (
            f"Nothing found for '{query}'. Use words of the field (pipeline, workflow, job, "
            "context, env var, schedule, webhook, insights), or docs.list()."
        )
    return "\n".join(pages.line(catalog[name]) for name in names)


def ranked(query: str, catalog: Catalog) -> list[str]:
    """Return the names of the functions that fit `query`, best first."""
    index = _index(catalog)
    wanted = words.question(query, index.rarity)
    scored = [(index.score(name, wanted), -place, name) for place, name in enumerate(catalog.names)]
    best = max((score for score, _, _ in scored), default=0.0)
    fitting = [each for each in scored if each[0] > 0.25 * best]
    return [name for _, _, name in sorted(fitting, reverse=True)]


class _Index:
    def __init__(self, catalog: Catalog) -> None:
        self._weights = {each.name: _weights(each) for each in catalog.functions()}
        seen = Counter(word for weights in self._weights.values() for word in weights)
        total = len(self._weights)
        self.rarity = {word: math.log(1 + total / count) for word, count in seen.items()}
        self._lengths = {name: len(words.tokens(name.replace("_", " "))) for name in self._weights}

    def score(self, name: str, wanted: dict[str, float]) -> float:
        weights = self._weights[name]
        found = sum(
            weight * weights.get(word, 0.0) * self.rarity.get(word, 0.0)
            for word, weight in wanted.items()
        )
        # A name that says nothing but what was asked is the better answer.
        return found / (1 + 0.06 * self._lengths[name])


@lru_cache(maxsize=2)
def _index(catalog: Catalog) -> _Index:
    return _Index(catalog)


def _weights(function: Function) -> dict[str, float]:
    weights: dict[str, float] = {}
    fields = (
        (_PARAMETER, " ".join(each.name for each in function.parameters)),
        (_GROUP, function.group),
        (_SUMMARY, function.summary),
        (_NAME, function.name),
    )
    for weight, text in fields:
        for word in words.tokens(text.replace("_", " ")):
            weights[word] = max(weights.get(word, 0.0), weight)
    return weights
