"""What is really started: variables, environment, folders, secrets."""

from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.mcp_client.launch import HttpLaunch, StdioLaunch, resolve
from kosmo_circleci.mcp_client.server import EnvFile, Server

FOLDER = Path("/projects/web")
HOME = Path("/home/ann")
SOURCE = FOLDER / ".mcp.json"


def _server(**fields: Any) -> Server:
    return Server("s", SOURCE, "project", FOLDER, **{"command": "run"} | fields)


def _args(*args: str, **environ: str) -> tuple[str, ...]:
    launch = resolve(_server(args=args), environ, HOME)
    assert isinstance(launch, StdioLaunch)
    return launch.args


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("${NAME}", "web"),
        ("a-${NAME}-${env:NAME}-b", "a-web-web-b"),
        ("${NONE:-fallback}", "fallback"),
        ("${NONE:-}", ""),
        ("${EMPTY:-fallback}", "fallback"),
        ("${EMPTY}", ""),
        ("${NAME:-fallback}", "web"),
        ("$NAME $ {NAME} {NAME}", "$NAME $ {NAME} {NAME}"),
        ("${workspaceFolder}/x", "/projects/web/x"),
        ("${workspaceFolderBasename}", "web"),
        ("${userHome}", "/home/ann"),
        ("${CURLY}", "${NAME}"),  # A value is not looked through again.
    ],
)
def test_variables_are_replaced(text: str, expanded: str) -> None:
    assert _args(text, NAME="web", EMPTY="", CURLY="${NAME}") == (expanded,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "${MISSING}",
            "the environment variable MISSING is not set. Set it, or give a default: "
            "${MISSING:-…}.",
        ),
        (
            "${input:token}",
            "${input:token} asks a person, which only an editor can do; use ${env:NAME} and set "
            "the variable.",
        ),
        ("${a b}", "${a b} is not a variable; write ${VAR} or ${VAR:-default}."),
        ("${}", "${} is not a variable; write ${VAR} or ${VAR:-default}."),
    ],
)
def test_a_variable_that_cannot_be_replaced_says_what_to_do(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        _args(text)
    assert raised.value.message == f"{SOURCE}: MCP server 's': {message}"


def test_variables_are_replaced_everywhere() -> None:
    server = _server(command="${A}", args=("${A}",), env={"X": "${A}"}, cwd="${A}")
    assert resolve(server, {"A": "v", "PATH": "/bin", "OTHER": "o"}, HOME) == StdioLaunch(
        "s", "v", ("v",), {"PATH": "/bin", "X": "v"}, "/projects/web/v", "/bin"
    )
    server = _server(transport="http", url="https://${A}/mcp", headers={"X-Region": "${A}"})
    assert resolve(server, {"A": "v"}, HOME) == HttpLaunch("s", "https://v/mcp", {"X-Region": "v"})


def test_values_that_are_named_like_secrets_are_known_as_such() -> None:
    headers = {"Authorization": "Bearer ${MY_TOKEN}", "X-Api-Key": "plain-key", "X-Other": "o"}
    server = _server(transport="http", url="https://x/${PASSWORD}", headers=headers)
    environ = {"MY_TOKEN": "token-1", "PASSWORD": "pass-1"}
    assert resolve(server, environ, HOME).secrets == (
        "Bearer token-1",
        "pass-1",
        "plain-key",
        "token-1",
    )
    assert "token-1" not in repr(resolve(server, environ, HOME))


def test_the_entry_wins_over_its_file_of_variables() -> None:
    variables = {"A": "1", "B": "two words", "TOKEN": "t-123"}
    env_file = EnvFile(".env", FOLDER / ".env", variables, "0" * 64)
    launch = resolve(_server(env_file=env_file, env={"A": "mine"}), {}, HOME)
    assert isinstance(launch, StdioLaunch)
    assert launch.env == {"A": "mine", "B": "two words", "TOKEN": "t-123"}
    assert launch.secrets == ("t-123",)


def test_a_server_whose_file_of_variables_cannot_be_read_is_not_started() -> None:
    env_file = EnvFile(".env", FOLDER / ".env", fault="it is missing")
    with pytest.raises(ConfigurationError, match=r"^it is missing$"):
        resolve(_server(env_file=env_file), {}, HOME)


def test_a_program_is_looked_up_on_our_path_and_not_on_the_one_of_the_entry() -> None:
    launch = resolve(_server(env={"PATH": "/projects/web/evil"}), {"PATH": "/usr/bin"}, HOME)
    assert isinstance(launch, StdioLaunch)
    assert (launch.search_path, launch.env["PATH"]) == ("/usr/bin", "/projects/web/evil")


def test_an_entry_with_a_fault_is_not_started() -> None:
    with pytest.raises(ConfigurationError, match=r"^it is broken$"):
        resolve(_server(fault="it is broken"), {}, HOME)
