"""Every step between here and CircleCI, tried in turn: what each finds, and what to do next."""

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from kosmo_circleci import jsonvalue
from kosmo_circleci.bridge import Bridge
from kosmo_circleci.call.model import Account, ApiRequest, ApiResponse
from kosmo_circleci.cli.accounts.status import home, limits_of, mode_of, read_configuration
from kosmo_circleci.config.accounts import configuration_file
from kosmo_circleci.config.configuration import Configuration, ResolvedAccount
from kosmo_circleci.config.signin import TIME_FORMAT
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, KosmoError
from kosmo_circleci.jsonvalue import JsonError, JsonValue
from kosmo_circleci.runtime import Runtime

_STATUS: Final = "kosmo integrations:status"

_SOON: Final = timedelta(days=14)
"""How long before its end a token draws a warning."""


class Check(NamedTuple):
    """One check: what it finds, and the next command or step where something is wrong."""

    name: str
    status: Literal["ok", "warn", "fail", "skip"]
    detail: str
    next: str | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """Return `{name, status, detail, next}`."""
        return {
            "name": self.name,
            "status": self.status,
            "detail": self.detail,
            "next": self.next,
        }


class Waiting(NamedTuple):
    """What the next check waits for, shown before it: it may take a while."""

    text: str


def checks(name: str, *, simulate: bool, timeout_s: float) -> Iterator[Check | Waiting]:
    """Check the account `name`; the network as a whole may take `timeout_s`."""
    try:
        configuration = read_configuration()
    except ConfigurationError as error:
        yield Check("configuration", "fail", error.message, "correct that line, and run this again")
        return
    yield _file_check(configuration)
    settings = configuration.accounts.get(name)
    if settings is None:
        yield Check(
            "account",
            "fail",
            f"there is no account '{name}'; configured: {', '.join(configuration.accounts)}",
            f"kosmo integrations:configure circleci --account {name}",
        )
        return
    try:
        resolved = configuration.resolve(name)
    except ConfigurationError as error:
        yield Check("account", "fail", error.message, "correct that, and run this again")
        return
    yield _token_check(resolved, simulate)
    yield Check("base URL", "ok", f"{settings.origin} ({settings.url_source})")
    yield _policy_check(configuration)
    if simulate:
        yield Check("network", "skip", "the simulator is in this process")
        yield _simulated_check(resolved.account)
    else:
        yield from _network_checks(resolved.account, Deadline(timeout_s), timeout_s)


def _file_check(configuration: Configuration) -> Check:
    path = configuration_file(os.environ, home())
    mode = mode_of(path)
    if mode is None:
        return Check("configuration file", "ok", f"{path} does not exist (optional)")
    readable = next((each for each in configuration.warnings if "others can read it" in each), None)
    if readable is not None:
        return Check("configuration file", "warn", readable.partition(";")[0], f"chmod 600 {path}")
    return Check("configuration file", "ok", f"{path} (mode {mode})")


def _token_check(resolved: ResolvedAccount, simulate: bool) -> Check:
    account = resolved.account
    if account.token is not None:
        return _stored_token_check(resolved)
    if simulate:
        return Check("token", "skip", "the simulator needs none")
    reason = f": {account.hint}" if account.hint else ""
    return Check(
        "token",
        "fail",
        f"the account '{account.name}' has none{reason}",
        f"kosmo login{_option(account)}, or {_configure(account)}",
    )


def _stored_token_check(resolved: ResolvedAccount) -> Check:
    source, expires = f"from {resolved.token_source}", resolved.token_expires
    if expires is None:
        return Check("token", "ok", source + limits_of(resolved.token_scope, None))
    login = f"kosmo login{_option(resolved.account)}"
    now = datetime.now(UTC)
    if expires <= f"{now:{TIME_FORMAT}}":
        return Check("token", "fail", f"{source}, ended on {expires[:10]}", login)
    detail = source + limits_of(resolved.token_scope, expires)
    if expires <= f"{now + _SOON:{TIME_FORMAT}}":
        return Check("token", "warn", detail, login)
    return Check("token", "ok", detail)


def _configure(account: Account) -> str:
    return f"kosmo integrations:configure circleci{_option(account)}"


def _option(account: Account) -> str:
    return "" if account.name == "default" else f" --account {account.name}"


def _policy_check(configuration: Configuration) -> Check:
    policy = configuration.policy
    detail = f"read {policy.read}, write {policy.write}"
    if policy.read == "deny":
        allow = "kosmo integrations:configure circleci --read allow"
        return Check("policy", "warn", detail, allow)
    if policy.write == "ask":
        detail += " (without a terminal a write needs --force)"
    return Check("policy", "ok", detail)


def _simulated_check(account: Account) -> Check:
    with Bridge(simulate=True) as bridge:
        user = bridge.call("get_current_user", account=account.name, force=True)
    return _user_check(user)


def _network_checks(
    account: Account, deadline: Deadline, timeout_s: float
) -> Iterator[Check | Waiting]:
    from kosmo_circleci.transport.lanes import proxy_of

    origin = account.origin
    try:
        proxy = proxy_of(origin)
    except ConfigurationError as error:
        yield Check("proxy", "fail", error.message, "unset HTTPS_PROXY ALL_PROXY")
        return
    if proxy is None:
        yield Check("proxy", "ok", "none for this address")
    else:
        shown = proxy.url.partition("://")[2]  # without the password
        yield Check("proxy", "ok", f"{shown} (HTTPS_PROXY or ALL_PROXY)")
    tls = _tls_check(origin)
    yield tls
    if tls.status == "fail":
        return
    if proxy is None:
        yield Waiting(f"looking up {urlsplit(origin).hostname}")
        dns = _dns_check(origin, deadline, timeout_s)
        yield dns
        if dns.status == "fail":
            return
    else:
        yield Check("DNS", "skip", "the proxy looks names up")
    yield Waiting(f"waiting for {origin}, {timeout_s:g} s at most")
    yield from _answer_checks(account, deadline, timeout_s)


def _tls_check(origin: str) -> Check:
    if origin.startswith("http:"):
        return Check("TLS", "skip", "a loopback address without TLS")
    from kosmo_circleci.transport.lanes import tls_context

    variables = {k: v for k in ("SSL_CERT_FILE", "SSL_CERT_DIR") if (v := os.environ.get(k))}
    try:
        tls_context()
    except ConfigurationError as error:
        return Check("TLS", "fail", error.message, f"unset {next(iter(variables))}")
    shown = ", ".join(f"{name}={value}" for name, value in variables.items())
    return Check("TLS", "ok", f"{ssl.OPENSSL_VERSION}, {shown or 'built-in authorities'}")


def _dns_check(origin: str, deadline: Deadline, timeout_s: float) -> Check:
    host = urlsplit(origin).hostname or ""
    advice = f"check the network and the URL: {_STATUS}"
    try:
        addresses = _addresses(host, deadline)
    except OSError as error:
        return Check("DNS", "fail", f"{host}: {error.strerror or error}", advice)
    if addresses is None:
        return Check("DNS", "fail", f"{host}: no answer within {timeout_s:g} s", advice)
    return Check("DNS", "ok", f"{host} is {', '.join(addresses[:2])}")


def _addresses(host: str, deadline: Deadline) -> list[str] | None:
    """Return the addresses of a host; None when the time is over. Raises `OSError`."""
    results: list[list[str] | OSError] = []

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            results.append(list(dict.fromkeys(str(entry[4][0]) for entry in entries)))
        except OSError as error:
            results.append(error)

    # A look-up takes no timeout; a daemon thread ends with the process.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(deadline.time_left_s())
    result = results[0] if results else None
    if isinstance(result, OSError):
        raise result
    return result


def _answer_checks(account: Account, deadline: Deadline, timeout_s: float) -> Iterator[Check]:
    with contextlib.closing(Runtime()) as runtime:
        try:
            answer = runtime.send(ApiRequest("GET", "/api/v2/me"), account.name, deadline)
        except KosmoError as error:
            yield _unreachable(error, account, timeout_s)
            return
    yield Check("reachable", "ok", f"{account.origin} answers (HTTP {answer.status})")
    if account.token is None:
        yield Check("who am I", "skip", "there is no token to ask with")
    else:
        yield _identity_check(answer, account)


def _unreachable(error: KosmoError, account: Account, timeout_s: float) -> Check:
    curl = f"curl -sv {account.origin}/api/v2/me"
    if error.error_type == "limit":
        longer = f"kosmo integrations:doctor --timeout {max(60.0, 4 * timeout_s):g}"
        detail = f"{account.origin} did not answer within {timeout_s:g} s"
        return Check("reachable", "fail", detail, f"{curl}; or wait longer: {longer}")
    if "certificate" in error.message:
        advice = "export SSL_CERT_FILE=/path/of/your/authority.pem"
        return Check("reachable", "fail", error.message, advice)
    return Check("reachable", "fail", error.message, f"{curl}; and check the URL: {_STATUS}")


def _identity_check(answer: ApiResponse, account: Account) -> Check:
    status = answer.status
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        advice = (
            f"kosmo login{_option(account)}, or make a personal API token in CircleCI's user "
            f"settings, then: {_configure(account)}"
        )
        return Check("who am I", "fail", f"CircleCI refuses the token (HTTP {status})", advice)
    if not 200 <= status < 300:
        busy = status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500
        advice = "wait, and run this again" if busy else f"check: {_STATUS}"
        return Check("who am I", "fail", f"unexpected answer: HTTP {status}", advice)
    try:
        return _user_check(jsonvalue.decode(answer.body))
    except JsonError as error:
        detail = f"the answer is not CircleCI's: {error}"
        return Check("who am I", "fail", detail, f"check the URL: {_STATUS}")


def _user_check(user: JsonValue) -> Check:
    login = user.get("login") if isinstance(user, dict) else None
    name = user.get("name") if isinstance(user, dict) else None
    if not isinstance(login, str):
        return Check("who am I", "fail", "the answer names no user", f"check the URL: {_STATUS}")
    return Check("who am I", "ok", f"{login} ({name})" if name else login)
