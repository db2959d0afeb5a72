"""What the caller wrote, checked against the function: every fault in one report.

Contract, section 3 ("Calling"). Nothing here asks the policy or sends anything, and no message
holds the value of a secret parameter.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from kosmo_circleci.call import paths, types
from kosmo_circleci.call.model import Arguments, RawArguments
from kosmo_circleci.catalog.model import Function, Parameter
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.wording import nearest, printable, shorten, show

METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
"""The methods whose functions take the pass-through object `payload`."""

_ALSO_CALLED: Final = {"payload": "body", "body": "payload"}


def bind(function: Function, raw: RawArguments) -> Arguments:
    """Return the arguments by parameter name, converted; None counts as absent.

    Raises one `ValidationError` that lists everything wrong, in this order: too many positional
    arguments, unknown names, missing required parameters, then values in the manifest's order.
    """
    named = {**_by_position(function, raw.positional), **raw.named}
    present = {name: value for name, value in named.items() if value is not None}
    values: dict[str, JsonValue] = {}
    faults = [
        *too_many_arguments(function, raw.positional),
        *unknown_parameters(function, named),
        *missing_parameters(function, present),
        *_convert(function, present, values),
    ]
    extra = {name: _object(name, present.get(name), faults) for name in _pass_through(function)}
    faults += _query_faults(extra.get("query") or values.get("query"))
    if faults:
        raise ValidationError(_report(function, faults), function_name=function.name)
    return Arguments(values, extra.get("query", {}), extra.get("payload", {}))


def _by_position(function: Function, positional: tuple[JsonValue, ...]) -> dict[str, JsonValue]:
    names = (parameter.name for parameter in function.parameters)
    return {name: value for name, value in zip(names, positional, strict=False)}


def too_many_arguments(function: Function, positional: tuple[JsonValue, ...]) -> Iterator[str]:
    """Yield a sentence if there are more positional arguments than parameters."""
    names = [parameter.name for parameter in function.parameters]
    if all(value is None for value in positional[len(names) :]):
        return
    takes = f"at most {len(names)}: {', '.join(names)}" if names else "none"
    yield f"Too many arguments: got {len(positional)}, and it takes {takes}."


def unknown_parameters(function: Function, named: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield a sentence for each name the function does not have."""
    accepted = [parameter.name for parameter in function.parameters] + _pass_through(function)
    for name in named:
        if name in accepted:
            continue
        start = f"Unknown parameter '{printable(shorten(str(name)))}'."
        if name == "payload" and function.method not in METHODS_WITH_BODY:
            yield f"{start} This operation ({function.method}) has no body."
            continue
        suggestion = _suggestion(function, str(name), accepted)
        if suggestion:
            yield f"{start} Did you mean '{suggestion}'?"
        else:
            yield f"{start} Known: {', '.join(accepted)}."


def _suggestion(function: Function, name: str, accepted: list[str]) -> str | None:
    """Return the parameter that the author of `name` most likely has in mind."""
    by_wire = [each.name for each in function.parameters if name == each.wire]
    if _ALSO_CALLED.get(name) in accepted:
        by_wire.append(_ALSO_CALLED[name])
    if by_wire:
        return by_wire[0]
    by_end = (each for each in accepted if name and each.endswith(f"_{name}"))
    return nearest(name, accepted) or next(by_end, None)


def missing_parameters(function: Function, present: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield sentences about the required parameters that are absent, or empty strings."""
    absent = [
        parameter
        for parameter in function.parameters
        if parameter.required and not _is_present(function, parameter, present)
    ]
    if not absent:
        return
    yield f"Missing required parameter(s): {', '.join(each.name for each in absent)}"
    for parameter in absent:
        parts = _conveniences(function, parameter)
        if parts:
            yield f"'{parameter.name}' can be set through {', '.join(parts)}."


def _is_present(function: Function, parameter: Parameter, present: Mapping[str, JsonValue]) -> bool:
    names = [parameter.name, *_conveniences(function, parameter)]
    return any(present.get(name, "") != "" for name in names)


def _conveniences(function: Function, parameter: Parameter) -> list[str]:
    return [each.name for each in function.parameters if each.part_of == parameter.name]


def _convert(
    function: Function, present: Mapping[str, JsonValue], values: dict[str, JsonValue]
) -> Iterator[str]:
    """Put what fits into `values`, yield a sentence for the rest."""
    for parameter in function.parameters:
        value = present.get(parameter.name)
        if value is None or (value == "" and parameter.required):
            continue
        try:
            values[parameter.name] = types.convert(parameter, value)
        except types.TypeFault as fault:
            yield str(fault)
        else:
            yield from _path_fault(parameter, values[parameter.name])


def _path_fault(parameter: Parameter, value: JsonValue) -> Iterator[str]:
    # As in request.build, and here too: a bad path is refused before anyone is asked.
    if parameter.place != "path":
        return
    try:
        paths.encode(parameter, str(value))
    except ValueError as error:
        reason = "this value cannot be in a path" if parameter.secret else error
        yield f"Parameter '{parameter.name}': {reason}."


def _pass_through(function: Function) -> list[str]:
    if function.is_raw:
        return []
    own = {parameter.name for parameter in function.parameters}
    names = ["query", "payload"] if function.method in METHODS_WITH_BODY else ["query"]
    return [name for name in names if name not in own]


def _object(name: str, value: JsonValue, faults: list[str]) -> dict[str, JsonValue]:
    if value is None or value == []:  # Lua's {} may arrive as an empty list.
        return {}
    if not isinstance(value, dict):
        faults.append(f"Parameter '{name}' takes an object, got {show(value, hidden=True)}.")
        return {}
    try:
        types.refuse_unsendable(value)
    except ValueError as error:
        faults.append(f"Parameter '{name}' cannot be sent: {error}.")
    return value


def _query_faults(query: JsonValue) -> Iterator[str]:
    for key, value in query.items() if isinstance(query, dict) else ():
        try:
            types.query_texts(key)
            types.query_texts(value)
        except ValueError as error:
            yield f"Parameter 'query', key '{printable(shorten(str(key)))}': {error}."


def _report(function: Function, faults: list[str]) -> str:
    # The list of missing parameters is not a sentence, so at the end it has no full stop.
    whole = [fault if fault.endswith((".", "?")) else f"{fault}." for fault in faults[:-1]]
    return f"{function.name}: {' '.join([*whole, faults[-1]])}"
