"""A value of a documented shape, for the operations whose resource keeps no state yet.

The value is drawn from a seeded source, reads plausibly by the names of its keys, and repeats what
the request said: the ids of its path wherever they fit, the fields of its body at their place.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kosmo_circleci.catalog.model import Shape
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.seeded import CHECKOUT_KEY_FINGERPRINT, EXAMPLE_ORG, EXAMPLE_USER
from kosmo_circleci.simulator.world import random_uuid

_HOUR_S: Final = 3600

KNOWN: Final[Mapping[str, str]] = {
    "branch": "main",
    "default_branch": "main",
    "email": "user@example.com",
    "fingerprint": CHECKOUT_KEY_FINGERPRINT,
    "job_name": "test",
    "login": EXAMPLE_USER.login,
    "message": "Accepted.",
    "org_id": EXAMPLE_ORG.id,
    "organization_id": EXAMPLE_ORG.id,
    "pipeline_id": "pipeline-uuid",
    "project_id": "project-uuid",
    "project_name": "example-repo",
    "project_slug": "gh/example-org/example-repo",
    "public_key": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ example",
    "signing_secret": "xxxxcret",
    "slug": EXAMPLE_ORG.slug,
    "state": "completed",
    "status": "PASS",
    "ttl": "1h",
    "workflow_id": "workflow-uuid",
    "workflow_name": "build-and-test",
}
"""What a string under that key is, when the request does not say otherwise. Keys with `_`."""

_EMPTY: Final = frozenset({"errors", "hard_failures", "soft_failures"})
"""Lists of what went wrong: nothing did."""

_KNOWN_INTEGERS: Final[Mapping[str, int]] = {"job_number": 102, "pipeline_number": 42}


@dataclass(frozen=True, slots=True)
class ShapeSource:
    """Where the values come from.

    `said` maps a key (with `_`) to the text it has everywhere in the answer; `first_id` is the `id`
    of the answer itself, or of the first item where the answer is a list.
    """

    random: random.Random
    said: Mapping[str, str]
    first_id: str | None = None

    def value(self, shape: Shape, given: JsonValue = None) -> JsonValue:
        """Return a JSON value of `shape`. The parts of `given` that fit it are kept.

        A shape of kind "any" gives what was given, or an object with an id and a name; "nothing"
        gives None.
        """
        if shape.kind == "nothing":
            return None
        if shape.kind == "any":
            named: dict[str, JsonValue] = {
                "id": self._string(Shape("scalar"), "id"),
                "name": "example",
            }
            return {**named, **given} if isinstance(given, dict) else named
        return self._value(shape, "", given)

    def _value(self, shape: Shape, key: str, given: JsonValue) -> JsonValue:
        if shape.kind == "object":
            return self._object(shape, given)
        if shape.kind == "array":
            return self._array(shape, key, given)
        if shape.kind == "map":
            return given if isinstance(given, dict) else self._map(shape)
        if shape.kind == "scalar":
            return given if _fits(shape, given) else self._scalar(shape, key)
        return self._string(Shape("scalar"), key) if given is None else given

    def _object(self, shape: Shape, given: JsonValue) -> JsonValue:
        fields = given if isinstance(given, dict) else {}
        return {
            each.name: self._value(each.shape, _plain(each.name), fields.get(each.name))
            for each in shape.fields
            if not (each.optional and each.name.startswith("error"))
        }

    def _array(self, shape: Shape, key: str, given: JsonValue) -> JsonValue:
        if key in _EMPTY:
            return []
        item = shape.item or Shape("any")
        if isinstance(given, list) and all(_fits(item, each) for each in given):
            return given
        if item.kind == "scalar" and item.enum:
            return list(item.enum[:2])
        first = self._value(item, _singular(key), None)
        # Only the first item carries the id that the documentation knows; the others are new.
        later = ShapeSource(self.random, self.said)
        more = self.random.randint(1, 2)
        return [first, *(later._value(item, _singular(key), None) for _ in range(more))]

    def _map(self, shape: Shape) -> JsonValue:
        return {"example": self._value(shape.item or Shape("any"), "example", None)}

    def _scalar(self, shape: Shape, key: str) -> JsonValue:
        if key == "next_page_token":
            return None
        if shape.type == "boolean":
            return self.random.random() < 0.5
        if shape.type == "integer":
            return _KNOWN_INTEGERS.get(key, self.random.randint(1, 500))
        if shape.type == "number":
            return self._number(key)
        return self._string(shape, key)

    def _number(self, key: str) -> JsonValue:
        if key in _KNOWN_INTEGERS:
            return _KNOWN_INTEGERS[key]
        return round(self.random.uniform(0, 1 if key.endswith("_rate") else 100), 3)

    def _string(self, shape: Shape, key: str) -> str:
        text = self.said.get(key, KNOWN.get(key))
        if shape.enum:
            likely = [each for each in (text, "success") if each in shape.enum]
            return likely[0] if likely else self.random.choice(shape.enum)
        if key == "id" and self.first_id is not None:
            return self.first_id
        if text is not None:
            return text
        if key == "id" or key.endswith("_id") or shape.format == "uuid":
            return random_uuid(self.random)
        if shape.format == "date-time" or key.endswith("_at") or key in ("start", "end"):
            return timestamp(-_HOUR_S * self.random.randint(1, 24 * 30))
        if "url" in key or key == "endpoint":
            return f"https://example.com/{key.replace('_', '-')}"
        return f"example-{key.replace('_', '-')}" if key else "example"


def _fits(shape: Shape, given: JsonValue) -> bool:
    if shape.kind != "scalar" or given is None:
        return False
    if shape.type in ("integer", "number"):
        whole = isinstance(given, int) and not isinstance(given, bool)
        return whole or (shape.type == "number" and isinstance(given, float))
    if shape.type == "boolean":
        return isinstance(given, bool)
    if not isinstance(given, str) or (shape.enum and given not in shape.enum):
        return False
    return shape.format != "date-time" or _is_time(given)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _plain(key: str) -> str:
    return key.replace("-", "_")


def _singular(key: str) -> str:
    return key.removesuffix("es" if key.endswith("branches") else "s")
