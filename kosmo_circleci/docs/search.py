"""Words -> ranked functions."""

import math
from collections import Counter
from functools import lru_cache
from typing import Final

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.docs import render, synonyms, words
from kosmo_circleci.wording import printable, shorten

MAX_LINES: Final = 10

# How much a word counts by where it stands. The verb of the name is judged apart, by `_action`.
_NAME: Final = 3.0
_SUMMARY: Final = 1.8
_KEYWORDS: Final = 2.6
_GROUP: Final = 1.0
_PARAMETER: Final = 0.8
_DESCRIPTION: Final = 0.3

_OF_METHOD: Final = {
    "GET": "get",
    "POST": "create",
    "PUT": "upsert",
    "PATCH": "update",
    "DELETE": "delete",
}
"""What the raw functions do."""

_UNASKED: Final = 0.55
"""What a word of the name costs that nobody asked for: the plain function is the better answer."""
_FITTING: Final = 0.3
"""A function worth less than this part of the best one does not fit."""


def search(query: str, catalog: Catalog, limit: int = MAX_LINES) -> str:
    """Return the functions whose meaning is nearest to `query`, best first, one a line.

    `circleci.cancel_workflow (write): Cancel a running workflow…`; at most `limit` lines. Where
    nothing fits, a line says so.
    """
    names = ranked(query, catalog)[:limit]
    if not names:
        return _nothing(query)
    return "\n".join(render.line(catalog[name]) for name in names)


def _nothing(query: str) -> str:
    asked = printable(shorten(query.strip()))
    start = f"Nothing found for '{asked}'." if asked else "Nothing was asked."
    return (
        f"{start} Say what you want to do in words of the field (pipeline, workflow, job, context, "
        "env var, schedule, webhook, insights), such as 'cancel a running job'; docs.list() names "
        "every page."
    )


def ranked(query: str, catalog: Catalog) -> list[str]:
    """Return the names of the functions that fit `query`, best first."""
    index = _index(catalog)
    exact = query.strip().rpartition(".")[2].removeprefix("circleci_")
    asked = words.question(query, index.vocabulary)
    scored = [
        (math.inf if name == exact else index.score(name, asked), -place, name)
        for place, name in enumerate(catalog.names)
    ]
    best = max((score for score, _, _ in scored if score != math.inf), default=0.0)
    floor = max(_FITTING * best, 0.0)
    return [name for score, _, name in sorted(scored, reverse=True) if score > floor]


class _Entry:
    """One function as the search sees it."""

    def __init__(self, function: Function) -> None:
        self.verb, nouns = _verb_and_nouns(function)
        self.is_read = function.kind == "read"
        self.is_list = function.name.startswith("list_") or function.paginated
        self.nouns = frozenset(words.tokens(nouns))
        self.weights: dict[str, float] = {}
        for weight, text in _fields(function):
            for word in words.tokens(text):
                self.weights[word] = max(self.weights.get(word, 0.0), weight)


class _Index:
    def __init__(self, catalog: Catalog) -> None:
        self._entries = {each.name: _Entry(each) for each in catalog.functions()}
        seen = Counter(word for entry in self._entries.values() for word in entry.weights)
        total = len(self._entries)
        self._rarity = {word: math.log(1 + total / count) for word, count in seen.items()}
        self.vocabulary = frozenset(seen)

    def score(self, name: str, asked: words.Question) -> float:
        entry = self._entries[name]
        found = sum(
            max(
                (
                    sureness * entry.weights[word] * self._rarity[word]
                    for word, sureness in term.items()
                    if word in entry.weights
                ),
                default=0.0,
            )
            for term in asked.terms
        )
        if found == 0.0:
            return self._verb_alone(entry, asked)
        said = {word for term in asked.terms for word in term}
        unasked = sum(self._rarity[word] for word in entry.nouns - said)
        return _action(entry, asked) * found - _UNASKED * unasked

    def _verb_alone(self, entry: _Entry, asked: words.Question) -> float:
        """A bare `stop` means every function that stops something, the plainest first."""
        if asked.verb is None or asked.terms:
            return 0.0
        fit = synonyms.ACTIONS[asked.verb].get(entry.verb, 0.0)
        return max(0.0, fit - 0.1 * len(entry.nouns)) if fit == 1.0 else 0.0


def _action(entry: _Entry, asked: words.Question) -> float:
    """Return how well the function's verb answers the question's, as a factor."""
    if asked.verb is None:
        factor = 1.0 if entry.is_read else 0.75
    else:
        fit = synonyms.ACTIONS[asked.verb].get(entry.verb, 0.0)
        factor = 0.45 + 0.75 * fit
    if entry.is_read and asked.plural & entry.nouns:
        factor *= 1.08 if entry.is_list else 0.95
    elif entry.verb == "list":
        factor *= 0.97 if asked.verb == "get" else 1.04
    return factor


def _verb_and_nouns(function: Function) -> tuple[str, str]:
    first, _, rest = function.name.partition("_")
    return (_OF_METHOD[function.method], f"{first} {rest}") if function.is_raw else (first, rest)


def _fields(function: Function) -> tuple[tuple[float, str], ...]:
    nouns = _verb_and_nouns(function)[1]
    parameters = function.parameters
    return (
        (_NAME, nouns),
        (_KEYWORDS, function.keywords),
        (_SUMMARY, function.summary),
        (_GROUP, function.group),
        (_PARAMETER, " ".join(each.name for each in parameters if each.name != "page_token")),
        (_DESCRIPTION, " ".join((function.note, *(each.description for each in parameters)))),
    )


@lru_cache(maxsize=2)
def _index(catalog: Catalog) -> _Index:
    return _Index(catalog)
