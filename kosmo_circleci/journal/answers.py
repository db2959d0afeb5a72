"""Recorded answers as they lie in the file: as they came, but for secrets.

A server may send back what it was sent. The file never holds a token or the value of a secret
parameter, so such a value is replaced by a mark: a salted hash. A run that is resumed knows its
secrets again, and gets the answer with the values in their places.
"""

import hashlib
import hmac
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest
from typing import Any, Final

from kosmo_circleci.call.model import ApiResponse
from kosmo_circleci.masking import MASK, Mask

_DROPPED_HEADERS: Final = frozenset({"set-cookie", "set-cookie2"})
"""A session of the server's: a credential, and nothing a script gets to see."""

_MOST_MARKED: Final = 100
"""How many secrets of one answer can be restored; further ones are masked for good."""

_MARK: Final = re.compile(r"<<secret:([0-9a-f]{32})>>")


class Answers:
    """Writes answers for one file and run, and reads them."""

    def __init__(self, salt: bytes, mask: Mask) -> None:
        """`mask` knows the secrets of the run: more and more of them while it runs."""
        self._salt = salt
        self._mask = mask

    def encode(self, answer: tuple[ApiResponse, ...]) -> str:
        """Return the text to keep of an answer, without any secret the mask knows."""
        return json.dumps([self._response(each) for each in answer], separators=(",", ":"))

    def decode(self, text: str) -> tuple[ApiResponse, ...]:
        """Return an answer as it came; a secret this run does not know (yet) is `***`.

        Raises `ValueError`, `TypeError`, `LookupError` or `AttributeError` for another text.
        """
        answer = tuple(self._read(each) for each in json.loads(text))
        if not answer:
            raise ValueError("no answer")
        return answer

    def _response(self, response: ApiResponse) -> dict[str, Any]:
        headers = {
            name: self._without_secrets(value)
            for name, value in response.headers.items()
            if name not in _DROPPED_HEADERS
        }
        row: dict[str, Any] = {
            "status": response.status,
            "headers": headers,
            "attempts": response.attempts,
            "retry_after_s": response.retry_after_s,
        }
        try:
            return row | {"body": self._without_secrets(response.body.decode("utf-8"))}
        except UnicodeDecodeError:
            text = response.body.decode("latin-1")
            masked = self._mask.text(text).encode("latin-1")
            return row | {"body_base64": b64encode(masked).decode("ascii")}

    def _read(self, row: dict[str, Any]) -> ApiResponse:
        if "body" in row:
            body = self._with_secrets(row["body"]).encode("utf-8")
        else:
            body = b64decode(row["body_base64"])
        headers = {name: self._with_secrets(value) for name, value in row["headers"].items()}
        retry_after_s = row["retry_after_s"]
        return ApiResponse(
            int(row["status"]),
            headers,
            body,
            int(row["attempts"]),
            None if retry_after_s is None else float(retry_after_s),
        )

    def _without_secrets(self, text: str) -> str:
        if self._mask.text(text) is text:
            return text
        present = [each for each in _spellings(self._mask.secrets) if each in text]
        plain = [text]  # what lies between the marks
        marks: list[str] = []
        for spelling in present[:_MOST_MARKED]:
            mark = f"<<secret:{self._hash(spelling)}>>"
            pieces = [each.split(spelling) for each in plain]
            marks = _interleaved(pieces, marks, mark)
            plain = [piece for each in pieces for piece in each]
        # What is left are spellings that are never sent back: those need not be restored.
        masked = [self._mask.text(each) for each in plain]
        return "".join(chain.from_iterable(zip_longest(masked, marks, fillvalue="")))

    def _with_secrets(self, text: str) -> str:
        return _MARK.sub(lambda match: self._secret(match[1]), text)

    def _secret(self, mark: str) -> str:
        spellings = _spellings(self._mask.secrets)
        return next((each for each in spellings if self._hash(each) == mark), MASK)

    def _hash(self, spelling: str) -> str:
        raw = spelling.encode("utf-8", "surrogatepass")
        return hmac.new(self._salt, raw, hashlib.sha256).hexdigest()[:32]


def _interleaved(pieces: list[list[str]], marks: list[str], mark: str) -> list[str]:
    """Return the marks between all pieces: `mark` within each list, the old ones between lists."""
    inner = ([mark] * (len(each) - 1) for each in pieces)
    return [
        *chain.from_iterable((*new, old) for new, old in zip(inner, [*marks, ""], strict=True))
    ][:-1]


def _spellings(secrets: Iterable[str]) -> Iterator[str]:
    """Yield the secrets as they may stand in a body, plain and in JSON; long ones first."""
    for secret in sorted(secrets, key=len, reverse=True):
        escaped = (json.dumps(secret, ensure_ascii=each)[1:-1] for each in (True, False))
        yield from dict.fromkeys((*escaped, secret))
