"""What a function is: names as in `manifest.yaml`, all frozen."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["read", "write"]
Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Version: TypeAlias = Literal["v2", "v3", "v1.1"]
Place: TypeAlias = Literal["path", "query", "body", "header"]
AnswerForm: TypeAlias = Literal["json", "text", "jsonl"]
ParameterType: TypeAlias = Literal["string", "integer", "boolean", "object", "array"]
PathEncoding: TypeAlias = Literal["segment", "slug", "raw"]
ShapeKind: TypeAlias = Literal["object", "map", "array", "scalar", "any", "nothing"]


class Parameter(NamedTuple):
    """One named argument of a function, and where it goes in the request.

    `wire` is the name CircleCI knows: a placeholder of the path template (either `job-number`, or a
    run of placeholders such as `{provider}/{organization}/{project}`), a query key, a header, or
    the dotted place of a body field (`timetable.per-hour`, `data.attributes.name`). `*` is the
    whole query or body (raw functions). `part_of` names the object parameter a convenience fills a
    field of. `segments` lists how many slash-separated segments a slug may have. `items` and `enum`
    describe the elements of an array.

    `template` is the text of a header, with `{value}` for the argument. An argument that is one of
    `omit` is not sent; where there is no argument, `absent` is sent unless it is None. `maximum`
    and `unit` (a key of `UNITS`) are for documents and schemas: the server judges.
    `first_page_only` says that the server refuses the parameter beside a page token.
    """

    name: str
    wire: str
    place: Place
    type: ParameterType
    description: str
    required: bool = False
    enum: tuple[str, ...] = ()
    items: Literal["string", "integer", "object"] = "string"
    repeated: bool = False
    secret: bool = False
    format: str | None = None
    default: str | bool | int | None = None
    part_of: str | None = None
    encoding: PathEncoding = "segment"
    segments: tuple[int, ...] = ()
    template: str = ""
    omit: tuple[bool, ...] = ()
    absent: str | bool | int | None = None
    maximum: int | None = None
    unit: str = ""
    first_page_only: bool = False

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


class Fixed(NamedTuple):
    """A query pair or a header that every call of a function sends."""

    place: Literal["query", "header"]
    wire: str
    value: str


class Paging(NamedTuple):
    """Where a page holds its items and the cursor of the next page: keys from the answer's root.

    A missing, null or empty cursor ends the list. `repeats` says that the server ignores the cursor
    and answers the same page again, with the same cursor.
    """

    items: tuple[str, ...]
    cursor: tuple[str, ...]
    repeats: bool = False


class SecretAnswer(NamedTuple):
    """A field of an answer that is a credential.

    `path` names the keys from the root, `[]` for every item of a list: `("download_urls", "[]")`.
    `in_result` says that the field is what the call is made for, so a run's result shows it.
    """

    path: tuple[str, ...]
    in_result: bool = False


class Function(NamedTuple):
    """One function of `app.integrations.circleci`.

    `path` is the documented template below `/api/VERSION`, placeholders under their wire names.
    `operation` is the name of the API operation (several functions may share one). `has_body` says
    that a body is always sent, `{}` if no field has a value. `fails` maps a status to what it means
    here. `keywords` are further words a question may use; only the search reads them.
    `example` is Lua that runs unchanged against the simulator.

    `answer` says how a body is read: as JSON (or as the text it declares to be), always as text, or
    as JSON Lines. `empty_on` lists the statuses by which the server says that there is nothing.
    `public` routes work without a token. `exactly_one_of` and `at_most_one_of` are sets of
    parameters the server checks; here they are documentation.
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
    paging: Paging | None = None
    has_body: bool = False
    status: int = 200
    fails: Mapping[int, str] = MappingProxyType({})
    fallback: Fallback | None = None
    version: Version = "v2"
    answer: AnswerForm = "json"
    empty_on: tuple[int, ...] = ()
    fixed: tuple[Fixed, ...] = ()
    public: bool = False
    secret_answers: tuple[SecretAnswer, ...] = ()
    exactly_one_of: tuple[str, ...] = ()
    at_most_one_of: tuple[str, ...] = ()

    @property
    def api_path(self) -> str:
        """The whole path template on the host: `/api/v3/jobs/{id}`."""
        return f"/api/{self.version}{self.path}"

    @property
    def documented_path(self) -> str:
        """The path template as people write it: below `/api/v2` for API v2, else the whole one."""
        return self.path if self.version == "v2" else self.api_path

    @property
    def paginated(self) -> bool:
        """True for lists that come in pages."""
        return self.paging is not None

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
