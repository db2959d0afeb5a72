"""One call, from arguments to value.

`prepare` and `finish` are pure but for the log and run on the script's thread; `perform` is the
only step that waits, and may run on any thread: it sees a `PreparedCall` and no Lua value. The
steps are loaded by the first call: many scripts read documentation and make none.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kosmo_circleci.call import permission
from kosmo_circleci.call.account import missing_token
from kosmo_circleci.call.exchange import CallSubject, Exchange, Performed, Request
from kosmo_circleci.call.model import (
    Account,
    ApiRequest,
    ApiResponse,
    Arguments,
    PreparedCall,
    RawArguments,
)
from kosmo_circleci.call.permission import PermissionRequest, Policy
from kosmo_circleci.caller.consent import Consents
from kosmo_circleci.caller.log import CallLog
from kosmo_circleci.catalog.lookup import Resolved, call_path
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import JournalError, KosmoError, NetworkError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.listener import RunListener
from kosmo_circleci.run.settings import RunSettings

if TYPE_CHECKING:
    from kosmo_circleci.call.journal import CallJournal, JournalCall, RunJournal
    from kosmo_circleci.transport.executor import Executor


class Caller:
    """The calls of one run.

    An account is resolved when a call uses it, the executor opened by the first request.
    `traceparent` is that of `RunSettings`; a session that is kept gets another for each script.
    """

    def __init__(
        self,
        settings: RunSettings,
        listener: RunListener,
        accounts: Mapping[str, Callable[[], Account]],
        policy: Policy,
        executor: "Callable[[], Executor]",
        deadline: Deadline,
        mask: Mask,
    ) -> None:
        self.settings = settings
        self.listener = listener
        self.accounts = accounts
        self.executor = executor
        self.deadline = deadline
        self.mask = mask
        self.journal: RunJournal | None = None
        self.traceparent = settings.traceparent
        self._tokens: set[str] = set()
        self._consents = Consents(settings, policy, listener, mask)
        self.reset(deadline)

    def reset(self, deadline: Deadline) -> None:
        """Prepare for the next run: an empty log and a new deadline; consent given stays."""
        self.deadline = deadline
        self.log = CallLog(self.listener, self.mask)
        self._in_result: set[str] = set()
        self._deprecated: set[str] = set()

    def continue_with(self, settings: RunSettings) -> None:
        """Take what is another script's own; see `lua/session.py`."""
        self.traceparent = settings.traceparent
        self._consents.continue_with(settings)

    def call(
        self, function: Function, account: str, call_path: str, raw: RawArguments
    ) -> JsonValue:
        """Return the decoded answer of one call, or raise the `KosmoError` that stopped it."""
        prepared = self.prepare(function, account, call_path, raw)
        return self.finish(prepared, self.perform(prepared))

    def call_resolved(self, resolved: Resolved, arguments: Mapping[str, JsonValue]) -> JsonValue:
        """Return the decoded answer of a call that no script makes. Raises as `call` does."""
        function, account = resolved
        raw = RawArguments(named=arguments)
        return self.call(function, account, call_path(function.name, account), raw)

    def prepare(
        self, function: Function, account: str, call_path: str, raw: RawArguments
    ) -> PreparedCall:
        """Check arguments, then permission, then the account; build the request. Sends nothing.

        Raises `ValidationError`, `PermissionDenied` or `ConfigurationError`.
        """
        from kosmo_circleci.call import arguments as call_arguments
        from kosmo_circleci.call import request

        arguments = call_arguments.bind(function, raw)
        api_request = request.build(function, arguments)
        self._permit(function, arguments, api_request, account, call_path)
        # Not before: only what is sent can be a secret.
        self._hide_secrets(function, arguments)
        credentials = self.account(account, public=function.public)
        return PreparedCall(function, arguments, api_request, credentials, call_path)

    def perform(self, call: PreparedCall, deadline: Deadline | None = None) -> Performed:
        """Send the request, and the manifest's fallback where the first answer calls for it.

        `deadline` is the run's own or a child of it, where the call may be called off alone.
        """
        deadline = deadline or self.deadline
        if self.journal is not None and self.journal.calls is not None:
            return self._perform_journaled(call, deadline, self.journal.calls)
        return self._perform(call, deadline)

    def _perform_journaled(
        self, call: PreparedCall, deadline: Deadline, journal: "CallJournal"
    ) -> Performed:
        """Answer a call from the journal, or send it and record its outcome."""
        from kosmo_circleci.call.journal import journal_call

        deadline.check()
        try:
            entry = journal.begin(journal_call(call))
        except JournalError as error:
            raise self.end_with(error) from None
        if entry.answer is not None:
            return Performed(tuple(Exchange(None, 0.0, each) for each in entry.answer), entry)
        performed = self._perform(call, deadline)._replace(entry=entry)
        *earlier, last = performed.exchanges
        try:
            if last.error is not None:
                journal.failed(entry, last.error, sent=last.may_have_arrived)
            else:
                responses = (each.response for each in performed.exchanges)
                journal.answered(entry, tuple(filter(None, responses)))
        except JournalError as error:
            # It was sent all the same, and the call log says so.
            failed = last._replace(error=self.end_with(error))
            return performed._replace(exchanges=(*earlier, failed))
        return performed

    def end_with(self, error: JournalError) -> JournalError:
        """End the run, so that no `pcall` continues it: nothing may happen that is not on record.

        A refusal to answer from a record ends it too. Returns `error`, to be raised.
        """
        self.deadline.cancel(error)
        return error

    def _perform(self, call: PreparedCall, deadline: Deadline) -> Performed:
        function = call.function
        route = "" if function.is_raw else function.documented_path
        first = self._exchange(call, call.request, deadline, route)
        fallback = function.fallback
        if (
            fallback is None
            or first.response is None
            or first.response.status != fallback.on_status
        ):
            return Performed((first,))
        from kosmo_circleci.call import request

        second = request.fallback(function)
        assert second is not None
        return Performed((first, self._exchange(call, second, deadline, fallback.path)))

    def finish(self, call: PreparedCall, performed: Performed) -> JsonValue:
        """Decode the last answer and log every exchange. Raises `ApiError` or `NetworkError`."""
        from kosmo_circleci.call import response

        *earlier, last = performed.exchanges
        for exchange in earlier:
            self.log.record(call, exchange, ok=False)
        if last.error is not None:
            self.log.record(call, last, ok=False)
            raise _naming(call, last.error)
        assert last.response is not None
        decode = response.decode_fallback if performed.by_fallback else response.decode
        try:
            value = decode(call.function, call.arguments, last.response)
        except KosmoError as error:
            self.log.record(call, last._replace(error=error), ok=False)
            if performed.entry is not None and self.journal is not None and self.journal.calls:
                self.journal.calls.refused(performed.entry, error)
            raise
        self.log.record(call, last, ok=True)
        self._hide_credentials(call.function, value)
        self._warn_of_deprecation(call, last.response)
        return value

    def _exchange(
        self, call: PreparedCall, api_request: ApiRequest, deadline: Deadline, route: str
    ) -> Exchange:
        subject = CallSubject(
            call.call_path,
            call.function.tool_name,
            call.account.name,
            call.function.kind,
            permission.shown_arguments(call.function, call.arguments),
            api_request.method,
            route,
            call.account.origin,
        )

        def perform(request: Request) -> ApiResponse:
            sent = api_request
            if self.traceparent is not None:
                headers = self.listener.trace_headers(request.start.number)
                sent = sent._replace(headers=(*sent.headers, *headers.items()))
            return self.executor().perform(
                sent, call.account, deadline, on_send=request.count_attempt
            )

        return self.log.exchange(call, subject, perform)

    def _permit(
        self,
        function: Function,
        arguments: Arguments,
        api_request: ApiRequest,
        account: str,
        call_path: str,
    ) -> None:

        def recorded() -> "JournalCall":
            from kosmo_circleci.call.journal import journal_call

            nameless = Account(account, "")  # a call is known by the account's name alone
            return journal_call(PreparedCall(function, arguments, api_request, nameless, call_path))

        request = PermissionRequest(
            function.kind,
            function.name,
            account,
            call_path,
            lambda: permission.question(function, arguments, account, call_path),
            recorded,
        )
        if self.settings.rehearsal:
            self._consents.check_declared(request)
        else:
            self.permit(request)

    def permit(self, request: PermissionRequest) -> None:
        """Return if the call may be made, see `Consents.permit`. Raises `PermissionDenied`."""
        bypassed = self._consents.permit(request, self.journal, self.deadline)
        self.log.permission_bypassed |= bypassed

    def account(self, name: str, *, public: bool) -> Account:
        """Return an account, whose token is masked from now on. Raises `ConfigurationError`.

        One without a token is refused, unless what it is for is `public`.
        """
        if self.journal is not None and self.journal.is_offline:
            return Account(name, "https://circleci.com")
        account = self.accounts[name]()
        if account.token is None and not public:
            raise missing_token(account)
        if account.token is not None and account.token not in self._tokens:
            self._tokens.add(account.token)
            self.mask.add(account.token)
        return account

    def _hide_secrets(self, function: Function, arguments: Arguments) -> None:
        for parameter in function.parameters:
            if parameter.secret:
                self.mask.add(arguments.values.get(parameter.name))
                self.mask.add(arguments.payload.get(parameter.wire))

    @property
    def result_mask(self) -> Mask:
        """The mask for the result: it shows the credentials that were asked for."""
        return self.mask.without(self._in_result) if self._in_result else self.mask

    def _hide_credentials(self, function: Function, value: JsonValue) -> None:
        if not function.secret_answers:
            return
        from kosmo_circleci.call.credentials import credentials_of

        hidden, in_result = credentials_of(function, value)
        self.mask.add([*hidden, *in_result])
        self._in_result |= set(in_result)

    def _warn_of_deprecation(self, call: PreparedCall, response: ApiResponse) -> None:
        if "deprecation" not in response.headers and "sunset" not in response.headers:
            return
        from kosmo_circleci.call.deprecation import deprecation_of, describe, route_of

        deprecation, route = deprecation_of(response), route_of(call.function, call.request.path)
        if deprecation is not None and route not in self._deprecated:
            self._deprecated.add(route)
            self.listener.warning(describe(route, deprecation, datetime.now(UTC)))


def _naming(call: PreparedCall, error: KosmoError) -> KosmoError:
    """Return the error of an exchange that failed, with what was called."""
    from kosmo_circleci.call import request

    error.function_name = call.function.name
    if isinstance(error, NetworkError):
        error.method, error.path = request.shown(call.function, call.arguments)
    return error
