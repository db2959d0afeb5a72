"""Drive CircleCI from a script or an AI agent: a sandboxed Lua bridge to the whole API v2.

    from kosmo_circleci import Bridge

    with Bridge() as bridge:
        run = bridge.run("return app.integrations.circleci.get_current_user({})")

What is listed in `__all__` is public; everything else may change.
"""

from typing import TYPE_CHECKING, Any

from kosmo_circleci.version import __version__

if TYPE_CHECKING:
    from kosmo_circleci.bridge import Bridge
    from kosmo_circleci.errors import (
        ApiError,
        ConfigurationError,
        KosmoError,
        LimitExceeded,
        NetworkError,
        PermissionDenied,
        ValidationError,
    )
    from kosmo_circleci.limits import Limits
    from kosmo_circleci.run.envelope import Run
    from kosmo_circleci.run.listener import RunListener

__all__ = [
    "ApiError",
    "Bridge",
    "ConfigurationError",
    "KosmoError",
    "LimitExceeded",
    "Limits",
    "NetworkError",
    "PermissionDenied",
    "Run",
    "RunListener",
    "ValidationError",
    "__version__",
]

# Loaded on first use: `kosmo integrations:docs` needs none of them, and importing is most of its
# time.
_HOMES = {
    "Bridge": "kosmo_circleci.bridge",
    "Limits": "kosmo_circleci.limits",
    "Run": "kosmo_circleci.run.envelope",
    "RunListener": "kosmo_circleci.run.listener",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'kosmo_circleci' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_HOMES.get(name, "kosmo_circleci.errors")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
