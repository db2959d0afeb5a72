"""What the authorization server gave out: clients, codes, and tokens, which expire."""

from typing import Final

from kosmo_circleci.simulator.seeded import EXAMPLE_USER
from kosmo_circleci.simulator.world import Row, Table, World

SCOPES: Final = ("read", "write", "admin")

TOKEN_LIFETIME_S: Final = 90 * 86_400
CODE_LIFETIME_S: Final = 600

_TOKENS: Final = "oauth_tokens"


def clients(world: World) -> Table:
    """Return the registered clients by id."""
    return world.table("oauth_clients")


def codes(world: World) -> Table:
    """Return the codes by themselves; a row has the `token` it was exchanged for, or None."""
    return world.table("oauth_codes")


def scope_of(world: World, token: str) -> str | None:
    """Return what a token may do, None if it is not one of a sign-in; "" if it has expired."""
    row = world.tables.get(_TOKENS, {}).get(token)
    if row is None:
        return None
    expired = world.now_s >= int(str(row["expires_s"]))
    return "" if expired else str(row["scope"])


def new_code(world: World, client: Row, redirect_uri: str, challenge: str, scope: str) -> str:
    """Return a new code for a client, good for one exchange within ten minutes."""
    code = f"code-{world.random().getrandbits(160):040x}"
    codes(world)[code] = {
        "id": code,
        "client_id": client["id"],
        "redirect_uri": redirect_uri,
        "challenge": challenge,
        "scope": scope,
        "expires_s": world.now_s + CODE_LIFETIME_S,
        "token": None,
    }
    return code


def issue(world: World, client_id: str, scope: str) -> str:
    """Return a new token; one that the same client has for the same user is revoked."""
    for old in [row for row in _tokens(world).values() if row["client_id"] == client_id]:
        revoke(world, str(old["id"]))
    token = f"ccipat_simulated_{world.random().getrandbits(160):040x}"
    _tokens(world)[token] = {
        "id": token,
        "client_id": client_id,
        "scope": scope,
        "expires_s": world.now_s + TOKEN_LIFETIME_S,
    }
    world.tokens[token] = EXAMPLE_USER.id
    return token


def revoke(world: World, token: str) -> None:
    """Make a token worthless; no-op for one that is not there."""
    _tokens(world).pop(token, None)
    world.tokens.pop(token, None)


def _tokens(world: World) -> Table:
    return world.table(_TOKENS)
