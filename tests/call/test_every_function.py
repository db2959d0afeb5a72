"""Every function of the manifest, with awkward values, sends exactly the documented request.

The expectation is worked out here a second time, from the template alone, with the standard
library's `quote`; only what the manifest says is shared with the code under test.
"""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import pytest

from kosmo_circleci.call.arguments import bind
from kosmo_circleci.call.model import ApiRequest, RawArguments
from kosmo_circleci.call.permission import question
from kosmo_circleci.call.request import build
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Function, Parameter

AWKWARD = "a b/c%2Fd+é:🚀?#&=;{id}"
SLUG_PARTS = ("gh", "a b%", "c+d:🚀#?")
FUNCTIONS = {function.name: function for function in load_catalog().functions()}
NOT_RAW = [name for name, function in FUNCTIONS.items() if not function.is_raw]


def value_for(parameter: Parameter) -> Any:
    """Return a value as a script would write it."""
    if parameter.encoding == "slug":
        return "/".join(SLUG_PARTS[: max(parameter.segments)])
    if parameter.type == "object":
        return {"deep/key": [None, {"x": 1.0}]}
    if parameter.type == "array" or parameter.repeated:
        if parameter.items == "object":
            return [{"deep/key": [None, {"x": 1.0}]}]
        return list(parameter.enum) or (["1", 2] if parameter.items == "integer" else [AWKWARD, 7])
    if parameter.enum:
        return parameter.enum[-1]
    return {"integer": "42", "boolean": True, "string": AWKWARD}[parameter.type]


def sent_for(parameter: Parameter) -> Any:
    """Return the same value as CircleCI has to get it."""
    value = value_for(parameter)
    if isinstance(value, list):
        as_sent = {"integer": int, "string": str, "object": dict}[parameter.items]
        return [as_sent(each) for each in value]
    return int(value) if parameter.type == "integer" else value


def expected_path(function: Function) -> str:
    segments: dict[str, list[str]] = {}
    for parameter in function.parameters:
        if parameter.place == "path":
            text = str(sent_for(parameter))
            parts = text.split("/") if parameter.encoding == "slug" else [text]
            names = re.findall(r"\{([^}]+)\}", parameter.wire) or [parameter.wire]
            spread = [[part] for part in parts] if len(names) > 1 else [parts]
            segments |= dict(zip(names, spread, strict=True))

    def fill(found: re.Match[str]) -> str:
        return "/".join(quote(part, safe="") for part in segments[found.group(1)])

    return f"/api/{function.version}" + re.sub(r"\{([^}]+)\}", fill, function.path)


def expected_query(function: Function, parameters: Iterable[Parameter]) -> list[tuple[str, str]]:
    pairs = [(each.wire, each.value) for each in function.fixed if each.place == "query"]
    for parameter in parameters:
        if parameter.place == "query":
            sent = sent_for(parameter)
            texts = sent if isinstance(sent, list) else [sent]
            pairs += [(parameter.wire, {True: "true"}.get(text, str(text))) for text in texts]
    return pairs


def expected_body(function: Function, parameters: Iterable[Parameter]) -> Any:
    fields = [parameter for parameter in parameters if parameter.place == "body"]
    values = [(each.wire, sent_for(each)) for each in fields if each.part_of is None]
    values += [(each.wire, sent_for(each)) for each in fields if each.part_of is not None]
    values += [
        (each.wire, each.absent)
        for each in function.parameters
        if each.absent is not None and each not in fields
    ]
    body: dict[str, Any] = {}
    for wire, value in values:
        *outer, last = wire.split(".")
        level = body
        for key in outer:
            level = level.setdefault(key, {})
        level[last] = value
    return body if body or function.has_body else None


def expected_headers(
    function: Function, parameters: Iterable[Parameter]
) -> tuple[tuple[str, str], ...]:
    fixed = [(each.wire, each.value) for each in function.fixed if each.place == "header"]
    named = [
        (each.wire, each.template.format(value=sent_for(each)))
        for each in parameters
        if each.place == "header"
    ]
    return tuple(fixed + named)


@pytest.mark.parametrize("name", NOT_RAW)
def test_a_call_with_every_parameter_is_the_documented_request(name: str) -> None:
    function = FUNCTIONS[name]
    expected = ApiRequest(
        function.method,
        expected_path(function),
        tuple(expected_query(function, function.parameters)),
        expected_body(function, function.parameters),
        expected_headers(function, function.parameters),
    )
    named = {parameter.name: value_for(parameter) for parameter in function.parameters}
    assert build(function, bind(function, RawArguments(named=named))) == expected
    in_order = RawArguments(positional=tuple(named.values()))
    assert build(function, bind(function, in_order)) == expected


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_required_arguments_are_enough(name: str) -> None:
    function = FUNCTIONS[name]
    required = [parameter for parameter in function.parameters if parameter.required]
    named = {each.name: "/x" if function.is_raw else value_for(each) for each in required}
    request = build(function, bind(function, RawArguments(named=named)))
    assert request.path == ("/api/v2/x" if function.is_raw else expected_path(function))
    assert list(request.query) == expected_query(function, required)
    assert request.body == expected_body(function, required)
    assert request.headers == expected_headers(function, required)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_prompt_shows_a_secret_parameter(name: str) -> None:
    function = FUNCTIONS[name]
    named = {
        each.name: {"X-Key": "hush-3f9c"} if each.type == "object" else "hush-3f9c"
        for each in function.parameters
        if each.secret
    }
    required = {each.name: value_for(each) for each in function.parameters if each.required}
    if function.is_raw:
        required["path"] = "/x"
    arguments = bind(function, RawArguments(named=required | named))
    assert "hush-3f9c" not in question(function, arguments, "default", name)


def test_there_are_as_many_functions_as_documented() -> None:
    versions = [function.version for function in FUNCTIONS.values()]
    assert {version: versions.count(version) for version in versions} == {
        "v2": 124,
        "v3": 68,
        "v1.1": 3,
    }
