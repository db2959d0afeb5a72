"""login and logout — sign in with a browser, and forget the token again."""

import contextlib
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.model import Account, ApiRequest
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.lookup import reserved_names
from kosmo_circleci.cli.accounts.configure import (
    check_account,
    token_variables,
    warn_of_environment,
)
from kosmo_circleci.cli.accounts.status import home, read_configuration
from kosmo_circleci.cli.offers import account_names
from kosmo_circleci.cli.options import Seconds
from kosmo_circleci.cli.output import emit, json_option
from kosmo_circleci.config import file, keyring_store, signin
from kosmo_circleci.config.accounts import DEFAULT, configuration_file
from kosmo_circleci.config.configuration import READ_SCOPE
from kosmo_circleci.config.edit import KeyPath, Setting
from kosmo_circleci.config.file import FileAccount
from kosmo_circleci.config.redirect import RedirectListener
from kosmo_circleci.config.signin import Token
from kosmo_circleci.config.urls import DEFAULT_ORIGIN
from kosmo_circleci.config.write import update
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, NetworkError
from kosmo_circleci.jsonvalue import JsonError, JsonValue
from kosmo_circleci.transport.executor import Executor
from kosmo_circleci.transport.live import LiveTransport
from kosmo_circleci.transport.wire import TransportError, WireRequest
from kosmo_circleci.version import __version__
from kosmo_circleci.wording import printable

_REQUEST_S: Final = 30.0
_USER_AGENT: Final = f"kosmo-circleci/{__version__}"

_READ_ONLY: Final = "On the page, choose Read: such a token can change nothing."
_CHOICE: Final = "The page asks what the token may do; Read is enough for scripts that only look."

_UNTOLD: Final = (
    "the server does not say what the token may do; it can only read if you chose Read on the page."
)

_KNOWN: Final = ("token_expires", "token_scope")
"""What the configuration file keeps of a token beside the token."""

_account_option = click.option(
    "--account",
    default=DEFAULT,
    metavar="NAME",
    shell_complete=account_names,
    help="The account; default 'default'.",
)


@click.command("login")
@_account_option
@click.option("--read-only", is_flag=True, help="Ask for a token that can only read.")
@click.option("--no-browser", is_flag=True, help="Print the URL and open nothing.")
@click.option(
    "--port",
    type=click.IntRange(1025, 65_535),
    metavar="PORT",
    default=None,
    help="Port of this machine for the redirect. Default: a free one.",
)
@click.option(
    "--timeout", type=Seconds(), default="10m", help="How long to wait for you. Default 10m."
)
@json_option
def login(
    account: str,
    read_only: bool,
    no_browser: bool,
    port: int | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Sign in to CircleCI with a browser and store a token for an account.

    The server is that of the account's base URL. The token is stored in the system's keyring, or
    in the configuration file (mode 0600) if there is no keyring. It is never printed.

    \b
    Examples:
      kosmo login
      kosmo login --read-only --account work
      kosmo login --no-browser --port 8123     # over ssh -L 8123:127.0.0.1:8123
    """
    check_account(account)
    origin = _origin(account)
    with contextlib.closing(LiveTransport()) as transport:
        client = _Client(transport)
        with RedirectListener(port or 0) as listener:
            server = signin.server_of(origin)
            pending = signin.begin(server, listener.redirect_uri, client.send, read_only=read_only)
            listener.expect(pending.state)
            _show(pending.authorize_url(), read_only=read_only, no_browser=no_browser)
            code = listener.wait(timeout)
        token = signin.exchange(pending, code, client.send, datetime.now(UTC))
        _check_scope(token, read_only=read_only)
        user = client.user(Account(account, origin, token.value))
    place = _store(account, origin, token)
    expires = _text_of(token.expires_at)
    ends = f" and ends on {expires[:10]}" if expires else ""
    where = "the keyring" if place == "keyring" else configuration_file(os.environ, home())
    text = (
        f"Signed in to {origin}{f' as {user}' if user else ''} (account {account}).\n"
        f"The token {_allows(token)}is in {where}{ends}."
    )
    value: JsonValue = {
        "success": True,
        "account": account,
        "url": origin,
        "user": user,
        "token_stored_in": place,
        "token_expires": expires,
        "scope": token.scope,
    }
    emit(text, value, as_json)
    if read_only and token.scope is None:
        click.echo(f"warning: {_UNTOLD}", err=True)
    warn_of_environment(account)


@click.command("logout")
@_account_option
@json_option
def logout(account: str, as_json: bool) -> None:
    """Remove the stored token of an account from the keyring and the configuration file.

    The token stays valid until it ends, or until it is deleted in CircleCI's user settings.

    \b
    Examples:
      kosmo logout
      kosmo logout --account work
    """
    check_account(account)
    path = configuration_file(os.environ, home())
    stored = _stored(path, account)
    places: list[JsonValue] = []
    if keyring_store.delete(account):
        places.append("keyring")
    if stored is not None and (stored.token or stored.keyring or stored.token_expires):
        own = _keys(account)
        update(path, {(*own, name): None for name in ("token", "keyring", *_KNOWN)})
        if stored.token:
            places.append("file")
    if not places:
        named = token_variables(account)
        way = f" Its token is in {named[0]}: unset that variable." if named else ""
        raise ConfigurationError(f"No token is stored for the account '{account}'.{way}")
    emit(
        f"Removed the token of account {account} from the {' and the '.join(map(str, places))}.\n"
        "It stays valid until it ends; delete it in CircleCI's user settings to end it now.",
        {"success": True, "account": account, "removed_from": places},
        as_json,
    )
    warn_of_environment(account)


class _Client:
    """The few requests of a sign-in."""

    def __init__(self, transport: LiveTransport) -> None:
        self._transport = transport

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        """Send one request of `signin.py`. Raises `NetworkError`."""
        request = WireRequest(method, url, {"User-Agent": _USER_AGENT, **headers}, body)
        try:
            answer = self._transport.send(request, time_left_s=_REQUEST_S)
        except TransportError as error:
            raise NetworkError(f"{error}. {signin.AGAIN}") from None
        return answer.status, answer.body

    def user(self, account: Account) -> str | None:
        """Return whose token it is. Raises `ConfigurationError` where CircleCI refuses it."""
        executor = Executor(self._transport, user_agent=_USER_AGENT)
        answer = executor.perform(ApiRequest("GET", "/api/v2/me"), account, Deadline(_REQUEST_S))
        if not 200 <= answer.status < 300:
            raise ConfigurationError(
                f"{account.origin} does not accept the new token (HTTP {answer.status}). "
                f"{signin.AGAIN}"
            )
        with contextlib.suppress(JsonError):
            user = jsonvalue.decode(answer.body)
            login = user.get("login") if isinstance(user, dict) else None
            return login if isinstance(login, str) else None
        return None


def _origin(account: str) -> str:
    """Return the account's base URL; a new account is one of circleci.com."""
    settings = read_configuration().accounts.get(account)
    if settings is None:
        return DEFAULT_ORIGIN
    if settings.fault is not None:
        raise ConfigurationError(settings.fault)
    return settings.origin


def _check_scope(token: Token, *, read_only: bool) -> None:
    if read_only and token.scope not in (None, READ_SCOPE):
        raise ConfigurationError(
            f"The token may do more than read (scope {printable(token.scope or '')}), and "
            f"--read-only was given. {signin.AGAIN} Choose Read on the page. The new token stays "
            "valid until it is deleted in CircleCI's user settings."
        )


def _allows(token: Token) -> str:
    return "can only read, " if token.scope == READ_SCOPE else ""


def _show(url: str, *, read_only: bool, no_browser: bool) -> None:
    opened = not no_browser and _open(url)
    first = "Opening your browser. If no page appears, visit:" if opened else "To sign in, visit:"
    choice = _READ_ONLY if read_only else _CHOICE
    click.echo(f"{first}\n\n  {url}\n\n{choice}", err=True)


def _open(url: str) -> bool:
    """Open the user's browser; False where there is none with a window of its own."""
    import webbrowser

    variables = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    if sys.platform != "darwin" and not any(os.environ.get(name) for name in variables):
        return False  # a browser in the terminal would take it over
    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False


def _store(account: str, origin: str, token: Token) -> str:
    """Store the token and return where: `keyring`, or `file` where there is no keyring.

    Where the base URL is from elsewhere (`CIRCLECI_BASE_URL`, the official CLI's file) it is stored
    with the token, which must not go to another server when that source is gone.
    """
    own = _keys(account)
    path = configuration_file(os.environ, home())
    changes: dict[KeyPath, Setting] = {
        (*own, "token_env"): None,  # it would win
        (*own, "token_expires"): _text_of(token.expires_at),
        (*own, "token_scope"): token.scope,
    }
    stored = _stored(path, account)
    if origin != ((stored and stored.origin) or DEFAULT_ORIGIN):
        changes[(*own, "url")] = origin
    place = "keyring"
    try:
        keyring_store.store(account, token.value)
        changes |= {(*own, "token"): None, (*own, "keyring"): True}
    except ConfigurationError:
        place = "file"
        changes |= {(*own, "token"): token.value, (*own, "keyring"): None}
    update(path, changes)
    return place


def _stored(path: Path, account: str) -> FileAccount | None:
    """Return what the configuration file says of an account."""
    if not path.exists():
        return None
    return file.read(path, reserved_names=reserved_names(load_catalog())).accounts.get(account)


def _keys(account: str) -> KeyPath:
    return ("integrations", "circleci", "accounts", account)


def _text_of(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:{signin.TIME_FORMAT}}"
