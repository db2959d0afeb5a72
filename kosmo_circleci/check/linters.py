"""Catalog -> tables of names for other tools: selene, luacheck, the Lua language server."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.check.names import ABSENT, NAMESPACE, HelperParameter, Signature, sandbox
from kosmo_circleci.jsonvalue import JsonValue

LUACHECK_MARK: Final = "-- Written by `kosmo integrations:types --luacheck`; not to be edited."
SELENE_MARK: Final = "# Written by `kosmo integrations:types --selene`; not to be edited."

TYPES_FOLDER: Final = ".kosmo/types"
"""Where the definitions are, from the folder of `.luarc.json`."""

_REMOVED: Final = frozenset({"dofile", "io", "loadfile", "package", *ABSENT})
_SELENE_TYPES: Final = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "bool",
    "table": "table",
}

LUARC: Final[Mapping[str, JsonValue]] = {
    "runtime.version": "Lua 5.4",
    "runtime.builtin": dict.fromkeys(("debug", "io", "os", "package"), "disable"),
    "workspace.library": [TYPES_FOLDER],
    "workspace.checkThirdParty": False,
}
"""The settings of the Lua language server that scripts need."""


def luacheckrc(catalog: Catalog, accounts: Sequence[str]) -> str:
    """Return a `.luacheckrc`: the sandbox's names as the standard `kosmo`."""
    members = sorted([*catalog.names, *sandbox().members[NAMESPACE]])
    lines = [
        LUACHECK_MARK,
        *_lua_table("local circleci = ", members),
        "",
        "local namespace = {fields = {}}",
        "for name in pairs(circleci) do namespace.fields[name] = {} end",
        f"for _, account in ipairs({{{_quoted(accounts)}}}) do",
        "  namespace.fields[account] = {fields = circleci}",
        "end",
        "",
        "local integrations = {fields = {circleci = namespace}}",
        "",
        "stds.kosmo = {",
        "  read_globals = {",
        "    app = {fields = {integrations = integrations, mcp = {other_fields = true}}},",
        *(f"    {each}," for each in _luacheck_globals()),
        "  },",
        "}",
        "",
        'std = "kosmo"',
        "max_line_length = false",
    ]
    return "\n".join(lines) + "\n"


def _luacheck_globals() -> Iterable[str]:
    names = sandbox()
    for name in sorted(names.globals - {"app"}):
        if name in names.members:
            fields = ", ".join(f"{each} = {{}}" for each in sorted(names.members[name]))
            yield f"{name} = {{fields = {{{fields}}}}}"
        else:
            yield (
                f"{name} = {{}}"
                if name in names.signatures
                else f"{name} = {{other_fields = true}}"
            )


def _lua_table(head: str, names: Sequence[str]) -> Iterable[str]:
    yield head + "{"
    yield from (f"  {name} = {{}}," for name in names)
    yield "}"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def selene_standard(catalog: Catalog, accounts: Sequence[str]) -> str:
    """Return `kosmo.yml`, a standard library for selene on top of its `lua54`."""
    lines = [SELENE_MARK, "---", "base: lua54", "name: kosmo", "globals:"]
    for name in sorted(_REMOVED):
        lines += [f"  {name}:", "    removed: true"]
    names = sandbox()
    for name in sorted(names.signatures):
        if not name.startswith(f"{NAMESPACE}."):
            lines += [f"  {name}:", *_selene_arguments(names.signatures[name], "    ")]
    for name in sorted(names.constants - {"_G", "_VERSION", "app"}):
        lines += [f"  {name}:", "    any: true"]
    lines += ["  app.mcp:", "    any: true"]
    lines += ["  app.integrations.circleci:", "    struct: circleci"]
    lines += ["structs:", "  circleci:"]
    for account in accounts:
        lines += [f"    {account}:", "      struct: account"]
    lines += _selene_functions(catalog)
    lines += ["  account:", *_selene_functions(catalog)]
    return "\n".join(lines) + "\n"


def _selene_functions(catalog: Catalog) -> list[str]:
    lines: list[str] = []
    for name in sorted([*catalog.names, *sandbox().members[NAMESPACE]]):
        lines += [f"    {name}:", "      args:", "        - type: ...", "          required: false"]
    return lines


def _selene_arguments(signature: Signature, indent: str) -> list[str]:
    arguments = [_selene_argument(each) for each in signature.parameters]
    if signature.has_varargs:
        arguments.append(("...", True))
    if not arguments:
        return [f"{indent}args: []"]
    lines = [f"{indent}args:"]
    for type_name, is_optional in arguments:
        lines.append(f"{indent}  - type: {type_name}")
        if is_optional:
            lines.append(f"{indent}    required: false")
    return lines


def _selene_argument(parameter: HelperParameter) -> tuple[str, bool]:
    return _SELENE_TYPES.get(parameter.type, "any"), parameter.is_optional


def merged_luarc(existing: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the settings of a `.luarc.json` with ours; what it has already stays.

    A setting may be written flat (`workspace.library`) or nested (`{workspace: {library}}`). Lists
    get our items, objects our keys, anything else is left alone.
    """
    settings: dict[str, Any] = {key: value for key, value in existing.items()}
    for name, value in LUARC.items():
        section, _, key = name.partition(".")
        if name not in settings and isinstance(settings.get(section), dict):
            nested = dict(settings[section])
            nested[key] = _with(nested.get(key), value)
            settings[section] = nested
        else:
            settings[name] = _with(settings.get(name), value)
    return settings


def _with(existing: Any, value: Any) -> Any:
    if existing is None:
        return value
    if isinstance(existing, list) and isinstance(value, list):
        return [*existing, *(each for each in value if each not in existing)]
    if isinstance(existing, dict) and isinstance(value, dict):
        return value | existing
    return existing
