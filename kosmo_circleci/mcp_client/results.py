"""The result of a tool, a resource or a prompt -> one value, or an error."""

from typing import Any, Final

from kosmo_circleci import jsonvalue
from kosmo_circleci.errors import KosmoError
from kosmo_circleci.jsonvalue import JsonError, JsonValue

_SHOWN_CHARACTERS: Final = 2000


class ServerError(KosmoError):
    """The server answered, and the answer is an error.

    `server` and `tool` say who; `code` is the JSON-RPC code of a protocol error; `body` what came
    with it: the error's data, or what a tool answered together with `isError`.
    """

    error_type = "api"

    def __init__(
        self,
        message: str,
        *,
        server: str,
        tool: str | None = None,
        code: int | None = None,
        body: JsonValue = None,
        function_name: str | None = None,
    ) -> None:
        super().__init__(message, function_name=function_name)
        self.server = server
        self.tool = tool
        self.code = code
        self.body = body

    def fields(self) -> dict[str, JsonValue]:
        details: dict[str, JsonValue] = {
            "server": self.server,
            "tool": self.tool,
            "code": self.code,
            "body": self.body,
        }
        return super().fields() | {k: v for k, v in details.items() if v is not None}


def tool_value(result: JsonValue) -> JsonValue:
    """Return the value of a tool's result (`tools/call`, MCP 2025-11-25).

    Structured content is the value. Servers that can only send objects wrap anything else as
    `{"result": value}`; where the text beside it shows that, the value comes without the wrapping.
    Without structured content: a single text that is JSON is decoded, another text stays as it is,
    several contents are a list, none is an empty object.
    """
    answer: Any = result
    content: list[Any] = answer.get("content") or []
    structured = answer.get("structuredContent")
    values = [_content_value(each) for each in content]
    if structured is not None:
        wrapped = _is_wrapped(structured, content, values)
        value: JsonValue = structured["result"] if wrapped else structured
        return value
    if not values:
        return {}
    return values[0] if len(values) == 1 else values


def tool_error(result: JsonValue, server: str, tool: str, call_path: str) -> ServerError | None:
    """Return the error that a tool's result reports, or None if it succeeded."""
    answer: Any = result
    if answer.get("isError") is not True:
        return None
    texts = [each["text"] for each in answer.get("content") or [] if each.get("type") == "text"]
    reason = "\n".join(texts).strip() or "the tool failed without a message"
    if len(reason) > _SHOWN_CHARACTERS:
        reason = reason[:_SHOWN_CHARACTERS] + "…"
    return ServerError(
        f"MCP tool error ({server}.{tool}): {reason}",
        server=server,
        tool=tool,
        body=tool_value(answer),
        function_name=call_path,
    )


def resource_value(result: JsonValue) -> JsonValue:
    """Return what `resources/read` answered: a text (JSON decoded where its type says so), the
    object {uri, mimeType, blob} of a binary, or a list of objects where there are several.
    """
    answer: Any = result
    contents: list[Any] = answer.get("contents") or []
    if len(contents) != 1:
        return contents
    only = contents[0]
    if "text" not in only:
        return dict(only)
    kind = str(only.get("mimeType") or "").partition(";")[0]
    is_json = kind == "application/json" or kind.endswith("+json")
    return _decoded(only["text"]) if is_json else str(only["text"])


def _content_value(content: Any) -> JsonValue:
    if content.get("type") == "text":
        return _decoded(content["text"])
    return dict(content)


def _decoded(text: str) -> JsonValue:
    try:
        return jsonvalue.decode(text)
    except JsonError:
        return text


def _is_wrapped(structured: Any, content: list[Any], values: list[JsonValue]) -> bool:
    if not isinstance(structured, dict) or set(structured) != {"result"}:
        return False
    inside = structured["result"]
    texts = [each.get("text") for each in content]
    if isinstance(inside, list) and inside == values:
        return True
    if not content:
        return inside is None or inside == []
    return len(values) == 1 and (inside == values[0] or inside == texts[0])
