"""The end of a sign-in: a port of this machine to which the browser is redirected, once."""

import hmac
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from kosmo_circleci.config.signin import AGAIN, refusal_reason
from kosmo_circleci.errors import ConfigurationError, LimitExceeded

PATH: Final = "/callback"

_PATIENCE_S: Final = 5.0  # for a browser that connects ahead of need and sends nothing
_POLL_S: Final = 0.2  # Ctrl-C interrupts a wait only between two of them

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>kosmo</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;margin:15vh auto;max-width:34rem;padding:0 1rem}}\
@media(prefers-color-scheme:dark){{body{{background:#111;color:#eee}}}}</style></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""


class Page(NamedTuple):
    """What the browser is shown; `is_last` if it answers the redirect."""

    status: int
    title: str
    text: str
    is_last: bool = False


_FOREIGN: Final = Page(421, "Not here", "This is for the sign-in of kosmo on its own machine.")
_UNKNOWN: Final = Page(404, "Not found", "This is for the sign-in of kosmo.")
_USED: Final = Page(409, "Already used", "This sign-in has its answer. Return to the terminal.")
_FAILED: Final = Page(400, "Not signed in", "The terminal says why. Close this window.", True)
_DONE: Final = Page(200, "Almost done", "Return to the terminal. You can close this window.", True)


class RedirectListener:
    """Listens on 127.0.0.1 for the one redirect of a sign-in. Close it, or use it as a context.

    A request that is not for it (another path, a foreign `Host`) is answered and changes nothing.
    The first redirect counts, whatever it says; a second one is refused.
    """

    def __init__(self, port: int = 0) -> None:
        """Listen on `port`, or on a free one. Raises `ConfigurationError` for a busy port."""
        self._used = False
        self._answered = threading.Event()  # set when the browser has its page, too
        self._lock = threading.Lock()
        self._state: str | None = None
        self._code: str | None = None
        self._failure: ConfigurationError | None = None
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        except OSError as error:
            raise ConfigurationError(
                f"Cannot listen on port {port} for the redirect: {error.strerror or error}. "
                "Choose another with --port, or leave it out for a free one."
            ) from None
        self._server.daemon_threads = True
        self._host = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    @property
    def redirect_uri(self) -> str:
        """The URL to which the browser is to be redirected."""
        return f"http://{self._host}{PATH}"

    def expect(self, state: str) -> None:
        """Take the next redirect for the one of the sign-in with this state."""
        with self._lock:
            self._state = state

    def wait(self, timeout_s: float) -> str:
        """Return the code of the redirect, which must carry the state.

        Raises `ConfigurationError` for a wrong state and for a refusal, `LimitExceeded` when the
        time is over.
        """
        left_s = timeout_s
        while not self._answered.wait(min(_POLL_S, left_s)):
            left_s -= _POLL_S
            if left_s <= 0:
                raise LimitExceeded(
                    f"Nobody signed in within {timeout_s:g} s. {AGAIN} --timeout 30m gives more "
                    "time."
                )
        if self._failure is not None:
            raise self._failure
        assert self._code is not None
        return self._code

    def answer(self, host: str, target: str) -> Page:
        """Return the page for a request, and take note of the redirect if it is that."""
        parts = urlsplit(target)
        if host not in (self._host, self._host.replace("127.0.0.1", "localhost")):
            return _FOREIGN
        if parts.path != PATH:
            return _UNKNOWN
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self._lock:
            if self._used or self._state is None:
                return _USED
            self._used = True
            self._note(query, self._state)
        return _DONE if self._failure is None else _FAILED

    def end_wait(self) -> None:
        """Let `wait` return: the browser has its last page."""
        self._answered.set()

    def _note(self, query: dict[str, str], state: str) -> None:
        if not hmac.compare_digest(query.get("state", "").encode(), state.encode()):
            self._failure = ConfigurationError(
                "The browser came back with a wrong state, so that redirect does not belong to "
                f"this sign-in. {AGAIN}"
            )
        elif "error" in query:
            reason = refusal_reason(query["error"], query.get("error_description"))
            self._failure = ConfigurationError(
                f"The sign-in was refused: {reason}. Nothing was stored."
            )
        elif not query.get("code"):
            self._failure = ConfigurationError(f"The browser came back without a code. {AGAIN}")
        else:
            self._code = query["code"]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "RedirectListener":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _handler(listener: RedirectListener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE_S

        def do_GET(self) -> None:
            page = listener.answer(self.headers.get("Host", ""), self.path)
            body = _PAGE.format(title=page.title, text=page.text).encode()
            self.send_response(page.status)
            for name, value in (
                ("Content-Type", "text/html; charset=utf-8"),
                ("Content-Length", str(len(body))),
                ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
                ("Referrer-Policy", "no-referrer"),
                ("Cache-Control", "no-store"),
                ("Connection", "close"),
            ):
                self.send_header(name, value)
            try:
                self.end_headers()
                self.wfile.write(body)
            finally:
                if page.is_last:
                    listener.end_wait()

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent: the request line holds the code."""

    return Handler
