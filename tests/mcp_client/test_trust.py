"""Which servers of a project may run."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from kosmo_circleci.errors import ConfigurationError, PermissionDenied
from kosmo_circleci.mcp_client.server import EnvFile, Server
from kosmo_circleci.mcp_client.trust import TrustStore, trust_store

SERVER = Server(
    "s",
    Path("/project/.mcp.json"),
    "project",
    Path("/project"),
    command="npx",
    args=("-y", "server"),
    env={"A": "1"},
)


@pytest.fixture
def store(tmp_path: Path) -> TrustStore:
    return trust_store({}, tmp_path)


def test_trust_is_kept_in_the_users_folder_for_the_user_alone(
    store: TrustStore, tmp_path: Path
) -> None:
    store.trust(SERVER)
    assert store.path == tmp_path / ".config" / "kosmo" / "mcp-trust.json"
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert TrustStore(store.path).state(SERVER) == "trusted"


def test_a_server_is_untrusted_until_it_is_trusted_and_after_it_is_forgotten(
    store: TrustStore,
) -> None:
    assert store.state(SERVER) == "untrusted"
    assert store.forget(SERVER) is False
    store.trust(SERVER)
    store.check(SERVER)
    assert store.forget(SERVER) is True
    assert store.state(SERVER) == "untrusted"


@pytest.mark.parametrize(
    "changed",
    [
        replace(SERVER, command="node"),
        replace(SERVER, args=("-y", "other")),
        replace(SERVER, args=("-y server",)),
        replace(SERVER, env={"A": "2"}),
        replace(SERVER, env_file=EnvFile(".env", Path("/project/.env"), sha256="0" * 64)),
        replace(SERVER, cwd="sub"),
        replace(SERVER, transport="http", url="https://x"),
        replace(SERVER, headers={"X": "y"}),
    ],
)
def test_whatever_changes_what_runs_asks_again(store: TrustStore, changed: Server) -> None:
    store.trust(SERVER)
    assert store.state(changed) == "changed"
    with pytest.raises(PermissionDenied, match="has changed since it was trusted, so it was not"):
        store.check(changed)


def test_another_content_of_the_env_file_asks_again(store: TrustStore) -> None:
    env_file = EnvFile(".env", Path("/project/.env"), sha256="0" * 64)
    server = replace(SERVER, env_file=env_file)
    store.trust(server)
    assert store.state(server) == "trusted"
    for changed in (replace(env_file, sha256="1" * 64), replace(env_file, sha256=None)):
        assert store.state(replace(server, env_file=changed)) == "changed"


def test_trust_holds_for_one_file_only(store: TrustStore) -> None:
    store.trust(SERVER)
    elsewhere = replace(SERVER, source=Path("/clone/.mcp.json"))
    assert store.state(elsewhere) == "untrusted"
    with pytest.raises(PermissionDenied) as raised:
        store.check(elsewhere)
    assert raised.value.fields() == {
        "type": "permission",
        "message": "The MCP server 's' of /clone/.mcp.json has not been trusted yet, so it was not "
        "started. Look at it with `kosmo mcp:list`, then run `kosmo mcp:trust s`, or use "
        "--trust-mcp (Python: trust_mcp=True) for one run.",
        "function_name": "app.mcp.s",
    }


def test_a_server_of_the_user_needs_no_trust(store: TrustStore) -> None:
    store.check(replace(SERVER, scope="user"))
    assert not store.path.exists()


def test_limits_of_time_do_not_change_what_runs(store: TrustStore) -> None:
    store.trust(SERVER)
    assert store.state(replace(SERVER, timeout_s=5)) == "trusted"


@pytest.mark.parametrize("text", ["", "[]", '{"trusted": []}', '{"trusted": {"a": 1}}', "\x00"])
def test_a_broken_store_trusts_nothing_and_says_what_to_do(store: TrustStore, text: str) -> None:
    store.path.parent.mkdir(parents=True)
    store.path.write_text(text)
    with pytest.raises(ConfigurationError) as raised:
        store.state(SERVER)
    assert raised.value.message == (
        f"{store.path} cannot be read as the list of trusted MCP servers; remove it and trust the "
        "servers again with `kosmo mcp:trust NAME`."
    )


def test_trust_given_to_several_servers_at_once_all_survives(store: TrustStore) -> None:
    servers = [replace(SERVER, name=f"s{number}") for number in range(12)]
    threads = [threading.Thread(target=store.trust, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store.state(server) for server in servers] == ["trusted"] * 12
