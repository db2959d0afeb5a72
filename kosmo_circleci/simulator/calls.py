"""One understood request: the operation, its arguments as they arrived, and the world."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias, TypeVar
from urllib.parse import urlsplit

from kosmo_circleci.catalog.model import Function
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import NO_HEADERS, Answer, bad_request, not_found
from kosmo_circleci.simulator.entities import Organization, Project
from kosmo_circleci.simulator.pages import PAGE_SIZE, page_of
from kosmo_circleci.simulator.world import Row, Table, World

JsonObject: TypeAlias = dict[str, JsonValue]

_T = TypeVar("_T")

_MAX_PAGE_SIZE = 100

ORGANIZATION_PARAMETERS: Final = ("org_id", "owner_id", "org_slug_or_id", "org_slug")
"""Path parameters that name an organization."""


class Call(NamedTuple):
    """What a handler answers.

    `path` holds the decoded path parameters under the names of the manifest (`project_slug`);
    `query` and `body` use wire names. A query key that was repeated keeps all its values. The names
    of `headers` are in lower case. `origin` is the address the request was sent to, as
    `https://circleci.com`.
    """

    world: World
    function: Function
    target: str
    path: Mapping[str, str]
    query: Mapping[str, tuple[str, ...]]
    body: Mapping[str, JsonValue]
    headers: Mapping[str, str] = NO_HEADERS
    origin: str = "https://circleci.com"

    @property
    def project(self) -> Project:
        """The project that the path names, by slug or by id; a 404 if there is none."""
        if "project_slug" in self.path:
            return self.world.project(self.path["project_slug"])
        return self.world.project_by_id(self.path["project_id"])

    @property
    def organization(self) -> Organization:
        """The organization that the path names, by id or by slug; a 404 if there is none."""
        name = next(key for key in ORGANIZATION_PARAMETERS if key in self.path)
        return organization_in_path(self.world, name, self.path[name])

    def file_host(self, default: str) -> str:
        """Return the origin of files that are not part of the API.

        It is `default`, CircleCI's, or that of a simulator that is served on this machine.
        """
        host = urlsplit(self.origin).hostname
        return self.origin if host in ("127.0.0.1", "localhost", "::1") else default

    def query_text(self, key: str) -> str | None:
        """Return the (last) value of a query key, or None; an empty value counts as none."""
        return (self.query[key][-1] or None) if key in self.query else None

    def field(self, key: str) -> JsonValue:
        """Return a field of the body, or None."""
        return self.body.get(key)

    def object(self, key: str) -> Mapping[str, JsonValue]:
        """Return a field of the body that is an object, {} if it was not given."""
        value = self.body.get(key)
        return value if isinstance(value, dict) else {}

    def text(self, key: str) -> str:
        """Return a string field of the body; the checks of the route have seen it."""
        return str(self.body[key])

    def page(self, items: Sequence[_T], row: Callable[[_T], JsonValue]) -> JsonObject:
        """Return the page of `items` that the query names, as `{items, next_page_token}`."""
        size = self.query_text("page-size") or self.query_text("limit") or str(PAGE_SIZE)
        if not 1 <= int(size) <= _MAX_PAGE_SIZE:
            key = "page-size" if self.query_text("page-size") else "limit"
            raise bad_request(f"{key}: expected an integer from 1 to {_MAX_PAGE_SIZE}")
        return page_of(items, row, target=self.target, query=self.query, size=int(size))


def organization_in_path(world: World, parameter: str, value: str) -> Organization:
    """Return the organization that a parameter of `ORGANIZATION_PARAMETERS` names, or refuse."""
    by_slug = parameter == "org_slug" or (parameter == "org_slug_or_id" and "/" in value)
    return world.organization_by_slug(value) if by_slug else world.organization_by_id(value)


Handler: TypeAlias = Callable[[Call], "JsonValue | Answer"]


def row_of(table: Table, row_id: str, what: str, **where: str) -> Row:
    """Return the row of that id if its fields are `where`, or refuse with a 404 for `what`."""
    row = table.get(row_id)
    if row is None or any(row[key] != value for key, value in where.items()):
        raise not_found(what)
    return row


def rows_of(table: Table, **where: str) -> list[Row]:
    """Return the rows whose fields are `where`, in the order they were created."""
    return [row for row in table.values() if all(row[k] == v for k, v in where.items())]


def row_fields(row: Row, *, without: Iterable[str] = ()) -> JsonObject:
    """Return a copy of the row for an answer, without its internal fields."""
    hidden = set(without)
    return {key: value for key, value in row.items() if key not in hidden}
