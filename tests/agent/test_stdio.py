"""The lines of the server over standard input and output."""

import os

from mcp_types import JSONRPCResponse

from kosmo_circleci.agent.stdio import _Writer


def test_a_line_that_nobody_waits_for_any_more_is_written_whole_and_the_next_one_too() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    filled = os.write(writing, b" " * (1 << 20))  # as much as the pipe takes
    os.set_blocking(writing, True)
    writer = _Writer(writing)
    done = writer.put(JSONRPCResponse(jsonrpc="2.0", id=1, result={}))
    assert done.cancel()
    next_done = writer.put(JSONRPCResponse(jsonrpc="2.0", id=2, result={}))
    with open(reading, "rb") as file:
        assert file.read(filled).isspace()
        assert next_done.result(10) is None
        writer.end()
        os.close(writing)
        assert file.read().splitlines() == [
            b'{"jsonrpc":"2.0","id":1,"result":{}}',
            b'{"jsonrpc":"2.0","id":2,"result":{}}',
        ]
