"""Tokens in the operating system's keyring. Nothing is loaded or read before a token is needed."""

import base64
import binascii
from typing import Any, Final, NamedTuple

from kosmo_circleci.errors import ConfigurationError

KEYRING_SERVICE: Final = "kosmo-circleci"

NOT_INSTALLED: Final = (
    "the keyring package is not installed; run: pip install 'kosmo-circleci[keyring]'"
)

# How zalando/go-keyring, which the official CLI uses, writes on macOS what is not plain text.
_GO_BASE64: Final = "go-keyring-base64:"
_GO_HEX: Final = "go-keyring-encoded:"


class Entry(NamedTuple):
    """One entry: its service and user. `required` when its keyring must be readable."""

    service: str
    user: str
    required: bool = True


def read(entry: Entry) -> str | None:
    """Return the token of an entry, or None where there is no such entry.

    Raises `ConfigurationError` when the keyring cannot be read and the entry is required.
    """
    try:
        import keyring

        token: str | None = keyring.get_password(entry.service, entry.user)
    except ImportError:
        reason = NOT_INSTALLED
    except Exception as error:  # each backend raises exceptions of its own
        reason = f"the keyring cannot be read: {error or type(error).__name__}"
    else:
        return None if token is None else _decoded(token)
    if not entry.required:
        return None
    raise ConfigurationError(f"The account '{entry.user}' says `keyring: true`, and {reason}")


def store(account: str, token: str) -> None:
    """Keep the token of an account. Raises `ConfigurationError`, which names the way round."""
    keyring = _loaded()
    try:
        keyring.set_password(KEYRING_SERVICE, account, token)
    except Exception as error:  # each backend raises exceptions of its own
        raise ConfigurationError(
            f"The keyring did not store the token ({type(error).__name__}). "
            "Without --keyring it is kept in the configuration file."
        ) from None


def delete(account: str) -> bool:
    """Remove the token of an account; return whether there was one that could be removed."""
    try:
        import keyring

        keyring.delete_password(KEYRING_SERVICE, account)
    except Exception:  # not installed, no such entry, or an exception of the backend's own
        return False
    return True


def _loaded() -> Any:
    try:
        import keyring
    except ImportError:
        raise ConfigurationError(f"{NOT_INSTALLED[0].upper()}{NOT_INSTALLED[1:]}") from None
    return keyring


def _decoded(token: str) -> str:
    try:
        if token.startswith(_GO_BASE64):
            return base64.b64decode(token.removeprefix(_GO_BASE64), validate=True).decode()
        if token.startswith(_GO_HEX):
            return bytes.fromhex(token.removeprefix(_GO_HEX)).decode()
    except (binascii.Error, ValueError):
        return token
    return token
