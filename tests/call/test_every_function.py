"""Every function of the manifest, with awkward values, sends exactly the documented request.

The expectation is worked out here a second time, from the template alone, with the standard
library's `quote`; only what the manifest says is shared with the code under test.
"""

import re
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
        return list(parameter.enum) or (["1", 2] if parameter.items == "integer" else [AWKWARD, 7])
    if parameter.enum:
        return parameter.enum[-1]
    return {"integer": "42", "boolean": True, "string": AWKWARD}[parameter.type]


def sent_for(parameter: Parameter) -> Any:
    """Return the same value as CircleCI has to get it."""
    value = value_for(parameter)
    if isinstance(value, list):
        return [int(each) if parameter.items == "integer" else str(each) for each in value]
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

    return "/api/v2" + re.sub(r"\{([^}]+)\}", fill, function.path)


def expected_query(function: Function) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for parameter in function.parameters:
        if parameter.place == "query":
            sent = sent_for(parameter)
            texts = sent if isinstance(sent, list) else [sent]
            pairs += [(parameter.wire, {True: "true"}.get(text, str(text))) for text in texts]
    return pairs


def expected_body(function: Function) -> Any:
    fields = [parameter for parameter in function.parameters if parameter.place == "body"]
    body: dict[str, Any] = {each.wire: sent_for(each) for each in fields if "." not in each.wire}
    for parameter in fields:
        outer, dot, inner = parameter.wire.partition(".")
        if dot:
            body[outer] = body.get(outer, {}) | {inner: sent_for(parameter)}
    return body if body or function.has_body else None


@pytest.mark.parametrize("name", NOT_RAW)
def test_a_call_with_every_parameter_is_the_documented_request(name: str) -> None:
    function = FUNCTIONS[name]
    expected = ApiRequest(
        function.method,
        expected_path(function),
        tuple(expected_query(function)),
        expected_body(function),
    )
    named = {parameter.name: value_for(parameter) for parameter in function.parameters}
    assert build(function, bind(function, RawArguments(named=named))) == expected
    in_order = RawArguments(positional=tuple(named.values()))
    assert build(function, bind(function, in_order)) == expected


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_given_may_be_what_is_required_and_no_more(name: str) -> None:
    function = FUNCTIONS[name]
    required = [parameter for parameter in function.parameters if parameter.required]
    named = {each.name: "/x" if function.is_raw else value_for(each) for each in required}
    request = build(function, bind(function, RawArguments(named=named)))
    assert request.path == ("/api/v2/x" if function.is_raw else expected_path(function))
    assert {key for key, _ in request.query} == {
        each.wire for each in required if each.place == "query"
    }
    body = {each.wire: sent_for(each) for each in required if each.place == "body"}
    assert request.body == (body if function.has_body else None)


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
    assert "hush-3f9c" not in question(function, arguments, name)


def test_there_are_as_many_functions_as_documented() -> None:
    assert len(FUNCTIONS) == 124
