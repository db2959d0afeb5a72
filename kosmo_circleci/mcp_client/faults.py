"""What can go wrong with a server, as errors that say what to do."""

from typing import Any

from kosmo_circleci import jsonvalue
from kosmo_circleci.errors import NetworkError
from kosmo_circleci.jsonvalue import JsonError, JsonValue
from kosmo_circleci.mcp_client.launch import HttpLaunch, Launch
from kosmo_circleci.mcp_client.results import ServerError


def stopped(name: str) -> NetworkError:
    """The run has ended while the server was starting."""
    return NetworkError(f"MCP server '{name}' was stopped.")


def ended(name: str, how: str, last_words: str, *, starting: bool) -> NetworkError:
    """The server is gone. `how` is a predicate: `ended with status 3`."""
    when = " while it was started" if starting else ""
    return NetworkError(f"MCP server '{name}' {how}{when}{last_words}")


def too_slow(name: str, method: str, seconds: float) -> NetworkError:
    """No answer came in time."""
    return NetworkError(
        f"MCP server '{name}' did not answer {method} within {seconds:g} s. Raise its \"timeout\" "
        "(milliseconds) in the configuration file, or MCP_TOOL_TIMEOUT."
    )


def too_slow_to_start(name: str, seconds: float, last_words: str) -> NetworkError:
    """The handshake took too long."""
    return NetworkError(
        f"MCP server '{name}' did not answer 'initialize' within {seconds:g} s"
        f"{last_words or '.'} MCP_TIMEOUT (milliseconds) gives it longer."
    )


def unreachable(launch: HttpLaunch, cause: BaseException) -> NetworkError:
    """The address does not answer, or its answer broke off."""
    reason = str(cause) or type(cause).__name__
    return NetworkError(f"MCP server '{launch.name}' at {launch.url}: {reason}")


def refused(launch: Launch, status: int | None, code: int, message: str, data: Any) -> ServerError:
    """The server answered with an error of the protocol, over HTTP perhaps with a bad `status`."""
    where = ""
    if status is not None and isinstance(launch, HttpLaunch):
        hint = " (check its 'headers')" if status in (401, 403) else ""
        where = f" at {launch.url} answered HTTP {status}{hint}"
    return ServerError(
        f"MCP server '{launch.name}'{where}: {message}",
        server=launch.name,
        code=code,
        body=_plain(data),
    )


def not_allowed(name: str, cause: BaseException) -> ServerError:
    """The answer violates the protocol."""
    return ServerError(
        f"MCP server '{name}' gave an answer that the protocol does not allow: {cause}", server=name
    )


def innermost(error: BaseException) -> BaseException:
    """Return what is inside nested exception groups."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return error


def _plain(value: Any) -> JsonValue:
    try:
        return jsonvalue.decode(jsonvalue.encode(value))
    except (JsonError, TypeError):
        return None
