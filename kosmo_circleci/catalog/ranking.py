"""Words -> the functions they mean, best first.

How it works: a question becomes terms (`words.question`), each a set of stems it may stand for with
how surely it does. A function is a bag of stems too, weighted by where each one occurs: its name,
keywords, summary, group, parameters, notes. Its score is the sum over the terms of the best
`sureness * weight * rarity` (rare stems say more, as in tf-idf), multiplied by how well its verb
answers the question's verb, less a price for every word of its name that the question lacks.
"""

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from kosmo_circleci.catalog import synonyms, words
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import Function, Kind

# How much a word counts by where it occurs. The verb of the name is judged apart, by `_action`.
NAME: Final = 3.0
KEYWORDS: Final = 2.6
SUMMARY: Final = 1.8
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

_EXTRA_WORD: Final = 0.55
"""What a word of the name costs that the question lacks: plain functions are better answers."""
_RELEVANT: Final = 0.3
"""A candidate worth less than this part of the best one does not fit."""
_SURE: Final = 0.5
_SURE_VERB: Final = 0.8
"""How surely a stem must stand for its word, and how well a verb must answer, in a suggestion."""


class Candidate(NamedTuple):
    """A function or a helper, as the ranking sees it.

    `texts` are pairs of weight and text. One that scores below `relevant` times the best candidate
    does not fit.
    """

    name: str
    verb: str
    nouns: str
    kind: Kind
    is_list: bool
    texts: tuple[tuple[float, str], ...]
    relevant: float = _RELEVANT


def candidates(catalog: Catalog) -> tuple[Candidate, ...]:
    """Return one candidate for each function, in the manifest's order."""
    return tuple(map(_candidate, catalog.functions()))


def suggestions(text: str, catalog: Catalog, limit: int = 3) -> tuple[str, ...]:
    """Return the functions that surely do what a name says: every word of it, the verb included.

    `run_pipeline` gives `trigger_pipeline`; a name with a word that means nothing gives nothing.
    """
    ranking = _of_catalog(catalog)
    question = words.question(text, ranking.vocabulary)
    sure = (name for name in ranking.ranked(text) if ranking.covers(name, question))
    return tuple(sure)[:limit]


class _Entry:
    """A candidate as stems and their weights."""

    def __init__(self, candidate: Candidate) -> None:
        self.verb = candidate.verb
        self.relevant = candidate.relevant
        self.is_read = candidate.kind == "read"
        self.is_list = candidate.is_list
        self.nouns = frozenset(words.tokens(candidate.nouns))
        self.weights: dict[str, float] = {}
        for weight, text in candidate.texts:
            for word in words.tokens(text):
                self.weights[word] = max(self.weights.get(word, 0.0), weight)


class Ranking:
    """An index of candidates, for any number of questions."""

    def __init__(self, all_candidates: Sequence[Candidate]) -> None:
        self._entries = {each.name: _Entry(each) for each in all_candidates}
        counts = Counter(word for entry in self._entries.values() for word in entry.weights)
        total = len(self._entries)
        self._rarity = {word: math.log(1 + total / count) for word, count in counts.items()}
        self.vocabulary = frozenset(counts)

    def ranked(self, text: str) -> list[str]:
        """Return the names of the candidates that fit `text`, best first."""
        exact = text.strip().rpartition(".")[2].removeprefix("circleci_")
        question = words.question(text, self.vocabulary)
        scores = [
            (math.inf if name in (exact, text.strip()) else self._score(entry, question), -i, name)
            for i, (name, entry) in enumerate(self._entries.items())
        ]
        best = max((score for score, _, _ in scores if score != math.inf), default=0.0)
        return [
            name
            for score, _, name in sorted(scores, reverse=True)
            if score > max(self._entries[name].relevant * best, 0.0)
        ]

    def answers(self, name: str, text: str) -> bool:
        """Return whether a candidate does all that `text` says to do: its verb and every word."""
        question = words.question(text, self.vocabulary)
        return question.verb is not None and self.covers(name, question)

    def covers(self, name: str, question: words.Question) -> bool:
        """Return whether verb and every word of the question are in what the candidate says."""
        entry = self._entries[name]
        actions = {} if question.verb is None else synonyms.ACTIONS[question.verb]
        if actions and actions.get(entry.verb, 0.0) < _SURE_VERB:
            return False
        return all(
            any(entry.weights.get(w, 0.0) >= SUMMARY and sure >= _SURE for w, sure in term.items())
            for term in question.terms
        )

    def _score(self, entry: _Entry, question: words.Question) -> float:
        relevance = sum(
            max(
                (
                    sureness * entry.weights[word] * self._rarity[word]
                    for word, sureness in term.items()
                    if word in entry.weights
                ),
                default=0.0,
            )
            for term in question.terms
        )
        if relevance == 0.0:
            return self._verb_alone(entry, question)
        stems = {word for term in question.terms for word in term}
        extra = sum(self._rarity[word] for word in entry.nouns - stems)
        return _action(entry, question) * relevance - _EXTRA_WORD * extra

    def _verb_alone(self, entry: _Entry, question: words.Question) -> float:
        """A bare `stop` means every function that stops something, the plainest first."""
        if question.verb is None or question.terms:
            return 0.0
        fit = synonyms.ACTIONS[question.verb].get(entry.verb, 0.0)
        return max(0.0, fit - 0.1 * len(entry.nouns)) if fit == 1.0 else 0.0


def _action(entry: _Entry, question: words.Question) -> float:
    """Return how well the candidate's verb answers the question's, as a factor."""
    if question.verb is None:
        factor = 1.0 if entry.is_read and entry.verb != "wait" else 0.75
    else:
        fit = synonyms.ACTIONS[question.verb].get(entry.verb, 0.0)
        factor = 0.45 + 0.75 * fit
    if entry.is_read and question.plural & entry.nouns:
        factor *= 1.08 if entry.is_list else 0.95
    elif entry.verb == "list":
        factor *= 0.97 if question.verb == "get" else 1.04
    return factor


def _candidate(function: Function) -> Candidate:
    first, _, rest = function.name.partition("_")
    verb, nouns = first, rest.removesuffix("_v3")
    if function.is_raw:
        verb, nouns = _OF_METHOD[function.method], f"{first} {rest}"
    parameters = function.parameters
    return Candidate(
        function.name,
        verb,
        nouns,
        function.kind,
        function.name.startswith("list_") or function.paginated,
        (
            (NAME, nouns),
            (KEYWORDS, function.keywords),
            (SUMMARY, function.summary),
            (_GROUP, function.group),
            (_PARAMETER, " ".join(each.name for each in parameters if each.name != "page_token")),
            (_DESCRIPTION, " ".join((function.note, *(each.description for each in parameters)))),
        ),
    )


@lru_cache(maxsize=2)
def _of_catalog(catalog: Catalog) -> Ranking:
    return Ranking(candidates(catalog))
