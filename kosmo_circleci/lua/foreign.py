"""Values of Lua that JSON lacks, when a script passes one as an argument: a function, NaN.

The prelude writes a stand-in for each, `{"\\u0000": "function"}`, and only after it has failed to
encode the arguments: stand-ins lead to an error that names the parameter, never to a request.
"""

from typing import Any, Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.wording import Foreign

_MARK: Final = "\0"
_NUMBERS: Final = {"nan", "inf", "-inf"}


def restored(value: JsonValue) -> Any:
    """Return the value with a number or a `Foreign` in place of each stand-in."""
    if isinstance(value, list):
        return [restored(each) for each in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(_MARK)
    if isinstance(kind, str) and len(value) == 1:
        return float(kind) if kind in _NUMBERS else Foreign(kind)
    return {name: restored(each) for name, each in value.items()}
