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

_TEXTS: Final[Mapping[str, str]] = {
    "actor.id": EXAMPLE_USER.id,
    "actor.name": EXAMPLE_USER.name,
    "branch": "main",
    "classname": "tests.test_account",
    "default_branch": "main",
    "file": "tests/test_account.py",
    "fingerprint": CHECKOUT_KEY_FINGERPRINT,
    "job_name": "test",
    "login": EXAMPLE_USER.login,
    "message": "Accepted.",
    "name": "example",
    "org_id": EXAMPLE_ORG.id,
    "organization_id": EXAMPLE_ORG.id,
    "pipeline_id": "pipeline-uuid",
    "project": "example-repo",
    "project_id": "project-uuid",
    "project_name": "example-repo",
    "project_slug": "gh/example-org/example-repo",
    "public_key": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ example",
    "scope.id": "project-uuid",
    "scope.type": "project",
    "signing_secret": "xxxxcret",
    "slug": EXAMPLE_ORG.slug,
    "source": "pytest",
    "state": "completed",
    "status": "PASS",
    "test_name": "test_login",
    "ttl": "1h",
    "workflow": "build-and-test",
    "workflow_id": "workflow-uuid",
    "workflow_name": "build-and-test",
}
"""What the string under a key is (or under `parent.key`), where the request does not say it."""

_NUMBERS: Final[Mapping[str, int]] = {
    "days_of_month": 1,
    "hours_of_day": 4,
    "job_number": 102,
    "per_hour": 1,
    "pipeline_number": 42,
}

_COUNTING: Final = ("_number", "_count", "_ms")
"""Keys of whole numbers, although some are documented as any number."""

_EMPTY: Final = frozenset({"errors", "hard_failures", "soft_failures"})
"""Lists of what went wrong: nothing did."""


@dataclass(frozen=True, slots=True)
class ShapeSource:
    """Where the values come from.

    `texts` maps a key (with `_`) to its text everywhere in the answer; `first_id` is the `id` of
    the answer itself, or of the first item where the answer is a list.
    """

    random: random.Random
    texts: Mapping[str, str]
    first_id: str | None = None

    def value(self, shape: Shape, body: JsonValue = None) -> JsonValue:
        """Return a JSON value of `shape`. The parts of `body` that fit it are kept.

        A shape of kind "any" gives `body` with an id and a name; "nothing" gives None.
        """
        if shape.kind == "nothing":
            return None
        if shape.kind == "any":
            fields: dict[str, JsonValue] = {"id": self._string(Shape("scalar"), "", "id")}
            return {**fields, "name": "example", **(body if isinstance(body, dict) else {})}
        return self._value(shape, "", "", body)

    def _value(self, shape: Shape, parent: str, key: str, body: JsonValue) -> JsonValue:
        """Return the value under `key` of the object under `parent` (both "" at the top)."""
        if shape.kind == "object":
            return self._object(shape, key, body)
        if shape.kind == "array":
            return self._array(shape, key, body)
        if shape.kind == "map":
            return body if isinstance(body, dict) else self._map(shape)
        if shape.kind == "scalar":
            return body if _fits(shape, body) else self._scalar(shape, parent, key)
        return self._string(Shape("scalar"), parent, key) if body is None else body

    def _object(self, shape: Shape, key: str, body: JsonValue) -> JsonValue:
        fields = body if isinstance(body, dict) else {}
        return {
            each.name: self._value(each.shape, key, _plain(each.name), fields.get(each.name))
            for each in shape.fields
            if not (each.optional and each.name.startswith("error"))
        }

    def _array(self, shape: Shape, key: str, body: JsonValue) -> JsonValue:
        item = shape.item or Shape("any")
        if key in _EMPTY:
            return []
        if isinstance(body, list) and all(_fits(item, each) for each in body):
            return body
        if item.enum:
            return list(item.enum[:2])
        if item.kind == "scalar":
            return [self._scalar(item, "", _singular(key))]
        # Only the first item carries the id that the documentation knows; the others are new.
        later = ShapeSource(self.random, self.texts)
        sources = [self, *[later] * self.random.randint(1, 2)]
        return [each._value(item, "", _singular(key), None) for each in sources]

    def _map(self, shape: Shape) -> JsonValue:
        return {"example": self._value(shape.item or Shape("any"), "", "example", None)}

    def _scalar(self, shape: Shape, parent: str, key: str) -> JsonValue:
        if key == "next_page_token":
            return None
        if shape.type == "boolean":
            return self.random.random() < 0.5
        if shape.type in ("integer", "number") and key in _NUMBERS:
            return _NUMBERS[key]
        if shape.type == "integer" or key.endswith(_COUNTING):
            return self.random.randint(1, 500)
        if shape.type == "number":
            return round(self.random.uniform(0, 1 if key.endswith("_rate") else 100), 3)
        return self._string(shape, parent, key)

    def _string(self, shape: Shape, parent: str, key: str) -> str:
        if key == "id" and parent in ("", "item") and self.first_id is not None:
            return self.first_id
        text = _TEXTS.get(f"{parent}.{key}", self.texts.get(key, _TEXTS.get(key)))
        if shape.enum:
            likely = [each for each in (text, "success") if each in shape.enum]
            return likely[0] if likely else self.random.choice(shape.enum)
        return self._any_string(shape, key) if text is None else text

    def _any_string(self, shape: Shape, key: str) -> str:
        if key == "id" or key.endswith("_id") or shape.format == "uuid":
            return random_uuid(self.random)
        if shape.format == "date-time" or key.endswith("_at") or key in ("start", "end"):
            return timestamp(-_HOUR_S * self.random.randint(1, 24 * 30))
        if "url" in key or key == "endpoint":
            return f"https://example.com/{key.replace('_', '-')}"
        return f"example-{key.replace('_', '-')}" if key else "example"


def _fits(shape: Shape, value: JsonValue) -> bool:
    if shape.kind != "scalar" or value is None:
        return False
    if shape.type in ("integer", "number"):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole or (shape.type == "number" and isinstance(value, float))
    if shape.type == "boolean":
        return isinstance(value, bool)
    if not isinstance(value, str) or (shape.enum and value not in shape.enum):
        return False
    return shape.format != "date-time" or _is_time(value)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _plain(key: str) -> str:
    return key.replace("-", "_")


def _singular(key: str) -> str:
    name = key.removeprefix("all_")
    return name.removesuffix("es" if name.endswith("branches") else "s")
