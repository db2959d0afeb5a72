"""Any accepted spelling -> Function, or the nearest names."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.errors import ValidationError

_PREFIXES: Final = (
    ("app", "integrations", "circleci"),
    ("integrations", "circleci"),
    ("circleci",),
)

HELPERS: Final = ("default_pipeline_values", "here")
"""What the namespace has beside the functions of the manifest; see `lua/prelude`."""

_ALIKE: Final = 0.75
_REST: Final = 0.7
_SAME_LETTERS: Final = 0.92
_CLOSE: Final = 0.08
"""How alike two names must be, and the words they do not share; how alike they are beyond doubt
whatever their words are; and what counts as a tie."""


def reserved_names(catalog: Catalog) -> tuple[str, ...]:
    """Return the names that no account may have: `app.integrations.circleci` has them already."""
    return (*catalog.names, *HELPERS)


def find(catalog: Catalog, spelling: str) -> Function:
    """Return the function a spelling means.

    Accepted: `get_pipeline`, `circleci_get_pipeline`, and either behind `circleci.`,
    `integrations.circleci.` or `app.integrations.circleci.`, with or without an account segment.
    Raises `ValidationError` that names the nearest functions.
    """
    name = bare_name(spelling)
    function = catalog.get(name)
    if function is None:
        raise unknown_function(spelling, suggestions(name, catalog))
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


def unknown_function(spelling: str, near: Sequence[str]) -> ValidationError:
    """Return the error for a name no function has; `near` are the names to offer."""
    hint = (
        f"Did you mean: {', '.join(near)}?"
        if near
        else 'Find functions with docs.search("…") or `kosmo integrations:search`.'
    )
    return ValidationError(f"Unknown function: {spelling}. {hint}")


def suggestions(name: str, catalog: Catalog, others: Iterable[str] = ()) -> tuple[str, ...]:
    """Return what the author of `name` may mean, best first: by spelling, else by meaning.

    `others` are further names, of accounts for example. Empty where nothing is near.
    """
    near = nearest(name, (*catalog.names, *others))
    if near or name in _PREFIXES[0]:
        return near
    from kosmo_circleci.catalog import ranking  # Milliseconds, for names that are like no other.

    return ranking.suggestions(name, catalog)


def nearest(name: str, candidates: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """Return the names spelled most like `name`, best first; one alone where it clearly leads."""
    folded = name.lower()
    scores = [(_likeness(folded, each), each) for each in dict.fromkeys(candidates)]
    best = sorted((each for each in scores if each[0] >= _ALIKE), key=lambda each: -each[0])
    # One clear winner is offered alone: it helps more than three names do.
    return tuple(each for score, each in best[:limit] if score > best[0][0] - _CLOSE)


def _likeness(name: str, candidate: str) -> float:
    """Return how alike two names are, 0 to 1.

    Words they share must not hide that the others differ, so those are compared by themselves:
    `get_logs` is not `get_org`, and `list_organizations` is not `list_organization_groups`.
    """
    own, other = name.split("_"), candidate.split("_")
    if sorted(own) == sorted(other):
        return 1.0
    if (joined := _ratio("".join(own), "".join(other))) >= _SAME_LETTERS:
        return joined
    rest = [each for each in own if each not in other]
    other_rest = [each for each in other if each not in own]
    if len(rest) != len(other_rest) or any(map(_differ, rest, other_rest)):
        return 0.0
    return _ratio(name, candidate)


def _differ(one: str, other: str) -> bool:
    return _ratio(one, other) < _REST


def _ratio(one: str, other: str) -> float:
    import difflib

    matcher = difflib.SequenceMatcher(None, one, other)
    return matcher.ratio() if matcher.real_quick_ratio() >= _REST else 0.0


class Resolved(NamedTuple):
    """The function that a spelling means, and the account it names or leaves to the default."""

    function: Function
    account: str


def resolve(catalog: Catalog, spelling: str, account: str | None = None) -> Resolved:
    """Return function and account of a spelling: `get_pipeline`, `work.get_pipeline`, ….

    `account` is what the caller chose besides; None leaves it to the spelling, then to `default`.
    Raises `ValidationError` for an unknown function, for a path that is too long, and when the two
    name different accounts. Whether the account exists is for the configuration to say.
    """
    function = find(catalog, spelling)
    *segments, _ = split_path(spelling)
    if len(segments) > 1:
        raise ValidationError(
            f"Unknown function: {spelling}. A path is [app.integrations.]circleci.[ACCOUNT.]"
            f"{function.name}."
        )
    if segments and account not in (None, segments[0]):
        raise ValidationError(
            f"Two accounts: '{segments[0]}' in {spelling}, and '{account}'. Name one.",
            function_name=function.name,
        )
    return Resolved(function, _account(segments, account))


def _account(segments: list[str], account: str | None) -> str:
    if segments:
        return segments[0]
    return "default" if account is None else account


def call_path(function: str, account: str) -> str:
    """Return a function as a script names it: `app.integrations.circleci.work.get_pipeline`."""
    segment = "" if account == "default" else f"{account}."
    return f"app.integrations.circleci.{segment}{function}"
