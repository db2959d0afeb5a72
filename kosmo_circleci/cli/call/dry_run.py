"""`--dry-run`: the request a call would send, built by the code that sends it, with secrets masked.

Everything but the socket is the real thing: arguments are checked, the path is encoded, the
executor writes URL and headers. Permission is not asked for, because nothing happens.
"""

from dataclasses import dataclass, field

from kosmo_circleci import jsonvalue
from kosmo_circleci.call import arguments, permission, request
from kosmo_circleci.call.model import RawArguments
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import MASK
from kosmo_circleci.runtime import Runtime
from kosmo_circleci.transport.executor import Executor
from kosmo_circleci.transport.wire import WireRequest, WireResponse
from kosmo_circleci.version import __version__

NO_TOKEN = "(none: the account has no token)"


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """A request for people: absolute URL, header lines, decoded body (None where none is sent)."""

    method: str
    url: str
    headers: dict[str, str]
    body: JsonValue

    def to_json(self) -> dict[str, JsonValue]:
        """Return `{method, url, headers, body}`."""
        return {
            "method": self.method,
            "url": self.url,
            "headers": dict(self.headers),
            "body": self.body,
        }

    def to_text(self) -> str:
        """Return the request as it would go over the wire, the body indented."""
        lines = [f"{self.method} {self.url}", *(f"{k}: {v}" for k, v in self.headers.items())]
        if self.body is not None:
            lines += ["", jsonvalue.encode(self.body, pretty=True)]
        return "\n".join(lines)


@dataclass(slots=True)
class _Recorder:
    """A `wire.Transport` that keeps requests and sends nothing."""

    sent: list[WireRequest] = field(default_factory=list)

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        self.sent.append(request)
        return WireResponse(204, {}, b"")

    def close(self) -> None:
        pass


def shown_request(
    runtime: Runtime, function: Function, values: dict[str, JsonValue], account: str
) -> ShownRequest:
    """Return the request `function` would send first through `account`. Sends nothing.

    Raises `ValidationError` as the call would, and `ConfigurationError` for an unknown account.
    """
    sender = runtime.account(account)
    bound = arguments.bind(function, RawArguments(named=values))
    hidden = permission.without_secrets(function, bound)
    recorder = _Recorder()
    executor = Executor(recorder, user_agent=f"kosmo-circleci/{__version__}")
    executor.perform(
        request.build(function, hidden),
        sender._replace(token=sender.token or "absent"),
        Deadline(),
    )
    wire = recorder.sent[0]
    mask = runtime.mask()
    headers = dict(wire.headers) | {"Circle-Token": MASK if sender.token else NO_TOKEN}
    body = None if wire.body is None else mask.json(jsonvalue.decode(wire.body))
    return ShownRequest(wire.method, mask.text(wire.url), headers, body)
