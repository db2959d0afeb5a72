"""The address of a call: what makes it the same call in another run."""

import hashlib
import hmac
import json

from kosmo_circleci.call.journal import JournalCall
from kosmo_circleci.jsonvalue import JsonValue


def address_of(salt: bytes, call: JournalCall) -> bytes:
    """Return the salted hash of a call's content: all that the file holds of secret values."""
    return salted_hash(salt, call.content.to_json())


def salted_hash(salt: bytes, value: JsonValue) -> bytes:
    """Return the hash of a JSON value, whatever the order of keys in its objects."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hmac.new(salt, text.encode("ascii"), hashlib.sha256).digest()
