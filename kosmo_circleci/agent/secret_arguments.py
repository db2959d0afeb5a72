"""The secrets that people type into prompts: kept here, so that no conversation has them.

A prompt's text goes to a model, and stays in transcripts. In place of a secret it has a word that
stands for it; where the workflow is then run, for the same client and the same argument, the server
puts the secret in again, and masks it in what the run shows.
"""

import secrets
import threading
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from kosmo_circleci.errors import ValidationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import names_a_secret
from kosmo_circleci.workflows.header import Argument

PREFIX: Final = "kosmo-secret:"
"""The prefix of the word that replaces a secret."""

MAX_KEPT: Final = 64
"""How many secrets one server keeps; the oldest go first."""

KEPT_S: Final = 3600.0
"""How long a secret can be used."""


class Place(NamedTuple):
    """Where a secret may be put in: the client that typed it, the workflow and its argument."""

    client: str
    workflow: str
    argument: str


class _Kept(NamedTuple):
    place: Place
    text: str
    since_s: float


def is_secret(argument: Argument, workflow: str) -> bool:
    """Say whether an argument holds a secret: by its name, or as the value of what has such a name.

    Only texts are secrets: `new_secret boolean` says what to do with one.
    """
    by_name = names_a_secret(argument.name)
    return argument.type == "string" and (
        by_name or (argument.name == "value" and names_a_secret(workflow))
    )


class SecretArguments:
    """The secrets of one server's clients. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def keep(self, place: Place, text: str) -> str:
        """Keep a secret and return the word that replaces it."""
        word = PREFIX + secrets.token_urlsafe(12)
        with self._lock:
            self._kept[word] = _Kept(place, text, time.monotonic())
            while len(self._kept) > MAX_KEPT:
                del self._kept[next(iter(self._kept))]
        return word

    def restored(
        self, client: str, workflow: str, arguments: Mapping[str, JsonValue]
    ) -> tuple[dict[str, JsonValue], tuple[str, ...]]:
        """Return the arguments of a workflow with its secrets put in, and these secrets.

        Raises `ValidationError` for an unknown word: it must not be written
        to CircleCI in place of the secret.
        """
        put_in: dict[str, JsonValue] = {}
        for name, value in arguments.items():
            if isinstance(value, str) and value.startswith(PREFIX):
                put_in[name] = self._secret(value, Place(client, workflow, name))
        return {**arguments, **put_in}, tuple(str(each) for each in put_in.values())

    def _secret(self, word: str, place: Place) -> str:
        with self._lock:
            kept = self._kept.get(word)
        if kept is None or kept.place != place or time.monotonic() - kept.since_s > KEPT_S:
            raise ValidationError(
                f"The secret for the argument '{place.argument}' of '{place.workflow}' is not kept "
                "any more, or not for this call: it is kept for an hour from when the prompt was "
                "chosen. Let the user choose the prompt again."
            )
        return kept.text
