"""Downloads: which URLs may be fetched, where the token goes, and what redirects may do."""

import gzip
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from memory_transport import MemoryTransport

from kosmo_circleci.call.model import Account
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import NetworkError, ValidationError
from kosmo_circleci.transport.download import Download
from kosmo_circleci.transport.executor import Executor
from kosmo_circleci.transport.live import LiveTransport
from kosmo_circleci.transport.wire import WireRequest, WireResponse

TOKEN = "CCIPAT_transport_0123456789"
HOSTS = ("circleci.com", "*.circleci.com", "s3.amazonaws.com", "*.s3.amazonaws.com")
CLOUD = Account("default", "https://circleci.com", TOKEN)
SERVER = Account("work", "https://ci.example.com", TOKEN)
URL = "https://circleci.com/output?token=presigned-secret"


def fetch(memory: MemoryTransport, download: Download, account: Account = CLOUD) -> WireRequest:
    executor = Executor(memory, user_agent="test/1", sleep=lambda *_: None)
    executor.fetch(download, account, Deadline())
    return memory.sent[-1]


@pytest.mark.parametrize(
    ("url", "account"),
    [
        (URL, CLOUD),
        (URL, SERVER),
        ("https://output.circleci.com/a", SERVER),
        ("https://bucket.s3.amazonaws.com/key?X-Amz-Signature=s", CLOUD),
        ("https://ci.example.com/minio/a", SERVER),
        ("https://ci.example.com:9000/a", SERVER),
    ],
)
def test_the_listed_hosts_and_the_accounts_own_are_asked_without_a_token(
    url: str, account: Account
) -> None:
    assert fetch(MemoryTransport(), Download(url, HOSTS), account) == WireRequest(
        "GET",
        url,
        {"User-Agent": "test/1", "Accept": "*/*", "Accept-Encoding": "identity"},
        max_body_bytes=Download(url).max_bytes,
        reach="any" if account.origin.partition("://")[2] in url else "public",
    )


ELSEWHERE = "leads to {}, which is not a host that CircleCI's downloads come from"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://evil.example/secret", ELSEWHERE.format("evil.example")),
        (
            "https://s3.amazonaws.com.evil.example/",
            ELSEWHERE.format("s3.amazonaws.com.evil.example"),
        ),
        ("https://evil-s3.amazonaws.com/", ELSEWHERE.format("evil-s3.amazonaws.com")),
        ("https://ci.example.com/secret", ELSEWHERE.format("ci.example.com")),
        ("http://circleci.com/secret", "of circleci.com does not begin with https://"),
        ("http://127.0.0.1/secret", "of 127.0.0.1 does not begin with https://"),
        ("https://user:secret@circleci.com/", "is not an absolute https URL"),
        ("https://circleci.com\\@evil.example/secret", "is not an absolute https URL"),
        ("https://circleci.com/a secret", "is not an absolute https URL"),
        ("https://circleci.com/\nsecret", "is not an absolute https URL"),
        ("//circleci.com/secret", "of circleci.com does not begin with https://"),
        ("/secret", "is not an absolute https URL"),
        ("file:///secret", "is not an absolute https URL"),
        ("", "is not an absolute https URL"),
    ],
)
def test_any_other_url_is_refused_and_the_message_shows_its_host_alone(
    url: str, reason: str
) -> None:
    memory = MemoryTransport()
    with pytest.raises(ValidationError) as caught:
        fetch(memory, Download(url, HOSTS))
    assert caught.value.message == f"The URL {reason}, so nothing was sent."
    assert memory.sent == []


@pytest.mark.parametrize(
    "url", ["https://10.0.0.1/x", "https://127.0.0.1/x", "https://[::1]/", "https://localhost/x"]
)
def test_a_download_from_any_host_still_stays_on_public_addresses(url: str) -> None:
    with pytest.raises(ValidationError, match="which is not a public address"):
        fetch(MemoryTransport(), Download(url))


def moved(location: str, status: int = 302) -> WireResponse:
    return WireResponse(status, {"location": location}, b"")


def test_the_token_goes_to_the_accounts_origin_and_not_along_with_a_redirect() -> None:
    memory = MemoryTransport(
        moved("/artifact"), moved("https://cdn.example/a#part"), moved(URL, 308)
    )
    fetch(memory, Download("https://circleci.com/download", with_token=True))
    assert [(each.url, each.headers.get("Circle-Token")) for each in memory.sent] == [
        ("https://circleci.com/download", TOKEN),
        ("https://circleci.com/artifact", TOKEN),
        ("https://cdn.example/a", None),
        (URL, TOKEN),
    ]


@pytest.mark.parametrize(
    ("location", "hosts", "reason"),
    [
        ("https://evil.example/", HOSTS, ELSEWHERE.format("evil.example")),
        ("http://cdn.example/", None, "of cdn.example does not begin with https://"),
        ("https://169.254.169.254/latest", None, "leads to 169.254.169.254, which is not a public"),
        ("http://127.0.0.1:8080/", None, "of 127.0.0.1 does not begin with https://"),
    ],
)
def test_a_redirect_to_elsewhere_ends_the_download(
    location: str, hosts: Sequence[str] | None, reason: str
) -> None:
    memory = MemoryTransport(moved(location))
    with pytest.raises(NetworkError) as caught:
        fetch(memory, Download(URL, hosts))
    assert caught.value.message.startswith(f"GET circleci.com: it redirects to a URL that {reason}")
    assert "presigned-secret" not in caught.value.message
    assert len(memory.sent) == 1


def test_after_five_redirects_the_answer_is_what_it_is() -> None:
    memory = MemoryTransport(*[moved("/again")] * 10)
    executor = Executor(memory, user_agent="test/1")
    assert executor.fetch(Download(URL), CLOUD, Deadline()).status == 302
    assert len(memory.sent) == 6


@pytest.fixture
def live() -> Iterator[LiveTransport]:
    transport = LiveTransport(read_timeout_s=5, connect_timeout_s=5, max_body_bytes=4096)
    yield transport
    transport.close()


@pytest.fixture
def executor(live: LiveTransport) -> Executor:
    return Executor(live, user_agent="test/1", sleep=lambda *_: None)


def local(server: Any) -> Account:
    return Account("default", server.origin, TOKEN)


def test_a_part_of_a_file_is_asked_for_by_its_range(server: Any, executor: Executor) -> None:
    server.plays(server.answer(206, b"\x00\xff\r\n", content_range="bytes 5-8/9"))
    download = Download(f"{server.origin}/out?token=t", byte_range="bytes=5-8")
    answer = executor.fetch(download, local(server), Deadline())
    assert (answer.status, answer.body) == (206, b"\x00\xff\r\n")
    [sent] = server.seen
    assert (sent.target, sent.headers["range"]) == ("/out?token=t", "bytes=5-8")
    assert "circle-token" not in sent.headers


def test_an_answer_over_its_limit_is_given_up_however_much_the_transport_takes(
    server: Any, executor: Executor
) -> None:
    server.plays(server.answer(200, b"x" * 1000))
    with pytest.raises(NetworkError) as caught:
        executor.fetch(
            Download(f"{server.origin}/?token=presigned", max_bytes=999), local(server), Deadline()
        )
    assert caught.value.message == (
        "GET 127.0.0.1: the answer is larger than 999 bytes (1 attempt)."
    )


class File:
    """A file that is begun again for each attempt."""

    def __init__(self) -> None:
        self.begun = 0
        self.content = b""

    def __call__(self) -> Callable[[bytes], None]:
        self.begun += 1
        self.content = b""
        return self.write

    def write(self, piece: bytes) -> None:
        self.content += piece


def test_a_file_larger_than_any_answer_streams_to_its_sink(server: Any, executor: Executor) -> None:
    content = bytes(range(256)) * 1000
    server.plays(server.answer(200, content))
    file = File()
    download = Download(f"{server.origin}/a", max_bytes=len(content), sink=file)
    answer = executor.fetch(download, local(server), Deadline())
    assert (answer.status, answer.body, file.content, file.begun) == (200, b"", content, 1)


def test_what_breaks_in_the_middle_begins_again(server: Any, executor: Executor) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"
    server.plays(
        server.sends(head + b"half"), server.answer(503, b""), server.sends(head + b"complete")
    )
    file = File()
    answer = executor.fetch(Download(f"{server.origin}/a", sink=file), local(server), Deadline())
    assert (answer.attempts, file.content, file.begun) == (3, b"complete", 2)


def test_an_error_does_not_reach_the_sink(server: Any, executor: Executor) -> None:
    server.plays(server.answer(404, b"no such file"))
    file = File()
    answer = executor.fetch(Download(f"{server.origin}/a", sink=file), local(server), Deadline())
    assert (answer.status, answer.body, file.begun) == (404, b"no such file", 0)


def test_a_transport_without_pieces_fills_the_sink_all_the_same() -> None:
    file = File()
    executor = Executor(MemoryTransport(), user_agent="test/1")
    answer = executor.fetch(Download(URL, sink=file), CLOUD, Deadline())
    assert (answer.body, file.content) == (b"", b"text")


def test_a_download_on_loopback_may_be_redirected_to_another_port_of_it(
    server: Any, tls_server: Any, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = server.origin.replace("127.0.0.1", "localhost")
    server.plays(server.answer(302, b"", location=f"{elsewhere}/b"), server.answer(200, b"here"))
    download = Download(f"{server.origin}/a", with_token=True)
    assert executor.fetch(download, local(server), Deadline()).body == b"here"
    assert [seen.headers.get("circle-token") for seen in server.seen] == [TOKEN, None]


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "169.254.169.254", "::ffff:192.168.0.1", "fd00::1"]
)
def test_a_name_that_leads_to_a_private_address_is_not_connected_to(
    address: str, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    entry = (family, socket.SOCK_STREAM, 6, "", (address, 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: [entry])
    with pytest.raises(NetworkError) as caught:
        executor.fetch(Download("https://inside.example/a"), CLOUD, Deadline())
    assert caught.value.message == (
        "GET inside.example: inside.example has no public address (1 attempt)."
    )


def test_a_compressed_file_is_what_its_server_says_it_is(server: Any, executor: Executor) -> None:
    server.plays(server.answer(200, gzip.compress(b"text"), content_encoding="gzip"))
    file = File()
    executor.fetch(Download(f"{server.origin}/a", sink=file), local(server), Deadline())
    assert (server.seen[0].headers["accept-encoding"], file.content) == ("identity", b"text")
