"""Function + Arguments -> ApiRequest: method, path, query and body. No host, no token."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from kosmo_circleci.call import paths, permission
from kosmo_circleci.call.arguments import METHODS_WITH_BODY
from kosmo_circleci.call.model import ApiRequest, Arguments, QueryPairs
from kosmo_circleci.call.types import query_texts
from kosmo_circleci.catalog.model import Function, Parameter
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.jsonvalue import JsonValue


def build(function: Function, arguments: Arguments) -> ApiRequest:
    """Return the request of a call, for arguments that `arguments.bind` has checked.

    Query pairs follow the manifest's order, then the pass-through `query`; in the body the named
    parameters lie over `payload`. Raises `ValidationError` where a path or a query cannot be sent.
    """
    try:
        return _build_raw(function, arguments) if function.is_raw else _build(function, arguments)
    except ValueError as error:
        raise ValidationError(f"{function.name}: {error}", function_name=function.name) from None


def fallback(function: Function) -> ApiRequest | None:
    """Return the request for a server that lacks the function's own route, if there is one.

    It carries no query: `decode_fallback` applies the filters of the first request.
    """
    if function.fallback is None:
        return None
    path = function.fallback.path
    whole = path if path.startswith("/api/") else paths.API_V2 + path
    return ApiRequest(function.fallback.method, whole)


def shown(
    function: Function, arguments: Arguments, *, by_fallback: bool = False
) -> tuple[str, str]:
    """Return the method and the path of a call's request for people: the query too, secrets masked.

    `by_fallback` asks for the second request, which `fallback` builds.
    """
    masked = permission.without_secrets(function, arguments)
    request = fallback(function) if by_fallback else None
    if request is None:
        request = build(function, masked)
    pairs = (f"{_query_word(key)}={_query_word(value)}" for key, value in request.query)
    return request.method, request.path + ("?" if request.query else "") + "&".join(pairs)


def _query_word(text: str) -> str:
    # Slugs and masks stay readable; the request itself has each of these encoded.
    return quote(text, safe="/*[]:", errors="surrogatepass")


def _build(function: Function, arguments: Arguments) -> ApiRequest:
    return ApiRequest(
        function.method,
        _path(function, arguments.values),
        (*_own_pairs(function, arguments.values), *_further_pairs(function, arguments)),
        _body(function, arguments),
        _headers(function, arguments.values),
    )


def _build_raw(function: Function, arguments: Arguments) -> ApiRequest:
    path, in_path = paths.raw_path(str(arguments.values["path"]))
    query = _as_object(arguments.values.get("query"))
    # A null is not sent, so it does not override the path's own value.
    overrides = {key for key, value in query.items() if value is not None}
    pairs = (
        *((key, text) for key, text in in_path if key not in overrides),
        *_pairs(query),
    )
    body = arguments.values.get("body", {}) if function.method in METHODS_WITH_BODY else None
    return ApiRequest(function.method, path, pairs, body)


def _path(function: Function, values: Mapping[str, JsonValue]) -> str:
    path = function.api_path
    for parameter in _placed(function, "path", values):
        # Encoded values contain no braces, so no value can pass for the next placeholder.
        encoded = paths.encode(parameter, str(values[parameter.name]))
        path = path.replace(parameter.placeholder, encoded)
    return path


def _own_pairs(function: Function, values: Mapping[str, JsonValue]) -> QueryPairs:
    fixed = ((each.wire, each.value) for each in function.fixed if each.place == "query")
    named = (
        (parameter.wire, text)
        for parameter in _placed(function, "query", values)
        for text in query_texts(values[parameter.name])
    )
    return (*fixed, *named)


def _further_pairs(function: Function, arguments: Arguments) -> QueryPairs:
    own = {each.wire for each in function.fixed if each.place == "query"}
    own |= {parameter.wire for parameter in _placed(function, "query", arguments.values)}
    return _pairs({key: value for key, value in arguments.query.items() if key not in own})


def _headers(function: Function, values: Mapping[str, JsonValue]) -> tuple[tuple[str, str], ...]:
    fixed = ((each.wire, each.value) for each in function.fixed if each.place == "header")
    named = (
        (parameter.wire, parameter.template.replace("{value}", str(values[parameter.name])))
        for parameter in _placed(function, "header", values)
    )
    return (*fixed, *named)


def _pairs(query: Mapping[str, JsonValue]) -> QueryPairs:
    return tuple((key, text) for key, value in query.items() for text in query_texts(value))


def _body(function: Function, arguments: Arguments) -> JsonValue:
    body = dict(arguments.payload)
    parameters = list(_placed(function, "body", arguments.values))
    # Whole objects first, then what fills single fields of them: the field wins.
    for parameter in sorted(parameters, key=lambda each: len(each.body_path)):
        _put(body, parameter.body_path, arguments.values[parameter.name])
    for parameter in function.parameters:
        if parameter.absent is not None and not _has(body, parameter.body_path):
            _put(body, parameter.body_path, parameter.absent)
    return body if body or function.has_body else None


def _put(body: dict[str, JsonValue], path: tuple[str, ...], value: JsonValue) -> None:
    *outer, last = path
    for key in outer:
        # A copy at each step: these objects belong to the caller.
        inner = dict(_as_object(body.get(key)))
        body[key] = inner
        body = inner
    body[last] = value


def _has(body: Mapping[str, JsonValue], path: tuple[str, ...]) -> bool:
    for key in path[:-1]:
        body = _as_object(body.get(key))
    return path[-1] in body


def _placed(function: Function, place: str, values: Mapping[str, JsonValue]) -> Iterator[Parameter]:
    """Yield the parameters of one place whose argument is sent."""
    for parameter in function.parameters:
        if parameter.place == place and parameter.name in values:
            value = values[parameter.name]
            if not (isinstance(value, bool) and value in parameter.omit):
                yield parameter


def _as_object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}
