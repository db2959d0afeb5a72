"""manifest.json -> Catalog.

The program loads the JSON form (about a millisecond) and builds a `Function` on its first use. That
the entries fit together is `validate`'s business, which the generator runs before it writes.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from kosmo_circleci.catalog import shapes
from kosmo_circleci.catalog.model import (
    Fallback,
    Fixed,
    Function,
    Paging,
    Parameter,
    Rows,
    SecretAnswer,
    Shape,
)

_MANIFEST: Final = Path(__file__).parent.parent / "manifest.json"


class Catalog:
    """Every function of the manifest, in its order."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self._raw = {entry["name"]: entry for entry in raw["functions"]}
        self._entries: list[dict[str, Any]] = raw["functions"]
        self.shared_shapes: dict[str, Any] = raw["shapes"]
        self._paging: dict[str, Any] = raw["paging"]
        self.credential_hosts: tuple[str, ...] = tuple(raw["credential_hosts"])
        self._functions: dict[str, Function] = {}
        self.names: tuple[str, ...] = tuple(self._raw)

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def get(self, name: str) -> Function | None:
        """Return the function of exactly that name, or None."""
        if name not in self._functions:
            entry = self._raw.get(name)
            if entry is None:
                return None
            self._functions[name] = _function(entry, self._paging)
        return self._functions[name]

    def functions(self) -> Iterator[Function]:
        """Yield every function, in the manifest's order."""
        for name in self.names:
            yield self[name]

    def __getitem__(self, name: str) -> Function:
        function = self.get(name)
        if function is None:
            raise KeyError(name)
        return function

    def result_shape(self, function: Function) -> Shape:
        """Return the documented form of the function's answer."""
        return shapes.parse(self._raw[function.name]["result"], self.shared_shapes)

    def notation(self, function: Function) -> Any:
        """Return the answer's form in the manifest's notation; shared shapes are names in it."""
        return self._raw[function.name]["result"]

    def entries(self) -> list[dict[str, Any]]:
        """Return the raw entries, duplicates included: what validation reads."""
        return self._entries


@cache
def load_catalog() -> Catalog:
    """Return the catalog of the packaged manifest, read once per process."""
    return Catalog(json.loads(_MANIFEST.read_bytes()))


def _function(entry: dict[str, Any], paging: dict[str, Any]) -> Function:
    fallback = entry.get("fallback")
    version = entry.get("version", "v2")
    return Function(
        name=entry["name"],
        kind=entry["kind"],
        method=entry["method"],
        path=entry["path"],
        operation=entry["operation"],
        group=entry["group"],
        summary=entry["summary"],
        parameters=tuple(map(_parameter, entry["params"])),
        example=entry["example"],
        related=tuple(entry["related"]),
        note=entry.get("note", ""),
        keywords=entry.get("keywords", ""),
        paging=_paging(entry, paging[version]) if "paginated" in entry else None,
        has_body=entry.get("has_body", False),
        status=entry.get("status", 200),
        fails={int(status): text for status, text in entry.get("fails", {}).items()},
        fallback=None if fallback is None else _fallback(fallback),
        version=version,
        answer=entry.get("answer", "json"),
        empty_on=tuple(entry.get("empty_on", ())),
        fixed=tuple(
            Fixed(each["in"], each["wire"], each["value"]) for each in entry.get("fixed", ())
        ),
        public=entry.get("public", False),
        secret_answers=tuple(map(_secret_answer, entry.get("secret_answers", ()))),
        exactly_one_of=tuple(entry.get("exactly_one_of", ())),
        at_most_one_of=tuple(entry.get("at_most_one_of", ())),
    )


def _paging(entry: dict[str, Any], style: dict[str, Any]) -> Paging:
    return Paging(tuple(style["items"]), tuple(style["cursor"]), entry["paginated"] == "repeats")


def _secret_answer(entry: dict[str, Any]) -> SecretAnswer:
    return SecretAnswer(tuple(entry["path"]), entry.get("in_result", False))


def _fallback(entry: dict[str, Any]) -> Fallback:
    rows = entry["rows"]
    return Fallback(
        on_status=entry["on_status"],
        method=entry["method"],
        path=entry["path"],
        rows=Rows(slug_from=tuple(rows["slug_from"]), keep_where=rows["keep_where"]),
    )


def _parameter(entry: dict[str, Any]) -> Parameter:
    return Parameter(
        name=entry["name"],
        wire=entry["wire"],
        place=entry["in"],
        type=entry["type"],
        description=entry["description"],
        required=entry.get("required", False),
        enum=tuple(entry.get("enum", ())),
        items=entry.get("items", "string"),
        repeated=entry.get("repeated", False),
        secret=entry.get("secret", False),
        format=entry.get("format"),
        default=entry.get("default"),
        part_of=entry.get("part_of"),
        encoding=entry.get("encode", "segment"),
        segments=tuple(entry.get("segments", ())),
        template=entry.get("template", ""),
        omit=tuple(entry.get("omit", ())),
        absent=entry.get("absent"),
        maximum=entry.get("maximum"),
        unit=entry.get("unit", ""),
        first_page_only=entry.get("first_page_only", False),
    )
