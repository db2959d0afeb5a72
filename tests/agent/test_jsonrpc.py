"""Lines and messages, where a conversation through a pipe would be slow to show them."""

import io

import pytest

from kosmo_circleci.agent import jsonrpc
from kosmo_circleci.agent.jsonrpc import MAX_MESSAGE_BYTES, Message, RpcError


def test_a_line_longer_than_any_message_is_refused_and_the_next_one_read() -> None:
    stream = io.BytesIO(b"x" * (MAX_MESSAGE_BYTES + 5_000_000) + b"\n\n  \nnext\nlast")
    first, *rest = jsonrpc.lines(stream)
    assert rest == [b"next\n", b"last"]
    with pytest.raises(RpcError, match="a message may have 16,777,216 bytes") as raised:
        jsonrpc.parse(first)
    assert raised.value.code == jsonrpc.INVALID_REQUEST


def test_a_message_is_a_request_or_a_notification() -> None:
    request = b'{"jsonrpc": "2.0", "id": 0, "method": "ping", "params": {"a": 1}}'
    assert jsonrpc.parse(request) == Message("ping", {"a": 1}, 0)
    assert jsonrpc.parse(b'{"jsonrpc":"2.0","method":"n"}') == Message("n", {}, None)
    assert jsonrpc.parse(b'{"jsonrpc":"2.0","id":1,"error":{}}') is None


def test_an_answer_is_one_line_whatever_it_holds() -> None:
    line = jsonrpc.answer("a", {"text": "two\nlines \u2028 \ud800"})
    assert line == (
        b'{"jsonrpc":"2.0","id":"a","result":{"text":"two\\nlines \xe2\x80\xa8 \\ud800"}}\n'
    )
