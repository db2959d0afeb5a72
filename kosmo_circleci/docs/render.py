"""Function -> Markdown."""

from collections.abc import Iterator
from typing import Final

from kosmo_circleci.call.types import describe
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import UNITS, Function, Parameter, Shape
from kosmo_circleci.docs.helpers import Helper

PAGE_BYTES: Final = 4096


def function_page(function: Function, catalog: Catalog) -> str:
    """Return the page of one function, at most 4 KB: the answer's form gives way first."""
    shape = catalog.result_shape(function)
    for depth in (10, 6, 4, 3, 2, 1):
        text = _page(function, _result(function, shape, depth))
        if len(text.encode("utf-8")) <= PAGE_BYTES:
            break
    return text


def index_line(function: Function) -> str:
    """Return the function's line in the index: signature, version, read or write, one sentence."""
    version = "" if function.version == "v2" else f" {function.version}"
    return f"- `{signature(function)}`{version} {function.kind}: {function.summary}"


def line(function: Function) -> str:
    """Return one line: `circleci.get_pipeline (read): Get a pipeline by its id.`"""
    return f"circleci.{function.name} ({function.kind}): {function.summary}"


def helper_line(helper: Helper) -> str:
    """Return one line: `flow.map (helper): Call …`; of a guide `json (guide): …`."""
    kind = "guide" if helper.is_guide else "helper"
    sentence = helper.sentence.removeprefix(f"{helper.name}: ")
    return f"{helper.name} ({kind}): {sentence}"


def signature(function: Function) -> str:
    """Return name and parameters, optional ones with `?`."""
    names = [each.name + ("" if each.required else "?") for each in function.parameters]
    return f"{function.name}({', '.join(names)})"


def _page(function: Function, result: str) -> str:
    note = f"\n\n{function.note}" if function.note else ""
    related = ", ".join(f"`circleci.{name}`" for name in function.related)
    return f"""# circleci.{function.name}

{function.summary}{note}

- Lua path: `app.integrations.circleci.{function.name}`
- Full tool name: `circleci.{function.tool_name}`
- Operation: {function.kind.capitalize()}
- HTTP: `{function.method} {function.documented_path}`{_version(function)}

## Parameters

{_parameters(function)}

## Returns

{result}

## Example

```lua
{function.example.strip()}
```

## Fails with

{_failures(function)}

Related: {related}
"""


def _version(function: Function) -> str:
    lines = {
        "v2": "",
        "v3": "\n- API: v3, which CircleCI Server does not have",
        "v1.1": "\n- API: v1.1, on CircleCI Server too",
    }
    public = "\n- Works without a token" if function.public else ""
    return lines[function.version] + public


def _parameters(function: Function) -> str:
    rows = ["| Parameter | Type | Required | Description |", "| --- | --- | --- | --- |"]
    rows += [_row(parameter, function) for parameter in function.parameters]
    extra = [] if function.is_raw else [_pass_through(function)]
    if not function.parameters:
        rows.append("| none | | | |")
    return "\n\n".join(["\n".join(rows), *_rules(function), *extra])


def _rules(function: Function) -> Iterator[str]:
    for rule, names in (
        ("Exactly one of", function.exactly_one_of),
        ("At most one of", function.at_most_one_of),
    ):
        if names:
            yield f"{rule}: {', '.join(names)}."


def _row(parameter: Parameter, function: Function) -> str:
    required = "yes" if parameter.required else "no"
    description = _description(parameter, function)
    return f"| {parameter.name} | {describe(parameter)} | {required} | {description} |"


def _description(parameter: Parameter, function: Function) -> str:
    parts = [parameter.description]
    flat = [each.name for each in function.parameters if each.part_of == parameter.name]
    if flat:
        parts.append(f"Or give {', '.join(flat)} in its place.")
    if parameter.enum:
        values = ", ".join(f"`{value}`" for value in parameter.enum)
        parts.append(f"One of {values}.")
    if parameter.maximum is not None:
        parts.append(f"At most {parameter.maximum}.")
    if parameter.unit:
        parts.append(f"In {UNITS[parameter.unit]}.")
    if parameter.default is not None:
        parts.append(f"Default {str(parameter.default).lower()}.")
    if parameter.part_of:
        parts.append(f"Sets `{parameter.wire}`.")
    if parameter.secret:
        parts.append("Secret: masked in all output.")
    return " ".join(parts).replace("|", "\\|")


def _pass_through(function: Function) -> str:
    names = (
        "`query` and `payload` pass"
        if function.method in ("POST", "PUT", "PATCH")
        else "`query` passes"
    )
    return f"{names} further documented fields through, by their wire names."


def _result(function: Function, shape: Shape, depth: int) -> str:
    if shape.kind == "nothing":
        return "An empty table."
    if shape.kind == "any":
        return "What the API answers, decoded; its form is not documented."
    text = f"```\n{notation(shape, depth)}\n```"
    if function.answer == "text":
        text = "The text, as a string."
    if function.paging is not None:
        cursor = ".".join(function.paging.cursor)
        text += f"\n\nThe next page: `page_token = answer.{cursor}`; nil or empty on the last one."
    if function.fallback is not None:
        text += (
            f"\n\nOn {function.fallback.on_status}, `GET {function.fallback.path}` answers instead."
        )
    return text


def notation(shape: Shape, depth: int, indent: int = 0) -> str:
    """Return a shape in the notation of the documentation; deeper than `depth` it is clipped."""
    null = " or null" if shape.nullable else ""
    if shape.kind == "object":
        return _object(shape, depth, indent) + null
    if shape.kind == "array" and shape.item is not None:
        return f"[{notation(shape.item, depth, indent)}]{null}"
    if shape.kind == "map" and shape.item is not None:
        return f"map of {notation(shape.item, depth, indent)}{null}"
    if shape.enum:
        return " | ".join(shape.enum) + null
    unit = f" ({shape.unit})" if shape.unit else ""
    return (shape.format or shape.type or "any") + unit + null


def _object(shape: Shape, depth: int, indent: int) -> str:
    if depth == 0:
        return "{…}"
    pad = "  " * (indent + 1)
    flat = ", ".join(
        f"{each.name}{'?' if each.optional else ''}: {notation(each.shape, depth - 1, indent + 1)}"
        for each in shape.fields
    )
    if len(flat) < 80 and "\n" not in flat:
        return "{" + flat + "}"
    lines = [
        f"{pad}{each.name}{'?' if each.optional else ''}: "
        f"{notation(each.shape, depth - 1, indent + 1)}"
        for each in shape.fields
    ]
    return "{\n" + "\n".join(lines) + "\n" + "  " * indent + "}"


def _failures(function: Function) -> str:
    lines = [
        "- `validation`: a parameter is missing, unknown or of the wrong type; nothing is sent"
    ]
    if function.kind == "write":
        lines.append("- `permission`: writes are not allowed (`--force`, or the configuration)")
    statuses = {401: "the token is missing or not valid"}
    if any(each.place == "path" for each in function.parameters):
        statuses[404] = "no such resource, or the token has no access to it"
    if function.has_body:
        statuses[400] = "CircleCI refuses the body"
    statuses |= dict(function.fails) | {429: "too many requests; retried after a wait"}
    lines += [f"- `api` {status}: {statuses[status]}" for status in sorted(statuses)]
    return "\n".join([*lines, "- `network`: no usable answer"])
