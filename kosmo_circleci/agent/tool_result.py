"""What a tool of the MCP server answers: text, and for programs the same as structured content."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from kosmo_circleci.agent.clients import LOCAL, Client
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.listener import Consent

if TYPE_CHECKING:
    from kosmo_circleci.agent.executions import Executions


class Link(NamedTuple):
    """A resource that holds the rest of an answer."""

    uri: str
    name: str
    size_bytes: int


class Shown(NamedTuple):
    """What is shown of a result, and where the rest of it is."""

    fields: dict[str, JsonValue]
    links: tuple[Link, ...] = ()


class ToolResult(NamedTuple):
    """The answer of one call, in the shape of MCP's `CallToolResult`."""

    text: str
    structured: Mapping[str, JsonValue] | None = None
    is_error: bool = False
    links: tuple[Link, ...] = ()

    @classmethod
    def of(
        cls,
        structured: Mapping[str, JsonValue],
        *,
        is_error: bool = False,
        links: tuple[Link, ...] = (),
    ) -> "ToolResult":
        """Return an answer whose text is the JSON of its structured content."""
        return cls(encode(dict(structured)), structured, is_error, links)

    def masked(self, mask: Mask) -> "ToolResult":
        """Return the answer without secrets."""
        structured = None if self.structured is None else mask.json(dict(self.structured))
        assert isinstance(structured, dict | None)
        return self._replace(text=mask.text(self.text), structured=structured)


class ToolCall(NamedTuple):
    """What surrounds a call: `deadline` ends it, `notice` tells the client what it waits for.

    `ask` puts a permission question to the client's user; None where that is not possible.
    """

    deadline: Deadline
    notice: Callable[[str], None] | None = None
    ask: Callable[[str], Consent] | None = None
    client: Client = LOCAL


class Tools(Protocol):
    """The tools a server offers. `call` may run on any thread, several at once."""

    def definitions(self) -> list[dict[str, JsonValue]]:
        """Return the tools as `tools/list` shows them."""
        ...

    def call(self, name: str, arguments: Mapping[str, JsonValue], call: ToolCall) -> ToolResult:
        """Carry out a call. Raises the `KosmoError` that stopped it."""
        ...

    def failed(self, fields: Mapping[str, JsonValue]) -> ToolResult:
        """Return the answer of a call that raised, by the fields of its error."""
        ...

    @property
    def executions(self) -> "Executions":
        """What runs the scripts."""
        ...

    def close(self) -> None:
        """Give back processes and connections."""
        ...
