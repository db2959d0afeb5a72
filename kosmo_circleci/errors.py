"""Every error a user can meet: one class per `error_type` of the contract.

    KosmoError
      ScriptSyntaxError   syntax         the Lua text does not compile
      ScriptError         runtime        the script raised, or a helper was misused
      ValidationError     validation     the arguments do not fit the function
      PermissionDenied    permission     the policy says no, or asks and no person can answer
      ConfigurationError  configuration  account, file, base URL
      NetworkError        network        no usable answer arrived
      ApiError            api            CircleCI answered, and the answer is an error
      LimitExceeded       limit          time, memory, output, depth or size
      Interrupted         interrupted    Ctrl-C or a termination signal
      JournalError        journal        the record of runs, or a plan, cannot be used as it is
      UsageError          usage          the command line itself

An error carries a sentence for people (`str(error)`) and fields for programs (`fields()`). The same
dictionary is the Lua error value, the `--json` error and what a test expects.
"""

from typing import ClassVar, Final

from kosmo_circleci.jsonvalue import JsonValue


class KosmoError(Exception):
    """The base of every error this package raises on purpose."""

    error_type: ClassVar[str] = "runtime"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, function_name: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.function_name = function_name

    @property
    def next_step(self) -> str | None:
        """What the user can do now, as a sentence; None where the message says it already."""
        return None

    @property
    def type(self) -> str:
        """The `error_type`, by the name it has in Lua and in `fields()`."""
        return self.error_type

    def fields(self) -> dict[str, JsonValue]:
        """Return the error as plain JSON: `type`, `message`, and `function_name` if it has one."""
        fields: dict[str, JsonValue] = {"type": self.error_type, "message": self.message}
        if self.function_name is not None:
            fields["function_name"] = self.function_name
        return fields


class ScriptSyntaxError(KosmoError):
    """The Lua text does not compile. The message starts with `FILE:LINE:`."""

    error_type = "syntax"


class ScriptError(KosmoError):
    """The script raised an error of its own, or a helper got something it cannot use."""

    error_type = "runtime"


class ValidationError(KosmoError):
    """The arguments do not fit the function. Raised before permission and before any request."""

    error_type = "validation"


class PermissionDenied(KosmoError):
    """The read/write policy refuses the call. Raised before any request."""

    error_type = "permission"


class ConfigurationError(KosmoError):
    """An account, a configuration file or a base URL cannot be used as it is."""

    error_type = "configuration"


class NetworkError(KosmoError):
    """No usable answer arrived: connection, timeout, truncated or oversized body.

    `attempts` counts the requests that were sent or tried; `unsent` tells that none of them can
    have reached the server. `method` and `path` are those of an API call, as in `ApiError`.
    """

    error_type = "network"
    method: str | None = None
    path: str | None = None

    def __init__(
        self,
        message: str,
        *,
        function_name: str | None = None,
        attempts: int = 1,
        unsent: bool = False,
    ) -> None:
        super().__init__(message, function_name=function_name)
        self.attempts = attempts
        self.unsent = unsent

    def fields(self) -> dict[str, JsonValue]:
        request = {"method": self.method, "path": self.path} if self.method else {}
        return super().fields() | request | {"attempts": self.attempts}


class ApiError(KosmoError):
    """CircleCI answered with an error status, or with a body that is not what it claims to be.

    `status` is the HTTP status; `method` and `path` are the request's (path with its query, secrets
    masked); `body` the decoded JSON body, or its text; `code` the
    machine-readable code of the body where it has one; `request_id` the `X-Request-Id` header;
    `retry_after` seconds, from the header of that name; `attempts` the number of requests sent.
    """

    error_type = "api"

    def __init__(
        self,
        message: str,
        *,
        status: int,
        function_name: str | None = None,
        method: str | None = None,
        path: str | None = None,
        code: str | None = None,
        body: JsonValue = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        attempts: int = 1,
    ) -> None:
        super().__init__(message, function_name=function_name)
        self.status = status
        self.method = method
        self.path = path
        self.code = code
        self.body = body
        self.request_id = request_id
        self.retry_after = retry_after
        self.attempts = attempts

    def fields(self) -> dict[str, JsonValue]:
        details: dict[str, JsonValue] = {
            "status": self.status,
            "method": self.method,
            "path": self.path,
            "code": self.code,
            "body": self.body,
            "request_id": self.request_id,
            "retry_after": self.retry_after,
            "attempts": self.attempts,
        }
        return super().fields() | {k: v for k, v in details.items() if v is not None}

    @property
    def next_step(self) -> str | None:
        return _NEXT_STEPS.get(self.status)


_NEXT_STEPS: Final = {
    401: "CircleCI does not accept the token: `kosmo doctor` says which one was used and why.",
    403: "The token may not do this: check its user's role in the organization, and the account "
    "(`kosmo status` lists them).",
    404: "Check the name or id, and whether the token may see it: CircleCI answers 404 for what a "
    "user has no access to (`kosmo status` lists the accounts).",
    429: "Too many requests: try again later, or with fewer calls at once.",
    503: "CircleCI is not available right now: try again; https://status.circleci.com says more.",
}
"""HTTP status -> what to do next."""


class LimitExceeded(KosmoError):
    """A limit ended the work. The message names the limit and the option that raises it."""

    error_type = "limit"


class Interrupted(KosmoError):
    """Ctrl-C or a termination signal ended the run; `signal_number` says which, where known."""

    error_type = "interrupted"

    def __init__(
        self,
        message: str,
        *,
        function_name: str | None = None,
        signal_number: int | None = None,
    ) -> None:
        super().__init__(message, function_name=function_name)
        self.signal_number = signal_number


class JournalError(KosmoError):
    """A journal or a plan cannot be read, written or followed. Raised before a request is sent."""

    error_type = "journal"


class UsageError(KosmoError):
    """The command line cannot be carried out as it was written."""

    error_type = "usage"
    exit_code = 2
