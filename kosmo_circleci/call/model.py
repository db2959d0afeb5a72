"""The values that travel through one call. All frozen; none knows Lua, sockets or a clock."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from kosmo_circleci.catalog.model import Function, Kind
from kosmo_circleci.jsonvalue import JsonValue

QueryPairs: TypeAlias = tuple[tuple[str, str], ...]

MAX_RETRY_AFTER_S: Final = 60.0
"""The longest `Retry-After` a call waits for by itself; a longer one is reported at once."""


class RawArguments(NamedTuple):
    """What the caller wrote, before anything is checked.

    Either `named` (one table of names, or JSON object), or `positional` in the manifest's order
    with None for a hole.
    """

    named: Mapping[str, JsonValue] = MappingProxyType({})
    positional: tuple[JsonValue, ...] = ()


class Arguments(NamedTuple):
    """Checked and converted arguments: parameter name -> value of the parameter's type.

    Absent parameters have no key. `query` and `payload` are the pass-through objects, wire names.
    """

    values: Mapping[str, JsonValue]
    query: Mapping[str, JsonValue] = MappingProxyType({})
    payload: Mapping[str, JsonValue] = MappingProxyType({})


class ApiRequest(NamedTuple):
    """Method, path and content: no host and no token.

    `path` is absolute on the host, percent-encoded, and starts with `/api/`. `body` None means that
    no body is sent. `headers` are those of the operation, beside what every request carries.
    """

    method: str
    path: str
    query: QueryPairs = ()
    body: JsonValue = None
    headers: tuple[tuple[str, str], ...] = ()


class Account(NamedTuple):
    """One set of credentials. `origin` is `scheme://host[:port]`; `token` None when none is set.

    `hint` says where a token was expected and not found: `MY_TOKEN (token_env) is not set`.
    """

    name: str
    origin: str
    token: str | None = None
    hint: str | None = None


class ApiResponse(NamedTuple):
    """The answer as it came, with how many requests it took. Header names are lower case.

    `retry_after_s` is what the header `Retry-After` asked for, counted from the answer's arrival.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    attempts: int = 1
    retry_after_s: float | None = None


LOG_LENGTH: Final = 1000
"""How many requests the call log keeps: the last ones."""


class StartedCall(NamedTuple):
    """A request that is about to be sent.

    `number` counts the requests of the run from 0; `started_ms` counts from the beginning of the
    run; `arguments` is their JSON text, shortened, with secrets masked. `permission_bypassed` tells
    that `--force` has lifted the policy for this request or an earlier one. `route` is the path
    template of the manifest, "" where the script wrote the path itself; `origin` is the account's.
    """

    number: int
    function: str
    tool: str
    account: str
    kind: Kind
    started_ms: float
    arguments: str = ""
    permission_bypassed: bool = False
    method: str = ""
    route: str = ""
    origin: str = ""

    def ended(
        self,
        *,
        ok: bool,
        duration_ms: float,
        http_status: int | None = None,
        attempts: int = 1,
        sent: bool = True,
        error_type: str | None = None,
    ) -> "CallRecord":
        """Return the log entry of this request; `sent` False when it surely did not leave."""
        return CallRecord(
            self.function,
            self.tool,
            self.account,
            self.kind,
            effect_of(self.kind, http_status, sent=sent),
            "ok" if ok else "error",
            http_status,
            duration_ms,
            attempts,
            self.started_ms,
            self.arguments,
            error_type,
        )


Effect: TypeAlias = Literal["none", "done", "refused", "unknown"]
"""What a write did: `unknown` when it was sent and no answer settles it."""


def effect_of(kind: Kind, http_status: int | None, *, sent: bool) -> Effect:
    """Return what a request of that kind did, given its answer (None: no answer arrived).

    A 2xx is `done`; a 3xx or 4xx is `refused`: CircleCI did nothing. Anything else is `unknown`.
    """
    if kind == "read" or not sent:
        return "none"
    if http_status is None or http_status >= 500:
        return "unknown"
    return "done" if http_status < 300 else "refused"


class CallRecord(NamedTuple):
    """One line of the call log.

    `started_ms` counts from the beginning of the run; `arguments` is their JSON text, shortened,
    with secrets masked; `error_type` is that of the error that took the place of an answer. They
    are for reports and traces, and not in the envelope.
    """

    function: str
    tool: str
    account: str
    kind: Kind
    effect: Effect
    status: Literal["ok", "error"]
    http_status: int | None
    duration_ms: float
    attempts: int
    started_ms: float = 0.0
    arguments: str = ""
    error_type: str | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """Return the record as the envelope shows it."""
        return {
            "function": self.function,
            "tool": self.tool,
            "account": self.account,
            "kind": self.kind,
            "effect": self.effect,
            "status": self.status,
            "http_status": self.http_status,
            "duration_ms": round(self.duration_ms, 1),
            "attempts": self.attempts,
        }


class ExternalCall(NamedTuple):
    """A call to another server than CircleCI that has just ended.

    `call_path` is how the script named it. `settled` False means that no answer arrived: whether a
    write happened is unknown.
    """

    call_path: str
    tool: str
    server: str
    kind: Kind
    ok: bool
    duration_ms: float
    settled: bool = True

    @property
    def effect(self) -> Effect:
        """What the call did."""
        if self.kind == "read":
            return "none"
        if self.ok:
            return "done"
        return "refused" if self.settled else "unknown"

    def to_record(self, ended_ms: float) -> CallRecord:
        """Return the log entry; `ended_ms` counts from the beginning of the run."""
        started_ms = ended_ms - self.duration_ms
        start = StartedCall(-1, self.call_path, self.tool, self.server, self.kind, started_ms)
        return start.ended(ok=self.ok, duration_ms=self.duration_ms)._replace(effect=self.effect)


class Writes(NamedTuple):
    """How many writes of a run had which effect."""

    done: int = 0
    refused: int = 0
    unknown: int = 0

    def plus(self, effect: Effect) -> "Writes":
        """Return the counts with one more write of that effect."""
        if effect == "none":
            return self
        return self._replace(**{effect: getattr(self, effect) + 1})


class PreparedCall(NamedTuple):
    """Everything `perform` needs, and nothing of Lua: safe to hand to another thread."""

    function: Function
    arguments: Arguments
    request: ApiRequest
    account: Account
    call_path: str
