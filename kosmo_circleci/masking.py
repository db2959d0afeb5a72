"""Hides tokens and secret values where text leaves the process.

Inside Lua every value stays as it is, so that a script can work with it; the mask sits on the way
out: printed output, results, errors, the call log.
"""

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from kosmo_circleci.errors import ApiError, KosmoError
from kosmo_circleci.jsonvalue import JsonValue, decode, encode

MASK: Final = "***"

MIN_SECRET_LENGTH: Final = 4
_NEVER_SECRET: Final = frozenset({"true", "false", "none", "null"})

_SECRET_NAMES: Final = re.compile(
    "secret|token|passw|passphrase|[-_]pass$|credential|private|cookie|api[-_]?key|key$"
    "|auth$|auth[-_]|oauth|authorization",
    re.IGNORECASE,
)


def names_a_secret(name: str) -> bool:
    """Say whether what goes by this name is probably a secret: `api_token`, `Authorization`, …

    For names that no manifest declares: keys of free objects, environment variables, HTTP headers,
    parameters of other servers' tools.
    """
    return _SECRET_NAMES.search(name) is not None


class Mask:
    """The secrets of one run, and the text without them. Safe to use from several threads.

    What is too short or too ordinary to hide is not hidden: fewer than four characters, or
    true/false/null in any case. Masking "1" or "true" would ruin every other line, and CircleCI's
    own masking of job output draws the same line (CircleCI docs, "Secrets masking").
    """

    def __init__(
        self,
        secrets: Iterable[str] = (),
        on_secret: Callable[[JsonValue], None] | None = None,
    ) -> None:
        """Hide `secrets`; `on_secret` hears of every further one."""
        self._on_secret: Callable[[JsonValue], None] | None = None
        self._lock = threading.Lock()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)
        self._on_secret = on_secret

    def add(self, value: JsonValue) -> None:
        """Hide a secret from now on: a string, or every string inside a list or object."""
        forms = {form for secret in _strings(value) for form in _written_forms(secret)}
        with self._lock:
            if forms <= self._forms:
                return
            self._forms |= forms
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        if self._on_secret is not None:
            self._on_secret(value)

    def text(self, text: str) -> str:
        """Return `text` with every secret, in every form it may be written in, as `***`."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def json_text(self, text: str) -> str:
        """Return a JSON text with secrets hidden in its strings and keys; it stays valid JSON."""
        if self._pattern is None or not self._pattern.search(text):
            return text
        return encode(self.json(decode(text)))

    def json(self, value: JsonValue) -> JsonValue:
        """Return a copy of `value` with secrets hidden in its strings and keys."""
        if self._pattern is None:
            return value
        return self._json(value)

    def hide_in_error(self, error: KosmoError) -> None:
        """Hide the secrets in everything an error says: for one that leaves the process as it is.

        A server may send back what it was sent, in whatever field of its answer.
        """
        error.message = self.text(error.message)
        error.args = (error.message,)
        if isinstance(error, ApiError):
            error.body = self.json(error.body)
            error.code = None if error.code is None else self.text(error.code)
            error.request_id = None if error.request_id is None else self.text(error.request_id)

    def _json(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._json(each) for each in value]
        if isinstance(value, dict):
            return {self.text(key): self._json(each) for key, each in value.items()}
        if isinstance(value, int | float) and not isinstance(value, bool):
            # A secret of digits may come back as a number: only whole matches can be hidden there.
            return MASK if self.text(str(value)) == MASK else value
        return value


def _strings(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _written_forms(secret: str) -> Iterator[str]:
    """Yield the secret as it is, JSON-escaped (twice over), percent-encoded, and line by line."""
    for plain in {secret, secret.strip(), *secret.splitlines()}:
        if len(plain.strip()) < MIN_SECRET_LENGTH or plain.strip().lower() in _NEVER_SECRET:
            continue
        yield plain
        for ascii_only in (False, True):
            escaped = json.dumps(plain, ensure_ascii=ascii_only)[1:-1]
            yield escaped
            yield json.dumps(escaped, ensure_ascii=ascii_only)[1:-1]
        printable = plain.encode("utf-8", "surrogatepass")
        yield quote(printable, safe="")
        yield quote_plus(printable)
