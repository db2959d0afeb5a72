"""A script's text for a report: readable, without the secrets that stand in it."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.masking import MASK, Mask
from kosmo_circleci.run.child import Child
from kosmo_circleci.run.supervisor import Job, Watcher, supervise

_TELLTALE: Final = re.compile(r"secret|token|passw|credential|private|api_?key", re.IGNORECASE)
_TOKEN: Final = re.compile(
    r"""(?P<comment>--(?!\[=*\[)[^\n]*)"""
    r"""|(?P<long>(?:--)?\[(?P<level>=*)\[)"""
    r"""|(?P<string>"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)"""
    r"""|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<blank>\s+)"""
    r"""|(?P<symbol>==|\d\w*|.)""",
    re.DOTALL,
)
_PATIENCE_S: Final = 5.0
_CLOSING: Final = {"{": "}", "(": ")"}


class _Token(NamedTuple):
    kind: str
    text: str


def masked_by_run(child: Child, job: Job) -> str | None:
    """Return the script of `job` without the secrets its run has seen; None where nobody knows.

    `child` has just done the job, and keeps its state: what a script returns is masked by whatever
    the state has seen, so a second script that returns the text of the first gives it back masked.
    Where the process had to be killed, the knowledge is gone.
    """
    if child.exit_status is not None:
        return None
    again = job._replace(
        code="return args.source",
        args={"source": job.code},
        limits=job.limits._replace(timeout_s=_PATIENCE_S),
        keep_state=True,
    )
    run = supervise(child, again, Watcher())
    return run.result if run.success and isinstance(run.result, str) else None


def masked_source(
    source: str, tokens: Iterable[str], catalog: Catalog, *, seen_by_run: bool = True
) -> str:
    """Return a script with `***` in place of secrets written into it.

    Hidden are the accounts' `tokens` wherever they stand; strings given to a parameter that the
    manifest marks as secret, by name or by position; and strings given to a name that says it holds
    a secret. Where a string stands decides: a script that failed before its first call is masked
    the same. What it did with a string is `masked_by_run`'s to know; without that (`seen_by_run`
    False), a script that names a function which takes secrets shows no string at all.
    """
    taking = {
        function.name: frozenset(each.name for each in function.parameters if each.secret)
        for function in catalog.functions()
    }
    functions = frozenset(name for name, parameters in taking.items() if parameters)
    names = frozenset(name for parameters in taking.values() for name in parameters)
    text = Mask(tokens).text(source)
    words = list(_tokens(text))
    everything = not seen_by_run and any(word.text in functions for word in words)
    return "".join(_masked(words, functions, names, everything))


def _masked(
    tokens: list[_Token], functions: frozenset[str], names: frozenset[str], everything: bool
) -> Iterator[str]:
    """Yield the tokens' texts; `hiding` holds the brackets inside which every string is hidden."""
    before: list[_Token] = []  # the last three that mean something
    hiding: list[str] = []
    for index, token in enumerate(tokens):
        given = _is_given_to_secret(before, names)
        secret = token.kind == "string" and (everything or hiding or given)
        yield f'"{MASK}"' if secret else token.text
        if token.kind in ("blank", "comment"):
            continue
        if hiding and token.text in _CLOSING:
            hiding.append(_CLOSING[token.text])
        elif hiding and token.text == hiding[-1]:
            hiding.pop()
        elif token.text == "{" and given:
            hiding.append("}")
        elif token.text == "(" and before and before[-1].text in functions:
            # `f({…})` names its parameters; `f(…)` tells them by their place alone.
            following = next(
                (each for each in tokens[index + 1 : index + 3] if each.text.strip()), None
            )
            if following is not None and following.text != "{":
                hiding.append(")")
        before = [*before[-2:], token]


def _is_given_to_secret(before: list[_Token], names: frozenset[str]) -> bool:
    """Say whether `before` ends with `name =` or `["name"] =` for a name that holds a secret."""
    if not before or before[-1].text != "=":
        return False
    name = before[-2].text if len(before) > 1 else ""
    if name == "]" and len(before) > 2:
        name = before[-3].text.strip("\"'")
    return name in names or bool(_TELLTALE.search(name))


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        assert found is not None  # The last alternative takes any character.
        kind, end = found.lastgroup or "", found.end()
        if found["long"]:
            closing = f"]{found['level']}]"
            close = text.find(closing, end)
            end = len(text) if close < 0 else close + len(closing)
            kind = "comment" if found["long"].startswith("--") else "string"
        yield _Token(kind, text[at:end])
        at = end
