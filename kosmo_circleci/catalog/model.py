"""What a function is: names as in `manifest.yaml`, all frozen."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["read", "write"]
Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Place: TypeAlias = Literal["path", "query", "body"]
ParameterType: TypeAlias = Literal["string", "integer", "boolean", "object", "array"]
PathEncoding: TypeAlias = Literal["segment", "slug", "raw"]
ShapeKind: TypeAlias = Literal["object", "map", "array", "scalar", "any", "nothing"]


class Parameter(NamedTuple):
    """One named argument of a function, and where it goes in the request.

    `wire` is the name CircleCI knows: a placeholder of the path template (either `job-number`, or a
    run of placeholders such as `{provider}/{organization}/{project}`), a query key, or the dotted
    place of a body field (`timetable.per-hour`). `*` is the whole query or body (raw functions).
    `part_of` names the object parameter a convenience fills a field of. `segments` lists how many
    slash-separated segments a slug may have. `items` and `enum` describe the elements of an array.
    """

    name: str
    wire: str
    place: Place
    type: ParameterType
    description: str
    required: bool = False
    enum: tuple[str, ...] = ()
    items: Literal["string", "integer"] = "string"
    repeated: bool = False
    secret: bool = False
    format: str | None = None
    default: str | bool | None = None
    part_of: str | None = None
    encoding: PathEncoding = "segment"
    segments: tuple[int, ...] = ()

    @property
    def placeholder(self) -> str:
        """The text of the path template this parameter replaces."""
        return self.wire if self.wire.startswith("{") else "{" + self.wire + "}"

    @property
    def body_path(self) -> tuple[str, ...]:
        """The keys from the body's root to this field."""
        return tuple(self.wire.split("."))


UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ms": "milliseconds",
        "s": "seconds",
        "bytes": "bytes",
        "credits": "credits",
        "trend": "ratio to the reporting window before",
    }
)
"""Unit of a number, as the manifest and the pages write it -> its name in full."""


class Shape(NamedTuple):
    """The documented form of a JSON value.

    `kind` "object" uses `fields`, "map" and "array" use `item`, "scalar" uses `type` (string,
    integer, number, boolean), `format` (uuid, date-time), `enum` and `unit` (a key of `UNITS`);
    "nothing" is an empty answer.
    """

    kind: ShapeKind
    type: str = ""
    format: str | None = None
    enum: tuple[str, ...] = ()
    nullable: bool = False
    fields: tuple["Field", ...] = ()
    item: "Shape | None" = None
    unit: str = ""


class Field(NamedTuple):
    """A key of an object shape."""

    name: str
    shape: Shape
    optional: bool = False


class Rows(NamedTuple):
    """How a fallback's list of rows becomes the answer `{items, next_page_token = null}`.

    A row without `slug` gets one, the values of `slug_from` joined by slashes. Rows are kept when
    the parameter `keep_where` is absent, or names the first two segments of the row's slug.
    """

    slug_from: tuple[str, ...]
    keep_where: str


class Fallback(NamedTuple):
    """The request that answers when the first one comes back with `on_status`.

    `path` is relative to the API version like any path of the manifest; one that starts with
    `/api/` names its own version.
    """

    on_status: int
    method: Method
    path: str
    rows: Rows


class Function(NamedTuple):
    """One function of `app.integrations.circleci`.

    `path` is the documented template below `/api/v2`, placeholders under their wire names.
    `operation` is the name of the API operation (several functions may share one). `has_body` says
    that a body is always sent, `{}` if no field was given. `fails` maps a status to what it means
    here. `keywords` are further words a question may use; only the search reads them.
    `example` is Lua that runs unchanged against the simulator.
    """

    name: str
    kind: Kind
    method: Method
    path: str
    operation: str
    group: str
    summary: str
    parameters: tuple[Parameter, ...]
    example: str
    related: tuple[str, ...]
    note: str = ""
    keywords: str = ""
    paginated: bool = False
    has_body: bool = False
    status: int = 200
    fails: Mapping[int, str] = MappingProxyType({})
    fallback: Fallback | None = None

    @property
    def tool_name(self) -> str:
        """The name in the call log and the policy: `circleci_get_pipeline`."""
        return f"circleci_{self.name}"

    @property
    def is_raw(self) -> bool:
        """True for the five `api_*` functions, whose path comes from the caller."""
        return self.operation == "raw"

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter of that name, or None."""
        return next((each for each in self.parameters if each.name == name), None)
