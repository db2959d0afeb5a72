"""Any accepted spelling -> Function, or the nearest names."""

from collections.abc import Iterable
from typing import Final

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.errors import ValidationError

_PREFIXES: Final = (
    ("app", "integrations", "circleci"),
    ("integrations", "circleci"),
    ("circleci",),
)


def find(catalog: Catalog, spelling: str) -> Function:
    """Return the function a spelling means.

    Accepted: `get_pipeline`, `circleci_get_pipeline`, and either behind `circleci.`,
    `integrations.circleci.` or `app.integrations.circleci.`, with or without an account segment.
    Raises `ValidationError` that names the nearest functions.
    """
    name = bare_name(spelling)
    function = catalog.get(name)
    if function is None:
        raise unknown_function(spelling, name, catalog.names)
    return function


def bare_name(spelling: str) -> str:
    """Return the last word of a function path, without the tool prefix `circleci_`."""
    return split_path(spelling)[-1].removeprefix("circleci_")


def split_path(spelling: str) -> tuple[str, ...]:
    """Return the segments of a path behind `app.integrations.circleci` in any of its short forms.

    `app.integrations.circleci.work.get_pipeline` gives `("work", "get_pipeline")`; the namespace
    itself gives `("circleci",)`.
    """
    segments = tuple(spelling.strip().split("."))
    for prefix in _PREFIXES:
        if segments[: len(prefix)] == prefix:
            return segments[len(prefix) :] or ("circleci",)
    return segments


def unknown_function(spelling: str, name: str, names: Iterable[str]) -> ValidationError:
    """Return the error for a name no function has."""
    suggestions = nearest(name, names)
    hint = (
        f"Did you mean: {', '.join(suggestions)}?"
        if suggestions
        else 'Find functions with docs.search("…") or `kosmo integrations:search`.'
    )
    return ValidationError(f"Unknown function: {spelling}. {hint}")


def nearest(name: str, candidates: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """Return the names most like `name`, best first: by spelling, then by the words they share."""
    import difflib

    names = list(dict.fromkeys(candidates))
    folded = name.lower()
    best = difflib.get_close_matches(folded, names, n=limit, cutoff=0.75)
    if best:
        leader = difflib.SequenceMatcher(None, folded, best[0]).ratio()
        # One clear winner is offered alone: it helps more than three names do.
        return tuple(
            each
            for each in best
            if difflib.SequenceMatcher(None, folded, each).ratio() > leader - 0.08
        )
    words = set(folded.split("_"))
    shared = [(len(words & set(each.split("_"))), each) for each in names]
    most = max((count for count, _ in shared), default=0)
    if most < 2:
        return tuple(difflib.get_close_matches(folded, names, n=limit, cutoff=0.6))
    return tuple(each for count, each in shared if count == most)[:limit]
