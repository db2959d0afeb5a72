"""One understood request: the operation, its arguments as they arrived, and the world."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kosmo_circleci.catalog.model import Function
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.pages import page_of
from kosmo_circleci.simulator.world import Project, World

JsonObject: TypeAlias = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler answers.

    `path` holds the decoded path parameters under the names of the manifest (`project_slug`);
    `query` and `body` use wire names. A query key that was repeated keeps all its values.
    """

    world: World
    function: Function
    target: str
    path: Mapping[str, str]
    query: Mapping[str, tuple[str, ...]]
    body: Mapping[str, JsonValue]

    @property
    def project(self) -> Project:
        """The project that the path names; a 404 if there is none."""
        return self.world.project(self.path["project_slug"])

    def asked(self, key: str) -> str | None:
        """Return the (last) value of a query key, or None."""
        return self.query[key][-1] if key in self.query else None

    def given(self, key: str) -> JsonValue:
        """Return a field of the body, or None."""
        return self.body.get(key)

    def text(self, key: str) -> str:
        """Return a string field of the body; the checks of the route have seen it."""
        return str(self.body[key])

    def page(self, rows: Sequence[JsonValue]) -> JsonObject:
        """Return the page of `rows` that was asked for, as `{items, next_page_token}`."""
        return page_of(rows, self.target, self.query)


Handler: TypeAlias = Callable[[Call], JsonValue]
