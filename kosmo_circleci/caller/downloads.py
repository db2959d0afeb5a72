"""Files downloaded for a script: the account of a URL, the request, and its entry in the call log.

The steps are those of a call, see `caller.py`: `prepare` and `finish` run on the script's thread,
`perform` on any. What arrives goes to a sink, piece by piece.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from kosmo_circleci.call.exchange import CallSubject, Exchange, Request
from kosmo_circleci.call.model import Account, ApiResponse
from kosmo_circleci.call.permission import PermissionRequest
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import (
    ApiError,
    ConfigurationError,
    JournalError,
    NetworkError,
    ValidationError,
)
from kosmo_circleci.jsonvalue import encode
from kosmo_circleci.transport.download import Download, Sink, first_request
from kosmo_circleci.transport.origin import Origin
from kosmo_circleci.wording import printable, shorten

if TYPE_CHECKING:
    from kosmo_circleci.caller.caller import Caller

NAME: Final = "files.download"
_TOOL: Final = "files_download"


class PreparedDownload(NamedTuple):
    """A download that may be made: `name` is the file's, for the call log."""

    download: Download
    account: Account
    name: str

    @property
    def host(self) -> str:
        """The host of the URL, all of it that is ever shown."""
        return printable(shorten(urlsplit(self.download.url).hostname or ""))

    @property
    def origin(self) -> str:
        """Scheme, host and port of the URL."""
        parts = urlsplit(self.download.url)
        return f"{parts.scheme}://{parts.netloc}"


class Downloads:
    """The downloads of one run. `credential_hosts` are those that signed URLs may lead to."""

    def __init__(self, caller: "Caller", credential_hosts: Sequence[str]) -> None:
        self._caller = caller
        self._credential_hosts = tuple(credential_hosts)

    def prepare(self, url: str, name: str, most_bytes: int, sink: Sink) -> PreparedDownload | None:
        """Check the URL and the policy of reads. Nothing is sent; None if nothing is to be.

        At most `most_bytes` go to `sink`, see `Download`. A URL that a planned write would make
        leads nowhere yet. Raises `ValidationError`, `PermissionDenied`, `ConfigurationError`, and
        `JournalError` in a replay, which has no files.
        """
        caller = self._caller
        if caller.journal is not None:
            if caller.journal.is_offline:
                raise caller.end_with(
                    JournalError(
                        f"{NAME} cannot be replayed: a journal keeps answers, and not the files "
                        "that were downloaded."
                    )
                )
            if caller.journal.is_planned(url):
                return None
        # A URL that CircleCI handed out as a credential needs no token, and goes where it says.
        is_credential = url in caller.mask.secrets
        account = self._account_of(url)
        download = Download(
            url,
            hosts=self._credential_hosts if is_credential else None,
            with_token=not is_credential,
            max_bytes=most_bytes,
            sink=sink,
        )
        try:
            first_request(download, account, "")
        except ValidationError as error:
            text = f"{NAME}: {error.message[0].lower()}{error.message[1:]}"
            raise ValidationError(text, function_name=NAME) from None
        prepared = PreparedDownload(download, account, name)
        if not caller.settings.rehearsal:
            caller.permit(
                PermissionRequest("read", NAME, account.name, NAME, lambda: _question(prepared))
            )
        return prepared

    def perform(self, prepared: PreparedDownload, deadline: Deadline) -> Exchange:
        """Fetch the file, following redirects and repeating what may be repeated."""
        arguments = encode({"host": prepared.host, "name": shorten(prepared.name)})
        account, shown = prepared.account, printable(arguments)
        subject = CallSubject(
            NAME, _TOOL, account.name, "read", shown, "GET", route="", origin=prepared.origin
        )

        def fetch(request: Request) -> ApiResponse:
            return self._caller.executor().fetch(
                prepared.download, account, deadline, on_send=request.count_attempt
            )

        return self._caller.log.exchange(prepared, subject, fetch)

    def finish(self, prepared: PreparedDownload, exchange: Exchange) -> None:
        """Log the download. Raises `ApiError` for an answer without a file, and what stopped it."""
        error, response = exchange.error, exchange.response
        arrived = error is None and response is not None and is_file(response)
        self._caller.log.record(prepared, exchange, ok=arrived)
        if error is not None:
            error.function_name = NAME
            if isinstance(error, NetworkError):
                error.message = f"{NAME}: {error.message}"
            raise error
        assert response is not None
        if not arrived:
            raise ApiError(
                f"{NAME}: {prepared.host} answered {_status_words(response.status)}",
                status=response.status,
                function_name=NAME,
                retry_after=response.retry_after_s,
                attempts=response.attempts,
            )

    def abandon(self, prepared: PreparedDownload) -> None:
        """Log a download that was cancelled in flight."""
        self._caller.log.abandon(prepared)

    def _account_of(self, url: str) -> Account:
        """Return the account on whose origin the URL is, else the one of the bare functions.

        The token goes nowhere but to its account's own origin, so only there the account matters.
        """
        caller, origin = self._caller, Origin.of(url)
        own = caller.account(caller.settings.account, public=True)
        if Origin.of(own.origin) == origin:
            return own
        for name in caller.accounts:
            try:
                account = caller.account(name, public=True)
            except ConfigurationError:
                continue  # a broken account matters where it is used
            if Origin.of(account.origin) == origin:
                return account
        return own


def is_file(response: ApiResponse) -> bool:
    """Say whether an answer is a whole file: a part of one (206) was not asked for."""
    return 200 <= response.status < 300 and response.status != HTTPStatus.PARTIAL_CONTENT


def _question(prepared: PreparedDownload) -> str:
    place = f"from {prepared.host} into '{printable(shorten(prepared.name))}'"
    return f"{NAME} (read, {place}, account {prepared.account.name})\nAllow {NAME}?"


def _status_words(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
