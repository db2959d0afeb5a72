"""`require`, the host's side: the text of a module."""

from collections.abc import Callable

from kosmo_circleci.lua.values import Answer, lua_bytes, python_text
from kosmo_circleci.script.modules import Modules
from kosmo_circleci.script.source import without_shebang


def functions(modules: Modules) -> dict[str, Callable[..., Answer]]:
    """Return the function by the name the prelude calls."""

    def module(name: bytes) -> Answer:
        """Answer the text and the path of a module. Raises `ScriptError` and `LimitExceeded`."""
        loaded = modules.find(python_text(name))
        return lua_bytes(without_shebang(loaded.text)), lua_bytes(loaded.path)

    return {"module": module}
