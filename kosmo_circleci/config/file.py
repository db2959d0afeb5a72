"""The configuration file: YAML whose every error names file and line."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

from kosmo_circleci.call.permission import Policy
from kosmo_circleci.config.policy import RULES, parse_rule
from kosmo_circleci.config.urls import origin
from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.script.names import is_lua_name

_MAX_BYTES: Final = 1024 * 1024
_MAX_SEARCH_DEPTH: Final = 10
Path_: TypeAlias = tuple[str, ...]


UNUSABLE_TOKEN: Final = (
    "the token contains a space, a control character or a character outside ASCII; copy it again"
)


_ACCOUNT_KEYS: Final = ("token", "token_env", "url", "keyring", "token_expires", "token_scope")


class FileAccount(NamedTuple):
    """What a file says of one account; None where it says nothing. `origin` is already checked.

    `token_expires` is when a token that `kosmo login` got ends (RFC 3339, UTC), `token_scope` what
    it may do. `fault` is what keeps the account, and no other, from being used: a token or a URL
    that is not one.
    """

    token: str | None = None
    token_env: str | None = None
    origin: str | None = None
    keyring: bool = False
    token_expires: str | None = None
    token_scope: str | None = None
    fault: str | None = None


class FileConfiguration(NamedTuple):
    """What a file says: accounts by name, and the policy if it gives one."""

    accounts: Mapping[str, FileAccount] = MappingProxyType({})
    policy: Policy = Policy()


def read(path: Path, *, reserved_names: Collection[str]) -> FileConfiguration:
    """Return what the YAML file at `path` says; an empty file says nothing.

    Raises `ConfigurationError`, its message starting `PATH:LINE:` where a line is to blame.
    """
    text = text_of(path)
    value, lines = _load(path, text)
    return interpret(value, _Source(str(path), lines), reserved_names)


def from_mapping(
    value: Mapping[str, JsonValue], *, reserved_names: Collection[str]
) -> FileConfiguration:
    """Return what a mapping of the file's structure says (Python's `Bridge(config=…)`)."""
    return interpret(dict(value), _Source("config", {}), reserved_names)


def interpret(value: Any, source: "_Source", reserved_names: Collection[str]) -> FileConfiguration:
    """Return the configuration of a decoded file."""
    if value is None:
        return FileConfiguration()
    top = source.mapping(value, (), ("integrations",))
    integrations = source.mapping(top.get("integrations"), ("integrations",), ("circleci",))
    at: Path_ = ("integrations", "circleci")
    circleci = source.mapping(integrations.get("circleci"), at, ("permissions", "accounts"))
    accounts_at: Path_ = (*at, "accounts")
    accounts = source.mapping(circleci.get("accounts"), accounts_at, None)
    for name in accounts:
        _check_name(name, source, (*accounts_at, str(name)), reserved_names)
    return FileConfiguration(
        {name: _account(entry, source, (*accounts_at, name)) for name, entry in accounts.items()},
        _policy(circleci.get("permissions"), source, (*at, "permissions")),
    )


_OURS: Final = ("integrations", "circleci")
"""Where in the file everything is ours, so that every other key is a mistake."""


class _Source(NamedTuple):
    name: str
    lines: Mapping[Path_, int]

    def located(self, at: Path_, message: str) -> str:
        # A key such as `yes` is not a string once it is loaded: then the line of what it is in.
        places = (at[:length] for length in range(len(at), -1, -1))
        line = next((self.lines[place] for place in places if place in self.lines), None)
        where = f"{self.name}:{line}" if line else self.name
        return f"{where}: {message}"

    def fail(self, at: Path_, message: str) -> NoReturn:
        raise ConfigurationError(self.located(at, message))

    def mapping(self, value: Any, at: Path_, keys: tuple[str, ...] | None) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            what = f"'{at[-1]}'" if at else "the file"
            self.fail(at, f"{what} must be a mapping, not {_kind(value)}")
        for key in value:
            if keys is not None and key not in keys:
                near = _near(str(key), keys)
                # Other tools and integrations keep their own blocks beside ours in one file.
                if near or len(at) >= len(_OURS):
                    self.fail((*at, str(key)), _unknown_key(str(key), near, keys))
        return value

    def string(self, value: Any, at: Path_) -> str | None:
        if value is not None and not isinstance(value, str):
            self.fail(at, f"'{at[-1]}' must be a string, not {_kind(value)}; put it in quotes")
        return value


def _account(entry: Any, source: _Source, at: Path_) -> FileAccount:
    values = source.mapping(entry, at, _ACCOUNT_KEYS)
    url = source.string(values.get("url"), (*at, "url"))
    keyring = values.get("keyring", False)
    if not isinstance(keyring, bool):
        source.fail((*at, "keyring"), f"'keyring' must be true or false, not {_kind(keyring)}")
    token = source.string(values.get("token"), (*at, "token"))
    token_env = source.string(values.get("token_env"), (*at, "token_env"))
    expires = source.string(values.get("token_expires"), (*at, "token_expires"))
    scope = source.string(values.get("token_scope"), (*at, "token_scope"))
    if token is not None and not usable_token(token):
        return FileAccount(fault=source.located((*at, "token"), UNUSABLE_TOKEN))
    try:
        base = None if url is None else origin(url)
    except ValueError as error:
        return FileAccount(fault=source.located((*at, "url"), str(error)))
    token = token.strip() or None if token else None
    return FileAccount(token, token_env, base, keyring, expires, scope)


def usable_token(token: str) -> bool:
    """Say whether a token can stand in an HTTP header: printable ASCII, no blanks inside."""
    return all("!" <= char <= "~" for char in token.strip())


def _policy(entry: Any, source: _Source, at: Path_) -> Policy:
    values = source.mapping(entry, at, ("read", "write"))
    rules = {}
    for kind, value in values.items():
        rule = parse_rule(value)
        if rule is None:
            shown = value if isinstance(value, str) else _kind(value)
            source.fail((*at, kind), f"'{kind}' must be one of {', '.join(RULES)}, not {shown}")
        rules[kind] = rule
    return Policy(**rules)


def _check_name(name: Any, source: _Source, at: Path_, reserved: Collection[str]) -> None:
    if not isinstance(name, str) or not is_lua_name(name):
        source.fail(
            at, f"'{name}' cannot name an account; use letters, digits and _, as in a Lua name"
        )
    if name in reserved:
        source.fail(at, f"'{name}' cannot name an account: a function has that name")


def _near(key: str, keys: tuple[str, ...]) -> list[str]:
    import difflib

    return difflib.get_close_matches(key, keys, n=1)


def _unknown_key(key: str, near: list[str], keys: tuple[str, ...]) -> str:
    hint = f"Did you mean '{near[0]}'?" if near else f"The keys here are {', '.join(keys)}."
    return f"unknown key '{key}'. {hint}"


def _kind(value: Any) -> str:
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a mapping",
    }
    return names.get(type(value), "a string" if isinstance(value, str) else type(value).__name__)


def text_of(path: Path) -> str:
    """Return the text of a configuration file; raises `ConfigurationError` if there is none."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ConfigurationError(f"{path}: {reason}") from None
    if len(raw) > _MAX_BYTES:
        raise ConfigurationError(
            f"{path}: larger than 1 MiB, which is too large for a configuration file"
        )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}:{line}: not UTF-8") from None


def loaded(path: Path) -> Any:
    """Return what the YAML file at `path` holds, whatever that is. Errors as in `read`."""
    return _load(path, text_of(path))[0]


def _load(path: Path, text: str) -> tuple[Any, Mapping[Path_, int]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    node = None
    try:
        node = yaml.compose(text, Loader=loader)
        lines: dict[Path_, int] = {}
        if node is not None:
            _note_lines(node, (), lines, path)
        return yaml.load(text, Loader=loader), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigurationError(f"{where}: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigurationError(f"{path}:{line}: {error.reason}") from None
    except ValueError as error:  # a date such as 2026-13-45, of which yaml does not say where it is
        line = _line_of_bad_scalar(node) or 1
        raise ConfigurationError(f"{path}:{line}: {error}; put it in quotes") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigurationError(f"{path}: cannot be read as YAML: {error}") from None


def _line_of_bad_scalar(node: Any) -> int | None:
    import yaml

    for each in _scalars(node, depth=0):
        try:
            yaml.constructor.SafeConstructor().construct_document(each)
        except ValueError:
            return int(each.start_mark.line) + 1
        except yaml.YAMLError:
            continue
    return None


def _scalars(node: Any, depth: int) -> Iterator[Any]:
    if node is None or depth > _MAX_SEARCH_DEPTH:
        return
    if node.id == "scalar":
        yield node
        return
    for each in node.value:
        for part in each if isinstance(each, tuple) else (each,):
            yield from _scalars(part, depth + 1)


def _note_lines(node: Any, at: Path_, lines: dict[Path_, int], path: Path) -> None:
    lines.setdefault(at, node.start_mark.line + 1)
    if node.id != "mapping" or len(at) > 5:
        return
    seen: set[str] = set()
    for key, value in node.value:
        name = str(key.value)
        if name in seen:
            line = key.start_mark.line + 1
            raise ConfigurationError(f"{path}:{line}: duplicate key '{name}'")
        seen.add(name)
        lines[(*at, name)] = key.start_mark.line + 1
        _note_lines(value, (*at, name), lines, path)
