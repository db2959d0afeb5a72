"""integrations:doctor — every step between here and CircleCI tried in turn, and what to do next."""

import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import click

from kosmo_circleci import jsonvalue
from kosmo_circleci.bridge import Bridge
from kosmo_circleci.call.model import Account, ApiRequest
from kosmo_circleci.cli.accounts.status import home, mode_of, read_configuration
from kosmo_circleci.cli.offers import account_names
from kosmo_circleci.cli.output import emit, json_option
from kosmo_circleci.config.accounts import configuration_file
from kosmo_circleci.config.configuration import Configuration, ResolvedAccount
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, KosmoError
from kosmo_circleci.jsonvalue import JsonError, JsonValue
from kosmo_circleci.runtime import Runtime

PATIENCE_S: Final = 20.0
"""How long the request to CircleCI may take."""

_LOOK: Final = "kosmo integrations:status"
_ERROR_TYPES: Final = {"DNS": "network", "reachable": "network", "who am I": "api"}
"""What the first check that fails makes of the outcome; any other one is `configuration`."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what it found, and the next command or step where something is wrong."""

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


@click.command("integrations:doctor")
@click.option(
    "--account",
    default="default",
    metavar="NAME",
    shell_complete=account_names,
    help="Account to check.",
)
@click.option("--simulate", is_flag=True, help="Ask the embedded simulator: no token, no network.")
@json_option
def doctor(account: str, simulate: bool, as_json: bool) -> int:
    """Check the way to CircleCI: file, token, policy, proxy, DNS, TLS, and who the token is.

    One read goes out (get_current_user). Every fault comes with the next command to run. The exit
    code is 1 when a check fails; a warning leaves it at 0.

    \b
    Examples:
      kosmo integrations:doctor
      kosmo integrations:doctor --account work
      kosmo integrations:doctor --json | jq -r '.checks[] | select(.status == "fail") | .next'
    """
    checks = list(_checks(account, simulate))
    failed = [each.name for each in checks if each.status == "fail"]
    error = f"Failed: {', '.join(failed)}." if failed else None
    value: JsonValue = {
        "success": not failed,
        "account": account,
        "checks": [each.to_json() for each in checks],
        "error": error,
        "error_type": _ERROR_TYPES.get(failed[0], "configuration") if failed else None,
    }
    emit("\n".join(line for each in checks for line in _lines(each)), value, as_json)
    if error is not None and not as_json:
        click.echo(f"error: {error}", err=True)
    return 1 if failed else 0


def _lines(check: Check) -> Iterator[str]:
    yield f"{check.status:4}  {check.name}: {check.detail}"
    if check.next is not None:
        yield f"      next: {check.next}"


def _checks(name: str, simulate: bool) -> Iterator[Check]:
    try:
        known = read_configuration()
    except ConfigurationError as error:
        yield Check("configuration", "fail", error.message, "correct that line, and run this again")
        return
    yield _file_check(known)
    account = known.accounts.get(name)
    if account is None:
        yield Check(
            "account",
            "fail",
            f"there is no account '{name}'; configured: {', '.join(known.accounts)}",
            f"kosmo integrations:configure circleci --account {name}",
        )
        return
    try:
        resolved = known.resolve(name)
    except ConfigurationError as error:
        yield Check("account", "fail", error.message, "correct that, and run this again")
        return
    yield _token_check(resolved, simulate)
    yield Check("base URL", "ok", f"{account.origin} ({account.url_source})")
    yield _policy_check(known)
    yield from _way_checks(resolved.account, simulate)


def _file_check(known: Configuration) -> Check:
    path = configuration_file(os.environ, home())
    if not path.exists():
        return Check("configuration file", "ok", f"{path} does not exist, and need not")
    mode = mode_of(path)
    readable = next((each for each in known.warnings if "others can read it" in each), None)
    if readable is not None:
        return Check("configuration file", "warn", readable.partition(";")[0], f"chmod 600 {path}")
    return Check("configuration file", "ok", f"{path}" + (f" (mode {mode})" if mode else ""))


def _token_check(resolved: ResolvedAccount, simulate: bool) -> Check:
    account = resolved.account
    if account.token is not None:
        return Check("token", "ok", f"from {resolved.token_source}")
    if simulate:
        return Check("token", "skip", "the simulator needs none")
    option = "" if account.name == "default" else f" --account {account.name}"
    return Check(
        "token",
        "fail",
        f"the account '{account.name}' has none" + (f": {account.hint}" if account.hint else ""),
        f"kosmo integrations:configure circleci{option}",
    )


def _policy_check(known: Configuration) -> Check:
    policy = known.policy
    detail = f"read {policy.read}, write {policy.write}"
    for kind, rule in (("read", policy.read), ("write", policy.write)):
        if rule == "deny" and kind == "read":
            return Check(
                "policy", "warn", detail, "kosmo integrations:configure circleci --read allow"
            )
    if policy.write == "ask":
        detail += " (without a terminal a write needs --force)"
    return Check("policy", "ok", detail)


def _way_checks(account: Account, simulate: bool) -> Iterator[Check]:
    if simulate:
        yield Check("network", "skip", "the simulator is in this process")
        yield _simulated_check(account)
        return
    proxy = _proxy(account.origin)
    yield _proxy_check(proxy)
    for found in (_tls_check(account.origin), _dns_check(account.origin, proxy)):
        yield found
        if found.status == "fail":
            return
    yield from _answer_checks(account)


def _simulated_check(account: Account) -> Check:
    with Bridge(simulate=True) as bridge:
        user = bridge.call("get_current_user", account=account.name, force=True)
    return _user_check(user)


def _proxy(origin: str) -> str | None:
    parts = urlsplit(origin)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if parts.scheme == "http" or not proxy or proxy_bypass(parts.hostname or ""):
        return None
    return proxy


def _proxy_check(proxy: str | None) -> Check:
    if proxy is None:
        return Check("proxy", "ok", "none for this address")
    # A proxy's address may hold a password.
    shown = proxy.rpartition("@")[2]
    return Check("proxy", "ok", f"{shown} (HTTPS_PROXY or ALL_PROXY)")


def _tls_check(origin: str) -> Check:
    if origin.startswith("http:"):
        return Check("TLS", "skip", "a loopback address without TLS")
    named = {k: v for k in ("SSL_CERT_FILE", "SSL_CERT_DIR") if (v := os.environ.get(k))}
    if not named:
        return Check("TLS", "ok", f"{ssl.OPENSSL_VERSION}, built-in authorities")
    for variable, value in named.items():
        try:
            _load_certificates(variable, value)
        except OSError as error:
            reason = error.strerror or str(error)
            return Check("TLS", "fail", f"{variable}={value}: {reason}", f"unset {variable}")
    shown = ", ".join(f"{variable}={value}" for variable, value in named.items())
    return Check("TLS", "ok", f"{ssl.OPENSSL_VERSION}, {shown}")


def _load_certificates(variable: str, value: str) -> None:
    if variable == "SSL_CERT_DIR":
        os.listdir(value)
        return
    Path(value).read_bytes()  # OpenSSL's own error does not say that a file is missing.
    ssl.create_default_context(cafile=value)


def _dns_check(origin: str, proxy: str | None) -> Check:
    if proxy is not None:
        return Check("DNS", "skip", "the proxy looks names up")
    host = urlsplit(origin).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        return Check(
            "DNS",
            "fail",
            f"{host}: {error.strerror or error}",
            f"check the network and the URL: {_LOOK}",
        )
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    return Check("DNS", "ok", f"{host} is {', '.join(addresses[:2])}")


def _answer_checks(account: Account) -> Iterator[Check]:
    request = ApiRequest("GET", "/api/v2/me")
    with contextlib.closing(Runtime()) as runtime:
        try:
            answer = runtime.send(request, account.name, Deadline(PATIENCE_S))
        except KosmoError as error:
            yield Check("reachable", "fail", error.message, _next_for(error, account))
            return
    yield Check("reachable", "ok", f"{account.origin} answers (HTTP {answer.status})")
    if account.token is None:
        yield Check("who am I", "skip", "there is no token to ask with")
        return
    explain = _ANSWERS.get(answer.status // 100 if answer.status not in (401, 403) else 401)
    yield explain(answer.status, answer.body, account) if explain else _odd(answer.status, account)


def _next_for(error: KosmoError, account: Account) -> str:
    if "certificate" in error.message:
        return "export SSL_CERT_FILE=/path/of/your/authority.pem"
    if error.error_type == "limit":
        return f"curl -sv {account.origin}/api/v2/me"
    return f"curl -sv {account.origin}/api/v2/me; and check the URL: {_LOOK}"


def _who(status: int, body: bytes, account: Account) -> Check:
    try:
        user = jsonvalue.decode(body)
    except JsonError as error:
        return Check(
            "who am I", "fail", f"the answer is not CircleCI's: {error}", f"check the URL: {_LOOK}"
        )
    return _user_check(user)


def _user_check(user: JsonValue) -> Check:
    login = user.get("login") if isinstance(user, dict) else None
    name = user.get("name") if isinstance(user, dict) else None
    if not isinstance(login, str):
        return Check("who am I", "fail", "the answer names no user", f"check the URL: {_LOOK}")
    return Check("who am I", "ok", f"{login} ({name})" if name else login)


def _refused(status: int, body: bytes, account: Account) -> Check:
    option = "" if account.name == "default" else f" --account {account.name}"
    return Check(
        "who am I",
        "fail",
        f"CircleCI refuses the token (HTTP {status})",
        f"make a personal API token in CircleCI's user settings, then: "
        f"kosmo integrations:configure circleci{option}",
    )


def _odd(status: int, account: Account) -> Check:
    what = "wait, and run this again" if status == 429 or status >= 500 else f"check: {_LOOK}"
    return Check("who am I", "fail", f"unexpected answer: HTTP {status}", what)


_ANSWERS: Final[dict[int, Callable[[int, bytes, Account], Check]]] = {2: _who, 401: _refused}
