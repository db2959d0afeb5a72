"""What a tool of the MCP server answers: text, and for programs the same as structured content."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from kosmo_circleci.agent import cut
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import KosmoError
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.listener import Consent


class ToolResult(NamedTuple):
    """The answer of one call, in the shape of MCP's `CallToolResult`."""

    text: str
    structured: Mapping[str, JsonValue] | None = None
    is_error: bool = False

    @classmethod
    def of(cls, structured: Mapping[str, JsonValue], *, is_error: bool = False) -> "ToolResult":
        """Return an answer whose text is the JSON of its structured content."""
        return cls(encode(dict(structured)), structured, is_error)

    @classmethod
    def failed(cls, error: KosmoError) -> "ToolResult":
        """Return the answer that tells an error, with its fields."""
        return cls(f"error: {error.message}", error.fields(), is_error=True)

    def masked(self, mask: Mask) -> "ToolResult":
        """Return the answer without secrets."""
        structured = None if self.structured is None else mask.json(dict(self.structured))
        assert isinstance(structured, dict | None)
        return ToolResult(mask.text(self.text), structured, self.is_error)


class ToolCall(NamedTuple):
    """What surrounds a call: `deadline` ends it, `notice` tells the client what it waits for.

    `ask` puts a permission question to the client's user; None where that is not possible.
    """

    deadline: Deadline
    notice: Callable[[str], None] | None = None
    ask: Callable[[str], Consent] | None = None


class Tools(Protocol):
    """The tools a server offers. `call` may run on any thread, several at once."""

    def definitions(self) -> list[dict[str, JsonValue]]:
        """Return the tools as `tools/list` shows them."""
        ...

    def call(self, name: str, arguments: Mapping[str, JsonValue], call: ToolCall) -> ToolResult:
        """Carry out a call. Raises the `KosmoError` that stopped it."""
        ...

    def mask(self) -> Mask:
        """Return a mask of the configured tokens, for errors that repeat what the client sent."""
        ...

    def close(self) -> None:
        """Give back processes and connections."""
        ...


def shown_result(value: JsonValue, advice: str) -> dict[str, JsonValue]:
    """Return `{"result": value}`, or how it begins and `advice` where it is too long."""
    length = cut.size(value)
    if length <= cut.LIMIT_BYTES:
        return {"result": value}
    return {
        "result_beginning": cut.beginning(value, cut.LIMIT_BYTES // 2),
        "cut": f"The result has {length:,} bytes of JSON; {cut.LIMIT_BYTES:,} can be shown, so "
        f"only its beginning is. {advice}",
    }
