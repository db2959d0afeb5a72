"""`time.*`, `base64.*` and `hash.*` as Lua calls them: bytes in, bytes out.

Each function loads what it needs: most scripts use none of them.
"""

from collections.abc import Callable

from kosmo_circleci.errors import ScriptError
from kosmo_circleci.lua.values import Answer, lua_bytes, python_text
from kosmo_circleci.wording import printable, shorten


def functions() -> dict[str, Callable[..., Answer]]:
    """Return the functions by the names the prelude calls."""
    return {
        "time_parse": _time_parse,
        "time_format": _time_format,
        "base64_encode": _base64_encode,
        "base64_decode": _base64_decode,
        "hash_sha256": _hash_sha256,
    }


def _time_parse(text: bytes, now_s: float) -> Answer:
    from kosmo_circleci.lua import times

    written = python_text(text)
    try:
        return (times.parse(written, now_s),)
    except (ValueError, OverflowError) as error:
        raise ScriptError(
            f"time.parse: '{printable(shorten(written))}': {error}", function_name="time.parse"
        ) from None


def _time_format(seconds: float, template: bytes | None = None) -> Answer:
    from kosmo_circleci.lua import times

    try:
        text = times.format_time(seconds, None if template is None else python_text(template))
    except ValueError as error:
        raise ScriptError(f"time.format: {error}", function_name="time.format") from None
    return (lua_bytes(text),)


def _base64_encode(raw: bytes) -> Answer:
    import base64

    return (base64.b64encode(raw),)


def _base64_decode(text: bytes) -> Answer:
    import base64

    try:
        # Line breaks are part of base64 as PEM and MIME write it.
        return (base64.b64decode(b"".join(text.split()), validate=True),)
    except ValueError as error:
        raise ScriptError(
            f"base64.decode: not base64: {error}", function_name="base64.decode"
        ) from None


def _hash_sha256(raw: bytes) -> Answer:
    import hashlib

    return (hashlib.sha256(raw).hexdigest().encode(),)
