"""May this call be made? Pure: the policy, the function's kind and `force` decide alone.

Asking, and how long a yes is remembered, is the caller's business.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from kosmo_circleci.call.model import Arguments
from kosmo_circleci.call.question import argument_lines
from kosmo_circleci.catalog.model import Function, Kind, Parameter
from kosmo_circleci.errors import PermissionDenied
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.masking import MASK, names_a_secret
from kosmo_circleci.wording import printable, shorten

if TYPE_CHECKING:
    from kosmo_circleci.call.journal import JournalCall

Rule: TypeAlias = Literal["allow", "ask", "deny"]

SHOWN_CHARACTERS: Final = 200
"""How much of one value a prompt shows."""


class Policy(NamedTuple):
    """What happens to reads and to writes (contract, section 6)."""

    read: Rule = "allow"
    write: Rule = "ask"


class Allowed(NamedTuple):
    """The call may be made. `bypassed` is True when `force` lifted a rule that stood against it."""

    bypassed: bool = False


class MustAsk(NamedTuple):
    """The call may be made after a confirmation."""


class Denied(NamedTuple):
    """The call may not be made."""


Decision: TypeAlias = Allowed | MustAsk | Denied


class PermissionRequest(NamedTuple):
    """A call to be made: `name` is what a person allows, `question` what they read.

    `recorded` is the call as a journal knows it, None for one that no journal keeps.
    """

    kind: Kind
    name: str
    account: str
    call_path: str
    question: Callable[[], str]
    recorded: "Callable[[], JournalCall] | None" = None


def decide(kind: Kind, policy: Policy, *, force: bool) -> Decision:
    """Return what the policy says to a call of that kind; `force` lifts both ask and deny."""
    rule = policy.read if kind == "read" else policy.write
    if rule == "allow" or force:
        return Allowed(bypassed=rule != "allow")
    return MustAsk() if rule == "ask" else Denied()


def refusal(
    kind: Kind,
    decision: MustAsk | Denied,
    call_path: str,
    function_name: str,
    *,
    refused: bool = False,
) -> PermissionDenied:
    """Return the error for a call that is not made: what, why, and the two ways out.

    `call_path` is the function as the script wrote it. `refused` tells that a person was asked and
    answered no, who needs no way out.
    """
    if refused:
        return PermissionDenied(
            f"{call_path} is a {kind}: you answered no. Nothing was sent.",
            function_name=function_name,
        )
    why = (
        f"the policy denies {kind}s"
        if isinstance(decision, Denied)
        else f"the policy asks before {kind}s, and no confirmation was given"
    )
    return PermissionDenied(
        f"{call_path} is a {kind}: {why}. Nothing was sent. Run it with --force (Python: "
        f"force=True), or change the policy: `kosmo integrations:configure circleci --{kind} allow`"
        f", which is `permissions: {{{kind}: allow}}` under integrations.circleci in the "
        "configuration file.",
        function_name=function_name,
    )


def undeclared(call_path: str, function_name: str, writes: Sequence[str]) -> PermissionDenied:
    """Return the error for a write that the script's header does not list."""
    return PermissionDenied(
        f"{call_path} is a write, and the script's header allows "
        f"{', '.join(writes) or 'none'} (@writes). Nothing was sent. "
        f"Add {function_name} to @writes if the script is to do this.",
        function_name=function_name,
    )


def question(function: Function, arguments: Arguments, account: str, call_path: str) -> str:
    """Return the text of a permission question: the call, line by line, with secrets as `***`.

    Nothing in it can steer the terminal: control and invisible characters are written as escapes.
    """
    route = f"{function.method} {function.documented_path}"
    lines = [
        f"{call_path} ({function.kind}, {route}, account {account})",
        # Secrets are masked already, by what the manifest says of each field.
        *argument_lines(_masked_arguments(function, arguments), is_secret=lambda _name: False),
        f"Allow {function.name}?",
    ]
    return "\n".join(lines)


def shown_arguments(function: Function, arguments: Arguments) -> str:
    """Return the arguments of a call as JSON on one line, shortened, with secrets as `***`."""
    text = printable(encode(dict(_masked_arguments(function, arguments))))
    return shorten(text, SHOWN_CHARACTERS)


def without_secrets(function: Function, arguments: Arguments) -> Arguments:
    """Return the arguments with `***` for every value that is a secret, or may be one by its name.

    A request built from them is for display; it must not be sent.
    """
    secrets = _secret_wires(function)
    return Arguments(
        {
            parameter.name: _masked_value(function, parameter, arguments.values[parameter.name])
            for parameter in function.parameters
            if parameter.name in arguments.values
        },
        _object_without_secrets(arguments.query, secrets),
        _object_without_secrets(arguments.payload, secrets),
    )


def without_secret_keys(value: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a free object with `***` for every value that may be a secret by its key."""
    return _object_without_secrets(value, frozenset())


def _masked_arguments(function: Function, arguments: Arguments) -> list[tuple[str, JsonValue]]:
    pairs = [
        (parameter.name, _masked_value(function, parameter, arguments.values[parameter.name]))
        for parameter in function.parameters
        if parameter.name in arguments.values
    ]
    further = [("query", arguments.query), ("payload", arguments.payload)]
    secrets = _secret_wires(function)
    return pairs + [
        (name, _object_without_secrets(each, secrets)) for name, each in further if each
    ]


def _masked_value(function: Function, parameter: Parameter, value: JsonValue) -> JsonValue:
    if parameter.secret:
        return MASK
    return _without_secrets(value, _secret_wires(function))


def _secret_wires(function: Function) -> frozenset[str]:
    return frozenset(each.body_path[-1] for each in function.parameters if each.secret)


def _without_secrets(value: JsonValue, secrets: frozenset[str]) -> JsonValue:
    if isinstance(value, Mapping):
        return _object_without_secrets(value, secrets)
    if isinstance(value, list):
        return [_without_secrets(each, secrets) for each in value]
    return value


def _object_without_secrets(
    value: Mapping[str, JsonValue], secrets: frozenset[str]
) -> dict[str, JsonValue]:
    return {
        key: MASK if key in secrets or _may_be_secret(key) else _without_secrets(each, secrets)
        for key, each in value.items()
    }


def _may_be_secret(key: str) -> bool:
    # Nothing declares which fields of `payload` or of a raw body are secret, and CircleCI calls
    # the content of an environment variable `value`.
    return names_a_secret(key) or key.lower() == "value"
