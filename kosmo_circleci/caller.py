"""One call, from arguments to value, and the log of all calls of a run.

`prepare` and `finish` are pure but for the log and run on the script's thread; `perform` is the
only step that waits, and may run on any thread: it sees a `PreparedCall` and no Lua value.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from kosmo_circleci.call import arguments as call_arguments
from kosmo_circleci.call import permission, request, response
from kosmo_circleci.call.model import (
    Account,
    ApiRequest,
    ApiResponse,
    Arguments,
    CallRecord,
    PreparedCall,
    RawArguments,
)
from kosmo_circleci.call.permission import Allowed, MustAsk, Policy
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, KosmoError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask
from kosmo_circleci.transport.executor import Executor

LOG_LENGTH: Final = 1000


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it: `response`, or `error` when no answer arrived."""

    duration_ms: float
    response: ApiResponse | None = None
    error: KosmoError | None = None


@dataclass(frozen=True, slots=True)
class Performed:
    """What `perform` did: one exchange, or two where the manifest's fallback answered."""

    exchanges: tuple[Exchange, ...]

    @property
    def by_fallback(self) -> bool:
        return len(self.exchanges) > 1


@dataclass(frozen=True, slots=True)
class CallerSettings:
    """What a run brings along. `ask` puts a question to a person; None where nobody answers."""

    accounts: Mapping[str, Account]
    policy: Policy
    force: bool = False
    ask: Callable[[str], bool] | None = None


@dataclass(slots=True)
class Caller:
    """The calls of one run. `executor` is asked for on the first request, not before."""

    settings: CallerSettings
    executor: Callable[[], Executor]
    deadline: Deadline
    mask: Mask
    log: deque[CallRecord] = field(default_factory=lambda: deque(maxlen=LOG_LENGTH))
    call_count: int = 0
    permission_bypassed: bool = False
    _answers: dict[str, bool] = field(default_factory=dict)

    def call(
        self, function: Function, account: str, spoken_name: str, raw: RawArguments
    ) -> JsonValue:
        """Return the decoded answer of one call, or raise the `KosmoError` that stopped it."""
        prepared = self.prepare(function, account, spoken_name, raw)
        return self.finish(prepared, self.perform(prepared))

    def prepare(
        self, function: Function, account: str, spoken_name: str, raw: RawArguments
    ) -> PreparedCall:
        """Check arguments, then permission, then the account; build the request. Sends nothing.

        Raises `ValidationError`, `PermissionDenied` or `ConfigurationError`.
        """
        arguments = call_arguments.bind(function, raw)
        self._hide_secrets(function, arguments)
        api_request = request.build(function, arguments)
        self._permit(function, arguments, spoken_name)
        return PreparedCall(function, arguments, api_request, self._account(account), spoken_name)

    def perform(self, call: PreparedCall) -> Performed:
        """Send the request, and the manifest's fallback where the first answer calls for it."""
        first = self._exchange(call, call.request)
        fallback = call.function.fallback
        if (
            fallback is None
            or first.response is None
            or first.response.status != fallback.on_status
        ):
            return Performed((first,))
        second = request.fallback(call.function)
        assert second is not None
        return Performed((first, self._exchange(call, second)))

    def finish(self, call: PreparedCall, performed: Performed) -> JsonValue:
        """Decode the last answer and log every exchange. Raises `ApiError` or `NetworkError`."""
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

    def _exchange(self, call: PreparedCall, api_request: ApiRequest) -> Exchange:
        started = time.perf_counter()
        try:
            answer = self.executor().perform(api_request, call.account, self.deadline)
        except KosmoError as error:
            return Exchange(_milliseconds_since(started), error=error)
        return Exchange(_milliseconds_since(started), response=answer)

    def _record(self, call: PreparedCall, exchange: Exchange, *, ok: bool) -> None:
        answer = exchange.response
        attempts = answer.attempts if answer else getattr(exchange.error, "attempts", 1)
        self.call_count += 1
        self.log.append(
            CallRecord(
                function=call.spoken_name,
                tool=call.function.tool_name,
                account=call.account.name,
                status="ok" if ok else "error",
                http_status=answer.status if answer else None,
                duration_ms=exchange.duration_ms,
                attempts=attempts,
            )
        )

    def _permit(self, function: Function, arguments: Arguments, spoken_name: str) -> None:
        decision = permission.decide(function.kind, self.settings.policy, force=self.settings.force)
        if isinstance(decision, Allowed):
            self.permission_bypassed |= decision.bypassed
            return
        if isinstance(decision, MustAsk) and self.settings.ask is not None:
            if function.name not in self._answers:
                question = permission.question(function, arguments, spoken_name)
                self._answers[function.name] = self.settings.ask(self.mask.text(question))
            if self._answers[function.name]:
                return
        raise permission.refusal(function, decision, spoken_name)

    def _account(self, name: str) -> Account:
        account = self.settings.accounts[name]
        if account.token is None:
            raise missing_token(name)
        return account

    def _hide_secrets(self, function: Function, arguments: Arguments) -> None:
        for parameter in function.parameters:
            if parameter.secret:
                self.mask.add(arguments.values.get(parameter.name))
                self.mask.add(arguments.payload.get(parameter.wire))


def missing_token(account: str) -> ConfigurationError:
    """Return the error for a call through an account without a token, with the three ways out."""
    suffix = "" if account == "default" else f"_{account.upper()}"
    third = (
        "the official CLI's ~/.circleci/cli.yml"
        if account == "default"
        else "`keyring: true` for the account in that file"
    )
    return ConfigurationError(
        f"The account '{account}' has no CircleCI token, so nothing was sent. Give it one of three "
        f"ways: the environment variable CIRCLECI_TOKEN{suffix}; "
        f"`integrations: {{circleci: {{accounts: {{{account}: {{token_env: MY_TOKEN}}}}}}}}` in "
        f"kosmo/config.yaml of your configuration folder; or {third}. "
        "To try without a token, use --simulate."
    )


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
