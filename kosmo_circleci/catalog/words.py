"""Text -> terms: stems, the verb of a question, synonyms of the field, typos."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from kosmo_circleci.catalog import synonyms

_WORD: Final = re.compile(r"[a-z0-9]+")
_JOINED: Final = (
    (re.compile(r"\benv(ironment)?[\s_-]var(iable)?s?\b"), "envvar"),
    (re.compile(r"\bcheckout[\s_-]key(s?)\b"), r"checkoutkey\1"),
    (re.compile(r"\ballow[\s_-]list\b"), "allowlist"),
)
_PHRASES: Final = tuple((re.compile(find), put) for find, put in synonyms.PHRASES)

SYNONYM: Final = 0.8
"""How much a synonym counts beside the word itself."""
_CORRECTED: Final = 0.9
_IN_PASSING: Final = 0.8
_SHORTEST_TYPO: Final = 4
LONGEST: Final = 500
"""Characters of a question that are read: a sentence or two, never a pasted log."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a question asks for.

    `terms` holds one mapping for each word: the stems it may stand for, and how surely. `verb` is a
    key of `synonyms.ACTIONS`, or None. `plural` holds the stems, synonyms too, of plural words.
    """

    terms: tuple[Mapping[str, float], ...]
    verb: str | None
    plural: frozenset[str]


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Return a word without its plural or verb ending: `jobs`, `running` -> `job`, `run`."""
    if word.startswith("setting"):
        return "setting"  # `set` is another word.
    for ending, replacement in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            base = word[: -len(ending)] + replacement
            if ending in ("ing", "ed") and base[-1] == base[-2] and base[-1] not in "sl":
                base = base[:-1]
            return base.removesuffix("e") if len(base) > 4 else base
    if is_plural(word):
        return stem(word[:-1])
    return word.removesuffix("e") if len(word) > 4 else word


def is_plural(word: str) -> bool:
    """Return whether a word looks like a plural: `jobs`, and not `status` or `address`."""
    return word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3


def tokens(text: str) -> list[str]:
    """Return the stems of a text's words, in order; `env var` and its like are one word."""
    text = text.lower().replace("_", " ")
    for find, put in _JOINED:
        text = find.sub(put, text)
    return [stem(word) for word in _WORD.findall(text)]


def content(text: str) -> set[str]:
    """Return the stems of a text's words, without those that say nothing: `a`, `from`, `how`."""
    return {token for token in tokens(text) if token not in synonyms.STOP}


def question(text: str, vocabulary: frozenset[str]) -> Question:
    """Return what `text` asks for; `vocabulary` holds the stems of the catalog.

    A word that is in no table counts as the word in one that it is nearest to.
    """
    text = text[:LONGEST].lower().replace("_", " ")
    for find, put in _PHRASES:
        text = find.sub(put, text)
    question_words = _WORD.findall(text)
    verb: str | None = None
    plural: set[str] = set()
    terms: list[Mapping[str, float]] = []
    importance, is_first, is_example = 1.0, True, False
    for word in question_words:
        is_example = is_example or (word in synonyms.EXAMPLE_FOLLOWS and bool(terms))
        if word in synonyms.PREPOSITIONS and terms:
            importance = _IN_PASSING
        if word in synonyms.STOP and word not in _verbs() and len(question_words) > 1:
            is_first = is_first and word in synonyms.POLITE
            continue
        corrected, sureness = _corrected(word, vocabulary)
        action = None if is_example else _action(corrected, is_first=is_first)
        is_first = False
        if action is not None and verb in (None, action):
            verb = action
            if stem(corrected) not in _meanings():
                continue
        term = _term(stem(corrected), sureness * importance)
        if is_plural(word):
            plural |= term.keys()
        terms.append(term)
    return Question(tuple(terms), verb, frozenset(plural))


def _term(base: str, weight: float) -> dict[str, float]:
    weight *= synonyms.VAGUE.get(base, 1.0)
    return {other: SYNONYM * weight for other in _meanings().get(base, ())} | {base: weight}


def _action(word: str, *, is_first: bool) -> str | None:
    """Return the verb a word asks for. `the stored secret`, `two runs`, `a build` ask for none."""
    if word.endswith("ed") or is_plural(word):
        return None
    if not is_first and (word in synonyms.NOUN_VERBS or word.endswith("ing")):
        return None  # `workflows that are running` do not ask to run one.
    return _verbs().get(word) or _verbs().get(stem(word))


def _corrected(word: str, vocabulary: frozenset[str]) -> tuple[str, float]:
    base = stem(word)
    if word in _verbs() or base in vocabulary or base in _meanings() or base in _verbs():
        return word, 1.0
    if word in synonyms.STOP or len(word) < _SHORTEST_TYPO or word.isdigit():
        return word, 1.0
    # Most people who stop in the middle of a word stop after its stem: `deplo`, `config`.
    longer = [each for each in sorted(vocabulary) if each.startswith(base)]
    if longer:
        return min(longer, key=len), _CORRECTED
    return _nearest(word, vocabulary)


@lru_cache(maxsize=4096)
def _nearest(word: str, vocabulary: frozenset[str]) -> tuple[str, float]:
    import difflib  # Only an unknown word needs it.

    dictionary = _dictionary(vocabulary)
    for form in (word, stem(word)):
        matches = difflib.get_close_matches(form, dictionary, n=1, cutoff=0.78)
        if matches:
            return matches[0], _CORRECTED
    for length in range(len(word), _SHORTEST_TYPO - 1, -1):
        if word[:length] in dictionary:
            return word[:length], _CORRECTED  # `cronjobs`, `username`
    return word, 1.0


@lru_cache(maxsize=2)
def _dictionary(vocabulary: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted({*vocabulary, *_meanings(), *_verbs()} - synonyms.STOP))


@cache
def _verbs() -> Mapping[str, str]:
    return {word: verb for verb, row in synonyms.VERBS.items() for word in row.split()}


@cache
def _meanings() -> Mapping[str, tuple[str, ...]]:
    meanings: dict[str, tuple[str, ...]] = {}
    for noun, row in synonyms.NOUNS.items():
        for word in row.split():
            nouns = (stem(each) for each in noun.split())
            meanings[stem(word)] = (*meanings.get(stem(word), ()), *nouns)
    return meanings
