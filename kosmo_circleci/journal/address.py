"""The address of a call: what makes it the same call in another run."""

import hashlib
import hmac
import json

from kosmo_circleci.call.journal import JournalCall


def address_of(salt: bytes, call: JournalCall) -> bytes:
    """Return the salted hash of a call's content, whatever the order of keys in its objects.

    It is all that the file holds of secret values.
    """
    text = json.dumps(call.content, sort_keys=True, separators=(",", ":"))
    return hmac.new(salt, text.encode("ascii"), hashlib.sha256).digest()
