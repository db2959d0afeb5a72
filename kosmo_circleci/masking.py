"""Hides tokens and secret values where text leaves the process.

Inside Lua every value stays as it is, so that a script can work with it; the mask sits on the way
out: printed output, results, errors, the call log. Its cost grows with the text and with the
secrets, never with their product (`substrings`), and the number and size of secrets are limited:
a script decides what is a secret, and the process that masks its output must not hang.
"""

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from kosmo_circleci.errors import ApiError, KosmoError, LimitExceeded
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.substrings import LONGEST, PIECE, Substrings

MASK: Final = "***"

MIN_SECRET_LENGTH: Final = 4
MAX_SECRET_LENGTH: Final = 1 << 16
"""Characters; CircleCI's own limit for the value of an environment variable is half of that."""
MAX_SECRETS: Final = 10_000
MAX_SPELLINGS_LENGTH: Final = 1 << 21
"""Characters of all spellings of all secrets; the automaton takes some 20 bytes for each."""

_NEVER_SECRET: Final = frozenset({"true", "false", "none", "null"})
# A JSON string, or a number that is long enough to be a secret.
_JSON_TOKEN: Final = re.compile(
    rf'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?\d[\d.eE+-]{{{MIN_SECRET_LENGTH - 1},}}'
)

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

    A secret of more than 64 characters is hidden in pieces of 32: a part of it that is cut off or
    wrapped is hidden as well.
    """

    def __init__(
        self,
        secrets: Iterable[str] = (),
        on_secret: Callable[[JsonValue], None] | None = None,
    ) -> None:
        """Hide `secrets`; `on_secret` hears of every further one. Raises as `add` does."""
        self._on_secret: Callable[[JsonValue], None] | None = None
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        self._pieces: set[tuple[str, bool]] = set()
        self._length = 0
        self._substrings = Substrings()
        for secret in secrets:
            self.add(secret)
        self._on_secret = on_secret

    def add(self, value: JsonValue) -> None:
        """Hide a secret from now on: a string, or every string inside a list or object.

        Raises `LimitExceeded` where it is too long, or one too many; then nothing was added.
        """
        with self._lock:
            secrets = set(filter(_is_worth_hiding, _strings(value))) - self._secrets
            if not secrets:
                return
            searched = {each for secret in secrets for each in _searched(secret)}
            pieces = searched - self._pieces
            length = self._length + sum(len(piece) for piece, _ in pieces)
            _check_limits(secrets, len(self._secrets) + len(secrets), length)
            self._secrets |= secrets
            self._pieces |= pieces
            self._length = length
            for piece, is_whole in pieces:
                (self._substrings.add if is_whole else self._substrings.add_piece)(piece)
        if self._on_secret is not None:
            self._on_secret(value)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What is hidden, as it was added."""
        with self._lock:
            return tuple(self._secrets)

    def without(self, visible: Iterable[str]) -> "Mask":
        """Return a mask of the other secrets: one that leaves `visible` readable."""
        with self._lock:
            return Mask(self._secrets - set(visible))

    def text(self, text: str) -> str:
        """Return `text` with every secret, in every form it may be written in, as `***`.

        Secrets that overlap or touch are one `***`.
        """
        return self._substrings.replace(text, MASK)

    def text_parts(self, parts: Iterable[str]) -> Iterator[str]:
        """Yield what `text` returns for the joined `parts`, holding little of it at a time.

        The parts are taken as they are needed; a secret may begin in one and end in another.
        """
        return self._substrings.replace_in_parts(parts, MASK)

    def json_text(self, text: str) -> str:
        """Return a JSON text with secrets hidden in its strings and keys; it stays valid JSON."""
        if self.text(text) is text:
            return text
        return _JSON_TOKEN.sub(self._json_token, text)

    def json(self, value: JsonValue) -> JsonValue:
        """Return a copy of `value` with secrets hidden in its strings and keys."""
        if not self._pieces:
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
            error.path = None if error.path is None else self.text(error.path)
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

    def _json_token(self, match: re.Match[str]) -> str:
        token = match.group()
        value: JsonValue = json.loads(token)  # of our own making, and of any size
        masked = self._json(value)
        return token if masked is value or masked == value else encode(masked)


def _check_limits(new: set[str], count: int, length: int) -> None:
    longest = max(map(len, new))
    if longest > MAX_SECRET_LENGTH:
        raise LimitExceeded(
            f"A secret value of {longest:,} characters cannot be hidden in output, so it is not "
            f"sent; at most {MAX_SECRET_LENGTH:,} can."
        )
    if count > MAX_SECRETS:
        raise LimitExceeded(
            f"A run can hide {MAX_SECRETS:,} secret values in its output, and this is one more. "
            "Split the work over several runs."
        )
    if length > MAX_SPELLINGS_LENGTH:
        raise LimitExceeded(
            "The secret values of this run are too long together to be hidden in its output (more "
            f"than {MAX_SPELLINGS_LENGTH:,} characters, counted as plain text, JSON and URL). "
            "Split the work over several runs."
        )


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


def _searched(secret: str) -> Iterator[tuple[str, bool]]:
    """Yield what to search for, and whether it is whole: the spellings of a secret.

    Long ones are searched for in pieces; the last may overlap the one before.
    """
    if len(secret) > MAX_SECRET_LENGTH:
        return
    for spelling in _spellings(secret):
        if len(spelling) <= LONGEST:
            yield spelling, True
            continue
        for end in _ends_of_pieces(spelling):
            piece = spelling[end - PIECE : end]
            if not piece.isspace():
                yield piece, False


def _ends_of_pieces(spelling: str) -> Iterator[int]:
    """Yield where the pieces of a long spelling end: they cover it, and may overlap.

    A piece does not end with a backslash where that can be helped: one that is hidden at the end of
    a JSON string would take the string's end with it.
    """
    end = PIECE
    while end < len(spelling):
        yield end
        following = min(end + PIECE, len(spelling))
        shifted = end + len(spelling[end:following].rstrip("\\"))
        end = shifted if end < shifted and following < len(spelling) else following
    yield len(spelling)


def _spellings(secret: str) -> Iterator[str]:
    """Yield the secret as it is, JSON-escaped (twice over), percent-encoded, and line by line."""
    lines = secret.splitlines()
    for line in filter(_is_worth_hiding, {secret, secret.strip(), *lines}):
        yield line
        if len(lines) > 1 and len(line) > LONGEST and _is_hidden_by_lines(line):
            continue  # escaped, its lines are hidden one by one
        for ascii_only in (False, True):
            escaped = json.dumps(line, ensure_ascii=ascii_only)[1:-1]
            yield escaped
            yield json.dumps(escaped, ensure_ascii=ascii_only)[1:-1]
        raw = line.encode("utf-8", "surrogatepass")
        yield quote(raw, safe="")
        yield quote_plus(raw)


def _is_hidden_by_lines(text: str) -> bool:
    lines = [line for line in text.splitlines() if line and not line.isspace()]
    return len(lines) > 1 and all(map(_is_worth_hiding, lines))


def _is_worth_hiding(text: str) -> bool:
    plain = text.strip()
    return len(plain) >= MIN_SECRET_LENGTH and plain.lower() not in _NEVER_SECRET
