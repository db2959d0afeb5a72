"""The values that travel through one call. All frozen; none knows Lua, httpx or a clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kosmo_circleci.catalog.model import Function
from kosmo_circleci.jsonvalue import JsonValue

QueryPairs: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RawArguments:
    """What the caller wrote, before anything is checked.

    Either `named` (one table of names, or JSON object), or `positional` in the manifest's order
    with None for a hole.
    """

    named: Mapping[str, JsonValue] = field(default_factory=dict)
    positional: tuple[JsonValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Arguments:
    """Checked and converted arguments: parameter name -> value of the parameter's type.

    Absent parameters have no key. `query` and `payload` are the pass-through objects, wire names.
    """

    values: Mapping[str, JsonValue]
    query: Mapping[str, JsonValue] = field(default_factory=dict)
    payload: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """Method, path and content: no host and no token.

    `path` is absolute on the host, percent-encoded, and starts with `/api/`. `body` None means that
    no body is sent.
    """

    method: str
    path: str
    query: QueryPairs = ()
    body: JsonValue = None


@dataclass(frozen=True, slots=True)
class Account:
    """One set of credentials. `origin` is `scheme://host[:port]`; `token` None when none is set."""

    name: str
    origin: str
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """The answer as it came, with how many requests it took. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One line of the call log; it holds no argument, so it can hold no secret."""

    function: str
    tool: str
    account: str
    status: Literal["ok", "error"]
    http_status: int | None
    duration_ms: float
    attempts: int

    def to_json(self) -> dict[str, JsonValue]:
        """Return the record as the envelope shows it."""
        return {
            "function": self.function,
            "tool": self.tool,
            "account": self.account,
            "status": self.status,
            "http_status": self.http_status,
            "duration_ms": round(self.duration_ms, 1),
            "attempts": self.attempts,
        }


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """Everything `perform` needs, and nothing of Lua: safe to hand to another thread."""

    function: Function
    arguments: Arguments
    request: ApiRequest
    account: Account
    spoken_name: str
