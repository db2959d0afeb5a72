"""A plan: the writes a script would make, kept in a file, to be looked at and then applied."""

import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from kosmo_circleci.call.journal import JournalCall
from kosmo_circleci.errors import JournalError
from kosmo_circleci.files.atomic import replace_file
from kosmo_circleci.journal.address import salted_hash
from kosmo_circleci.journal.lifecycle import Start
from kosmo_circleci.journal.pattern import without_secrets
from kosmo_circleci.journal.placeholders import ALL
from kosmo_circleci.jsonvalue import JsonValue, decode, encode
from kosmo_circleci.masking import Mask
from kosmo_circleci.script.modules import Modules
from kosmo_circleci.wording import printable

VERSION: Final = 1
_MAX_BYTES: Final = 64 * 1024 * 1024

Action: TypeAlias = Literal["create", "update", "delete", "action"]
SIGNS: Final[Mapping[Action, str]] = {
    "create": "+",
    "update": "~",
    "delete": "-",
    "action": "!",
}
_CREATING: Final = ("create_", "add_")


class PlannedWrite(NamedTuple):
    """One write that was not sent. `content` holds no secret; `arguments` are for people.

    `placeholders` is how many there were before it: what looks like a further one is itself.
    """

    action: Action
    function: str
    request: str
    arguments: Mapping[str, JsonValue]
    content: JsonValue
    placeholders: int = ALL


class Plan(NamedTuple):
    """What a plan's file holds.

    `arguments_hash` is a salted hash of the script's arguments, secrets included. `applied` says
    when the plan was applied, and as which run of a journal, if there was one. `modules` are the
    hashes of the modules that the script loaded, by name.
    """

    id: str
    salt: bytes
    script: str
    script_sha256: str
    account: str
    simulated: bool
    arguments: JsonValue
    arguments_hash: str
    created_at: float
    writes: tuple[PlannedWrite, ...]
    applied: Mapping[str, JsonValue] | None = None
    modules: Mapping[str, str] = MappingProxyType({})

    def counts(self) -> dict[Action, int]:
        """Return how many writes there are of each kind."""
        return {action: sum(write.action == action for write in self.writes) for action in SIGNS}


def action_of(call: JournalCall) -> Action:
    """Return what a write does, as far as its method and its function's name tell."""
    if call.content.method == "DELETE":
        return "delete"
    if call.content.method in ("PUT", "PATCH"):
        return "update"
    return "create" if call.content.function.startswith(_CREATING) else "action"


def make_plan(
    start: Start,
    arguments: Mapping[str, JsonValue],
    calls: Sequence[tuple[JournalCall, int]],
    mask: Mask,
) -> Plan:
    """Return the plan of a script that has been run; `mask` knows all its secrets.

    Beside each call is how many placeholders there were before it.
    """
    salt = secrets.token_bytes(32)
    return Plan(
        id=secrets.token_hex(8),
        salt=salt,
        script=start.name,
        script_sha256=start.sha256,
        account=start.account,
        simulated=start.simulated,
        arguments=mask.json(dict(arguments)),
        arguments_hash=salted_hash(salt, dict(arguments)).hex(),
        created_at=time.time(),
        writes=tuple(_planned(call, issued, mask, salt) for call, issued in calls),
    )


def check_plan(
    plan: Plan, start: Start, arguments: Mapping[str, JsonValue], modules: Modules
) -> None:
    """Raise `JournalError` where the plan was made of another script, account or arguments.

    The script's modules are part of it, those that it loaded while the plan was made.
    """
    current = {
        "the script has changed": plan.script_sha256 == start.sha256,
        "the arguments are others": plan.arguments_hash
        == salted_hash(plan.salt, dict(arguments)).hex(),
        f"it is for the account '{plan.account}'": plan.account == start.account,
        "it is for --simulate" if plan.simulated else "it is not for --simulate": plan.simulated
        == start.simulated,
    } | {
        f"its module '{name}' has changed": modules.sha256(name) == sha256
        for name, sha256 in plan.modules.items()
    }
    reasons = [reason for reason, same in current.items() if not same]
    if reasons:
        raise JournalError(
            f"The plan does not fit this run: {', '.join(reasons)}. Nothing was sent. "
            "Make a new plan with --plan."
        )


def write_plan(path: str | os.PathLike[str], plan: Plan) -> None:
    """Write the file, whole and readable by its owner only. Raises `JournalError`."""
    value: dict[str, Any] = {
        "kosmo_plan": VERSION,
        **{name: part for name, part in plan._asdict().items() if name != "modules"},
        "salt": plan.salt.hex(),
        "writes": [write._asdict() for write in plan.writes],
    }
    # An earlier version of kosmo takes a plan without modules.
    value |= {"modules": dict(plan.modules)} if plan.modules else {}
    try:
        replace_file(Path(path), (encode(value, pretty=True) + "\n").encode())
    except OSError as error:
        raise JournalError(_unusable(path, error.strerror or str(error))) from None


def read_plan(path: str | os.PathLike[str]) -> Plan:
    """Return the plan in a file. Raises `JournalError` for what is not one, or is a newer one."""
    try:
        with open(path, "rb") as file:
            value: Any = decode(file.read(_MAX_BYTES))
    except OSError as error:
        raise JournalError(_unusable(path, error.strerror or str(error))) from None
    except ValueError:
        value = None
    version = value.pop("kosmo_plan", None) if isinstance(value, dict) else None
    if version is None:
        raise JournalError(_unusable(path, "it is not a plan"))
    if version != VERSION:
        raise JournalError(_unusable(path, "it was written by a newer version of kosmo"))
    try:
        writes = tuple(PlannedWrite(**write) for write in value["writes"])
        return Plan(**value | {"salt": bytes.fromhex(value["salt"]), "writes": writes})
    except (TypeError, KeyError, ValueError):
        raise JournalError(_unusable(path, "it is damaged")) from None


def _planned(call: JournalCall, issued: int, mask: Mask, salt: bytes) -> PlannedWrite:
    return PlannedWrite(
        action_of(call),
        call.call_path,
        mask.text(call.request),
        json.loads(mask.json_text(call.arguments)),
        without_secrets(call.content.to_json(), mask, salt),
        issued,
    )


def _unusable(path: str | os.PathLike[str], reason: str) -> str:
    return f"The plan {printable(os.fspath(path))} cannot be used: {reason}."
