"""Servers over streamable HTTP: the SDK's own server, and addresses where none is."""

import http.server
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import ToolAnnotations

from kosmo_circleci.errors import KosmoError, NetworkError
from kosmo_circleci.mcp_client.functions import McpFunctions

Open = Callable[..., McpFunctions]
READ = ToolAnnotations(read_only_hint=True)


def _server() -> MCPServer:
    server = MCPServer("published")

    @server.tool(annotations=READ)
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @server.tool(annotations=READ)
    def header(name: str, context: Context) -> str | None:
        """Return a header of the request."""
        assert context.headers is not None
        return context.headers.get(name)

    @server.tool(annotations=READ)
    def large() -> str:
        """Return a text that is larger than any message may be."""
        return "x" * (17 << 20)

    @server.tool(annotations=READ)
    def broken() -> str:
        """Fail."""
        raise ValueError("nothing works")

    @server.resource("memo://hello", mime_type="text/plain")
    def hello() -> str:
        """Say hello."""
        return "hello"

    return server


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve on loopback and return the address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        app = _server().streamable_http_app()
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
        serving = uvicorn.Server(config)
        thread = threading.Thread(target=serving.run, kwargs={"sockets": [listening]})
        thread.start()
        until = time.monotonic() + 10
        while not serving.started and time.monotonic() < until:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        serving.should_exit = True
        thread.join(10)


def test_a_server_over_http_is_used_like_any_other(
    open_functions: Open, new_run: Any, address: str
) -> None:
    headers = {"Authorization": "Bearer ${MY_TOKEN}"}
    functions = open_functions({"s": {"url": address, "headers": headers}}, MY_TOKEN="t-98765")
    run = new_run()
    assert [each.kind for each in functions.tools("s", run).values()] == ["read"] * 4
    assert functions.call("mcp.call", ["s.add", {"a": 1, "b": "2"}], run) == 3
    seen = functions.call("mcp.call", ["s.header", {"name": "authorization"}], run)
    assert (seen, run.mask.text("t-98765")) == ("Bearer t-98765", "***")
    assert functions.call("mcp.read_resource", ["s", "memo://hello"], run) == "hello"
    with pytest.raises(KosmoError, match="Error executing tool broken") as raised:
        functions.call("mcp.call", ["s.broken"], run)
    assert raised.value.error_type == "api"


def test_an_answer_over_http_has_a_largest_size(
    open_functions: Open, new_run: Any, address: str
) -> None:
    functions = open_functions({"s": {"url": address, "timeout": 5000}})
    with pytest.raises(KosmoError, match="event exceeded the 16777216 byte limit"):
        functions.call("mcp.call", ["s.large"], new_run())
    assert functions.call("mcp.call", ["s.add", {"a": 1, "b": 2}], new_run()) == 3


received: list[tuple[str, str | None]] = []


class _Unwilling(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        received.append((self.headers["Host"], self.headers.get("X-Api-Key")))
        status, _, body = self.path[1:].partition("/")
        self.send_response(int(status))
        self.send_header("Content-Type", "text/html")
        if status.startswith("3"):
            self.send_header("Location", body)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_details: object) -> None:
        pass


@pytest.fixture
def unwilling() -> Iterator[str]:
    """Return the address of a server whose answer to `/STATUS/BODY` is just that."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Unwilling) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            "401/no",
            " at {url} answered HTTP 401 (check its 'headers'): Server returned an error response",
        ),
        ("404/", " at {url} answered HTTP 404: Not Found"),
        ("500/oops", " at {url} answered HTTP 500: Server returned an error response"),
        ("200/<html>", ": Unexpected content type: text/html"),
    ],
)
def test_an_address_that_is_no_mcp_server_is_an_error_that_says_so(
    open_functions: Open, new_run: Any, unwilling: str, answer: str, message: str
) -> None:
    url = f"{unwilling}/{answer}"
    with pytest.raises(KosmoError) as raised:
        open_functions({"s": {"url": url}}).tools("s", new_run())
    assert raised.value.error_type == "api"
    assert raised.value.message == (
        f"MCP server 's'{message.format(url=url)} (while it was started)"
    )


def test_an_address_where_nobody_listens_is_a_network_error(
    open_functions: Open, new_run: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    functions = open_functions({"s": {"url": f"http://127.0.0.1:{port}/mcp"}})
    with pytest.raises(NetworkError) as raised:
        functions.tools("s", new_run())
    assert raised.value.message == (
        f"MCP server 's' at http://127.0.0.1:{port}/mcp: All connection attempts failed"
    )


def test_a_redirect_to_another_address_gets_no_headers(
    open_functions: Open, new_run: Any, unwilling: str
) -> None:
    received.clear()
    elsewhere = unwilling.replace("127.0.0.1", "localhost")
    url = f"{unwilling}/307/{elsewhere}/200/"
    functions = open_functions({"s": {"url": url, "headers": {"X-Api-Key": "k-123456"}}})
    with pytest.raises(KosmoError, match=rf"Redirect to {re.escape(elsewhere)}/200/ not followed"):
        functions.tools("s", new_run())
    assert received == [(unwilling.removeprefix("http://"), "k-123456")]
