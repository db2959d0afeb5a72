"""No test meets the machine it runs on: no home, no credentials, no network but loopback."""

import ipaddress
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# No timings in tests: on a busy machine any example may take long to make, or to run.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

CLEARED_PREFIXES = ("CIRCLECI_", "CIRCLE_", "KOSMO_", "OTEL_")
CLEARED = frozenset(
    {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC"}
    | {"TRACEPARENT", "TRACESTATE"}
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update` rewrites golden files; read the change in review."""
    parser.addoption("--update", action="store_true", help="rewrite golden files")


def pytest_configure() -> None:
    """Let Ctrl-C work in the commands the tests start.

    A shell starts a background job (`make test &`, `nohup`) with SIGINT ignored, and its children
    inherit that. A handler, unlike SIG_IGN, is set back to the default when they are started.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def isolation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Clear the environment, move home to `tmp_path`, and fail on a socket that leaves loopback.

    Child processes inherit the environment, not the guard on sockets.
    """
    for name in list(os.environ):
        if name.startswith(CLEARED_PREFIXES) or name.upper() in CLEARED:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "AppData"))

    left_loopback = _guard_sockets(monkeypatch)
    yield
    # Once more at the end: in a worker thread the failure at the call itself goes unseen.
    assert left_loopback == []


def _guard_sockets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    refused: list[str] = []
    getaddrinfo = socket.getaddrinfo

    def refuse(target: object) -> None:
        refused.append(str(target))
        pytest.fail(f"a test tried to leave loopback: {target}")

    def guarded(name: str) -> None:
        original = getattr(socket.socket, name)

        def call(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
                refuse(address)
            return original(self, address)

        monkeypatch.setattr(socket.socket, name, call)

    def guarded_getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        # A look-up is traffic too. None and "" mean this machine.
        if host and not _is_loopback(host):
            refuse(host)
        return getaddrinfo(host, *args, **options)

    guarded("connect")
    guarded("connect_ex")
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
    return refused


def _is_loopback(host: str | bytes) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
