"""Checkout keys of a project: well-formed public keys without an owner, and their fingerprints."""

import hashlib
import random
from base64 import b64encode
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject, rows_of
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.seeded import CHECKOUT_KEY_FINGERPRINT
from kosmo_circleci.simulator.world import Row, Table, World

_TYPES: Final = {"user-key": "github-user-key", "deploy-key": "deploy-key"}
"""What a key is created as -> what it is shown as."""

_ALGORITHM: Final = b"ssh-ed25519"


def list_all(call: Call) -> JsonValue:
    """Answer `GET /project/{project-slug}/checkout-key`; `digest` chooses the fingerprints."""
    digest = call.query_text("digest") or "md5"
    return call.page(_of_project(call), lambda row: _key(row, digest))


def create(call: Call) -> JsonValue:
    """Answer `POST /project/{project-slug}/checkout-key`: the new key is the preferred one."""
    for row in _of_project(call):
        row["preferred"] = False
    blob = _key_blob(call.world.random())
    key: Row = {
        "id": call.world.new_id(),
        "project_id": call.project.id,
        "public-key": f"{_ALGORITHM.decode()} {b64encode(blob).decode()}",
        "type": _TYPES[call.text("type")],
        "md5": md5_fingerprint(blob),
        "sha256": sha256_fingerprint(blob),
        "preferred": True,
        "created-at": timestamp(call.world.now_s),
    }
    _keys(call.world)[str(key["id"])] = key
    return _key(key, "md5")


def get(call: Call) -> JsonValue:
    """Answer `GET /project/{project-slug}/checkout-key/{fingerprint}`, of either digest."""
    digest = "sha256" if call.path["fingerprint"].startswith("SHA256:") else "md5"
    return _key(_row(call), digest)


def delete(call: Call) -> JsonValue:
    """Answer `DELETE /project/{project-slug}/checkout-key/{fingerprint}`."""
    del _keys(call.world)[str(_row(call)["id"])]
    return {"message": "Checkout key deleted."}


def md5_fingerprint(blob: bytes) -> str:
    """Return the fingerprint of a public key as OpenSSH once wrote it: `c9:0b:…`, 16 bytes."""
    return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


def sha256_fingerprint(blob: bytes) -> str:
    """Return the fingerprint of a public key as OpenSSH writes it: `SHA256:` and base64."""
    return f"SHA256:{b64encode(hashlib.sha256(blob).digest()).decode().rstrip('=')}"


def _key_blob(source: random.Random) -> bytes:
    # The wire form of a public key: each part with its length before it. RFC 8709, section 4.
    parts = (_ALGORITHM, source.randbytes(32))
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _keys(world: World) -> Table:
    return world.table("checkout_keys", _examples)


def _of_project(call: Call) -> list[Row]:
    return rows_of(_keys(call.world), project_id=call.project.id)


def _row(call: Call) -> Row:
    fingerprint = call.path["fingerprint"]
    for row in _of_project(call):
        if fingerprint in (row["md5"], row["sha256"]):
            return row
    raise not_found("Checkout key")


def _key(row: Row, digest: str) -> JsonObject:
    return {
        "public-key": row["public-key"],
        "type": row["type"],
        "fingerprint": row[digest],
        "preferred": row["preferred"],
        "created-at": row["created-at"],
    }


def _examples() -> list[Row]:
    blob = _key_blob(random.Random("checkout-key-uuid"))
    return [
        {
            "id": "checkout-key-uuid",
            "project_id": "project-uuid",
            "public-key": f"{_ALGORITHM.decode()} {b64encode(blob).decode()}",
            "type": "deploy-key",
            # The documentation knows this one, so it is not the one the key has.
            "md5": CHECKOUT_KEY_FINGERPRINT,
            "sha256": sha256_fingerprint(blob),
            "preferred": True,
            "created-at": timestamp(-90 * 86_400),
        }
    ]


ROUTES: Final[dict[str, Handler]] = {
    "list_checkout_keys": list_all,
    "create_checkout_key": create,
    "get_checkout_key": get,
    "delete_checkout_key": delete,
}
