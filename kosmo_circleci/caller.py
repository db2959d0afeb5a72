"""One call, from arguments to value, and the log of all calls of a run.

`prepare` and `finish` are pure but for the log and run on the script's thread; `perform` is the
only step that waits, and may run on any thread: it sees a `PreparedCall` and no Lua value. The
steps are loaded by the first call: many scripts read documentation and make none.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from kosmo_circleci.call import permission
from kosmo_circleci.call.model import (
    LOG_LENGTH,
    Account,
    ApiRequest,
    ApiResponse,
    Arguments,
    CallRecord,
    PreparedCall,
    RawArguments,
)
from kosmo_circleci.call.permission import Allowed, MustAsk, Policy
from kosmo_circleci.catalog.model import Function, Kind
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, KosmoError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask

if TYPE_CHECKING:
    from kosmo_circleci.transport.executor import Executor


class Exchange(NamedTuple):
    """One request and what came of it: `response`, or `error` when no answer arrived.

    `number` counts the requests of the run; `started_ms` is the time since the run began.
    """

    number: int
    started_ms: float
    duration_ms: float
    response: ApiResponse | None = None
    error: KosmoError | None = None


class Performed(NamedTuple):
    """What `perform` did: one exchange, or two where the manifest's fallback answered."""

    exchanges: tuple[Exchange, ...]

    @property
    def by_fallback(self) -> bool:
        return len(self.exchanges) > 1


class CallObserver(Protocol):
    """Who wants to know how the run goes on, request by request. Called from any thread."""

    def started(self, number: int, call_path: str) -> None:
        """Take note that request `number` goes out now."""
        ...

    def ended(self, number: int, record: CallRecord) -> None:
        """Take note of what came of request `number`."""
        ...

    def waiting(self, text: str) -> None:
        """Take note of what `flow` waits for now; an empty text ends it."""
        ...


class CallerSettings(NamedTuple):
    """What a run brings along. An account is resolved when a call uses it.

    `ask` puts a question to a person; None where nobody answers.
    """

    accounts: Mapping[str, Callable[[], Account]]
    policy: Policy
    force: bool = False
    ask: Callable[[str], bool] | None = None
    observer: CallObserver | None = None


class Caller:
    """The calls of one run. `executor` is asked for on the first request, not before."""

    def __init__(
        self,
        settings: CallerSettings,
        executor: "Callable[[], Executor]",
        deadline: Deadline,
        mask: Mask,
    ) -> None:
        self.settings = settings
        self.executor = executor
        self.deadline = deadline
        self.mask = mask
        self.log: deque[CallRecord] = deque(maxlen=LOG_LENGTH)
        self.call_count = 0
        self.permission_bypassed = False
        self._tokens: set[str] = set()
        self._answers: dict[str, bool] = {}
        self._under_way: dict[int, int] = {}
        self._numbers = count()
        self._began = time.perf_counter()

    def reset(self, deadline: Deadline) -> None:
        """Begin the next run: an empty log and a new deadline; permissions given stay."""
        self.deadline = deadline
        self.log.clear()
        self.call_count = 0
        self.permission_bypassed = False
        self._under_way.clear()
        self._began = time.perf_counter()

    def call(
        self, function: Function, account: str, call_path: str, raw: RawArguments
    ) -> JsonValue:
        """Return the decoded answer of one call, or raise the `KosmoError` that stopped it."""
        prepared = self.prepare(function, account, call_path, raw)
        return self.finish(prepared, self.perform(prepared))

    def prepare(
        self, function: Function, account: str, call_path: str, raw: RawArguments
    ) -> PreparedCall:
        """Check arguments, then permission, then the account; build the request. Sends nothing.

        Raises `ValidationError`, `PermissionDenied` or `ConfigurationError`.
        """
        from kosmo_circleci.call import arguments as call_arguments
        from kosmo_circleci.call import request

        arguments = call_arguments.bind(function, raw)
        self._hide_secrets(function, arguments)
        api_request = request.build(function, arguments)
        self._permit(function, arguments, call_path)
        return PreparedCall(function, arguments, api_request, self._account(account), call_path)

    def perform(self, call: PreparedCall, deadline: Deadline | None = None) -> Performed:
        """Send the request, and the manifest's fallback where the first answer calls for it.

        `deadline` is the run's own or a child of it, where the call may be called off alone.
        """
        deadline = deadline or self.deadline
        first = self._exchange(call, call.request, deadline)
        fallback = call.function.fallback
        if (
            fallback is None
            or first.response is None
            or first.response.status != fallback.on_status
        ):
            return Performed((first,))
        from kosmo_circleci.call import request

        second = request.fallback(call.function)
        assert second is not None
        return Performed((first, self._exchange(call, second, deadline)))

    def finish(self, call: PreparedCall, performed: Performed) -> JsonValue:
        """Decode the last answer and log every exchange. Raises `ApiError` or `NetworkError`."""
        from kosmo_circleci.call import response

        *earlier, last = performed.exchanges
        for exchange in earlier:
            self._record(call, exchange, ok=False)
        if last.error is not None:
            self._record(call, last, ok=False)
            last.error.function_name = call.function.name
            raise last.error
        assert last.response is not None
        decode = response.decode_fallback if performed.by_fallback else response.decode
        try:
            value = decode(call.function, call.arguments, last.response)
        except KosmoError:
            self._record(call, last, ok=False)
            raise
        self._record(call, last, ok=True)
        return value

    def _exchange(
        self, call: PreparedCall, api_request: ApiRequest, deadline: Deadline
    ) -> Exchange:
        number = next(self._numbers)
        self._under_way[id(call)] = number
        if self.settings.observer is not None:
            self.settings.observer.started(number, call.call_path)
        started = time.perf_counter()
        started_ms = (started - self._began) * 1000
        answer: ApiResponse | None = None
        failure: KosmoError | None = None
        try:
            answer = self.executor().perform(api_request, call.account, deadline)
        except KosmoError as error:
            failure = error
        duration_ms = (time.perf_counter() - started) * 1000
        return Exchange(number, started_ms, duration_ms, answer, failure)

    def _record(self, call: PreparedCall, exchange: Exchange, *, ok: bool) -> None:
        self._under_way.pop(id(call), None)
        answer = exchange.response
        attempts = answer.attempts if answer else getattr(exchange.error, "attempts", 1)
        self.add_record(
            exchange.number,
            CallRecord(
                function=call.call_path,
                tool=call.function.tool_name,
                account=call.account.name,
                status="ok" if ok else "error",
                http_status=answer.status if answer else None,
                duration_ms=exchange.duration_ms,
                attempts=attempts,
                started_ms=exchange.started_ms,
                arguments=self.mask.text(permission.shown_arguments(call.function, call.arguments)),
            ),
        )

    def abandon(self, call: PreparedCall, began: float) -> None:
        """Log a request that was under way when it was called off: nobody knows what became of it.

        `began` is its start on `time.perf_counter`.
        """
        started_ms = (began - self._began) * 1000
        duration_ms = (time.perf_counter() - began) * 1000
        number = self._under_way.get(id(call), -1)
        self._record(call, Exchange(number, started_ms, duration_ms), ok=False)

    def record_external_call(
        self, call_path: str, tool: str, server: str, *, ok: bool, duration_ms: float
    ) -> None:
        """Log a call that went to another server than CircleCI and has just ended."""
        ended_ms = (time.perf_counter() - self._began) * 1000
        status: Literal["ok", "error"] = "ok" if ok else "error"
        started_ms = ended_ms - duration_ms
        self.add_record(
            -1, CallRecord(call_path, tool, server, status, None, duration_ms, 1, started_ms)
        )

    def add_record(self, number: int, record: CallRecord) -> None:
        """Put what came of one request into the log."""
        self.call_count += 1
        self.log.append(record)
        if self.settings.observer is not None:
            self.settings.observer.ended(number, record)

    def _permit(self, function: Function, arguments: Arguments, call_path: str) -> None:
        self.permit(
            function.kind,
            function.name,
            call_path,
            lambda: permission.question(function, arguments, call_path),
        )

    def permit(self, kind: Kind, name: str, call_path: str, question: Callable[[], str]) -> None:
        """Return if the call may be made; a person is asked once per `name` and run.

        Raises `PermissionDenied`.
        """
        decision = permission.decide(kind, self.settings.policy, force=self.settings.force)
        if isinstance(decision, Allowed):
            self.permission_bypassed |= decision.bypassed
            return
        if isinstance(decision, MustAsk) and self.settings.ask is not None:
            if name not in self._answers:
                self._answers[name] = self.settings.ask(self.mask.text(question()))
            if self._answers[name]:
                return
        raise permission.refusal(kind, decision, call_path, name)

    def _account(self, name: str) -> Account:
        account = self.settings.accounts[name]()
        if account.token is None:
            raise missing_token(account)
        if account.token not in self._tokens:
            self._tokens.add(account.token)
            self.mask.add(account.token)
        return account

    def _hide_secrets(self, function: Function, arguments: Arguments) -> None:
        for parameter in function.parameters:
            if parameter.secret:
                self.mask.add(arguments.values.get(parameter.name))
                self.mask.add(arguments.payload.get(parameter.wire))


def missing_token(account: Account) -> ConfigurationError:
    """Return the error for a call through an account without a token, with the ways out."""
    name = account.name
    default = name == "default"
    option = "" if default else f" --account {name}"
    suffix = "" if default else f"_{name.upper()}"
    third = (
        "the official CLI's ~/.circleci/cli.yml"
        if default
        else "`keyring: true` for the account in that file"
    )
    hint = f" ({account.hint})" if account.hint else ""
    return ConfigurationError(
        f"The account '{name}' has no CircleCI token{hint}, so nothing was sent. Run `kosmo "
        f"integrations:configure circleci{option}`, or give it one of three ways: the environment "
        f"variable CIRCLECI_TOKEN{suffix}; "
        f"`integrations: {{circleci: {{accounts: {{{name}: {{token_env: MY_TOKEN}}}}}}}}` in "
        f"kosmo/config.yaml of your configuration folder; or {third}. "
        "To try without a token, use --simulate."
    )
