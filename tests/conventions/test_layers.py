"""Who may import whom, and where each third-party library is at home.

The table of levels is the architecture. Imports inside functions count too: loading late is for
speed, not for going round a layer. Imports under `TYPE_CHECKING` do not count: they name a type,
nothing is loaded or called through them, and the object itself is handed in by a higher level.
"""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import kosmo_circleci

PACKAGE = Path(kosmo_circleci.__file__).parent
NAME = "kosmo_circleci"

LEVELS: dict[str, int] = {
    "version": 0,
    "addresses": 0,
    "confined": 0,
    "errors": 0,
    "files": 0,
    "jsonvalue": 0,
    "masking": 0,
    "script": 0,
    "substrings": 0,
    "deadline": 0,
    "limits": 0,
    "wording": 0,
    "run.protocol": 2,
    "catalog": 1,
    "tables": 1,
    "call": 2,
    "check": 2,
    "workflows": 2,
    "docs": 2,
    "transport": 3,
    "config": 3,
    "checkout": 3,
    "mcp_client": 3,
    "journal": 3,
    "telemetry": 3,
    "run.lost_writes": 3,
    "simulator": 3,
    "caller": 4,
    "run.envelope": 2,
    "run.settings": 2,
    "run.journal_settings": 3,
    "run.options": 4,
    "run.surroundings": 4,
    "run.listener": 2,
    "runtime": 6,
    "run.world": 6,
    "run.journals": 6,
    "run.resources": 6,
    "run.pool": 6,
    "lua": 5,
    "bridge": 7,
    "fleet": 7,
    "run.child": 6,
    "run.supervisor": 6,
    "agent.tools": 7,
    "cli": 8,
    "run.worker": 7,
    "run": 6,
    "simulator.pytest_plugin": 8,
    "agent": 8,
    "__main__": 9,
}

# What a level may import of its own level; elsewhere that is only itself.
SIDEWAYS = {
    ("docs", "call"),  # the words for parameter types
    ("docs", "workflows"),  # their pages
    ("check", "workflows"),  # what a header declares
    ("check", "call"),  # what a function takes, and what is said about anything else
    ("run.envelope", "call"),
    ("run.listener", "call"),
    ("run.protocol", "call"),
    ("run.protocol", "run.envelope"),
    ("run.protocol", "run.settings"),
    ("run.supervisor", "run.child"),
    ("run.supervisor", "run.world"),
    ("run.pool", "run.child"),
    ("run.pool", "run.supervisor"),
    ("run.pool", "run.world"),
    ("run.resources", "run.pool"),
    ("run.resources", "run.world"),
    ("runtime", "run.child"),
    ("runtime", "run.journals"),
    ("runtime", "run.pool"),
    ("runtime", "run.resources"),
    ("bridge", "agent.tools"),
    ("bridge", "fleet"),
    ("cli", "agent"),  # a command starts the server
}

# Lower levels that are closed to a unit all the same: the bridge hands these in.
CLOSED = {
    "caller": {"config", "simulator", "mcp_client", "journal", "checkout"},
    "lua": {"transport", "config", "simulator", "mcp_client", "journal", "checkout"},
}

# The simulator is a world of its own: of these units it may import one module each.
ONLY = {
    ("simulator", "call"): {"call.model"},
    ("simulator", "docs"): set(),
    ("simulator", "transport"): {"transport.wire"},
}

# The modules of the MCP server that speak with the SDK; the tools it serves know nothing of it.
AGENT_SDK = {
    *("agent.server", "agent.http", "agent.questions", "agent.reading", "agent.serving"),
    *("agent.prompting", "agent.stdio", "agent.task_methods", "agent.task_shapes"),
}

HOMES: dict[str, set[str]] = {
    # The parser itself is in `parse`; its nodes are read by the others.
    "tree_sitter": {"check.parse", "check.reader", "check.syntax"},
    "tree_sitter_lua": {"check.parse"},
    "ahocorasick_rs": {"substrings"},
    "lupa": {"lua.runtime", "lua.values"},
    "httpcore": {"transport.live", "transport.lanes", "transport.stream", "transport.failures"},
    "certifi": {"transport.lanes"},
    # `tracing` names a type only: it must not load the library to tell whether to.
    "opentelemetry": {"telemetry.provider", "telemetry.spans", "telemetry.tracing"},
    "yaml": {"config.file", "config.write", "cli.output_yaml"},
    "ruamel": {"config.edit", "config.write"},
    "regex": {"lua.regex"},
    "pyte": {"lua.terminal"},
    "keyring": {"config.keyring_store"},
    "waitress": {"simulator.server"},
    "pytest": {"simulator.pytest_plugin"},
    "prompt_toolkit": {"cli.script.repl"},
    "rich": {"cli.markdown", "tables.aligned", "cli.fleet.progress"},
    "distributed": {"fleet.executors"},
    "ijson": {"fleet.inputs"},
    "jq": {"cli.output_jq"},
    "mcp": {"mcp_client.session", "mcp_client.http_streams", *AGENT_SDK},
    # What the MCP SDK is made of, at home where it is.
    "mcp_types": {"mcp_client.session", *AGENT_SDK},
    "httpx2": {"mcp_client.http_streams"},
    "starlette": {"agent.http"},
    "uvicorn": {"agent.http"},
    "anyio": {"mcp_client.session", *AGENT_SDK},
    "jsonschema": {"mcp_client.arguments"},
    "referencing": {"mcp_client.arguments"},
}


class Import(NamedTuple):
    """One imported module or name; `line` is in the importing file."""

    importer: str
    imported: str
    line: int
    for_types_only: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def imports() -> Iterator[Import]:
    """Yield every import of the package, modules named without the package's own name."""
    for path in sorted(PACKAGE.rglob("*.py")):
        importer = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        importer = importer.removesuffix(".__init__").removeprefix(NAME).removeprefix(".")
        tree = ast.parse(path.read_text("utf-8"))
        for_types = {id(inner) for block in _type_checking(tree) for inner in ast.walk(block)}
        for node in ast.walk(tree):
            for name in _imported(node):
                yield Import(importer or NAME, name, node.lineno, id(node) in for_types)


def _type_checking(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from node.body


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative imports are banned"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def unit(module: str) -> str | None:
    """Return the entry of LEVELS a module belongs to; None for the package itself."""
    name = module.removeprefix(f"{NAME}.")
    homes = [each for each in LEVELS if f"{name}.".startswith(f"{each}.")]
    return max(homes, key=len, default=None)


ALL = tuple(imports())
OWN = [each for each in ALL if f"{each.imported}.".startswith(f"{NAME}.")]
FOREIGN = [each for each in ALL if not f"{each.imported}.".startswith(f"{NAME}.")]


def is_allowed(importer: str, imported: str, module: str) -> bool:
    """Say whether unit `importer` may import `module` of unit `imported`."""
    if importer == imported or (importer, imported) in SIDEWAYS:
        return True
    only = ONLY.get((importer, imported))
    if only is not None:
        return any(f"{module}.".startswith(f"{NAME}.{each}.") for each in only)
    if imported in CLOSED.get(importer, ()):
        return False
    if LEVELS[importer] == LEVELS[imported] == 0:
        return True
    return LEVELS[importer] > LEVELS[imported]


def test_every_module_has_a_level() -> None:
    without = {each.importer for each in ALL if unit(each.importer) is None}
    # The package itself names the public things and loads them late.
    assert without <= {NAME}


def test_a_module_imports_only_what_its_level_may() -> None:
    breaches = []
    for each in OWN:
        importer, imported = unit(each.importer), unit(each.imported)
        if each.for_types_only or importer is None:
            continue
        if imported is None:  # `from kosmo_circleci import …` loads the package, not a module
            breaches.append(f"{each}: name the module")
        elif not is_allowed(importer, imported, each.imported):
            breaches.append(str(each))
    assert breaches == []


def test_the_package_itself_loads_nothing_but_its_version() -> None:
    loaded = {each.imported for each in OWN if each.importer == NAME and not each.for_types_only}
    assert loaded == {f"{NAME}.version.__version__"}


def test_a_third_party_library_has_one_home() -> None:
    strangers = []
    for each in FOREIGN:
        library = each.imported.partition(".")[0]
        if library in sys.stdlib_module_names:
            continue
        if library == "click":
            at_home = unit(each.importer) == "cli"
        else:
            at_home = each.importer in HOMES.get(library, set())
        if not at_home:
            strangers.append(str(each))
    assert strangers == []


def test_what_is_allowed_sideways_is_used() -> None:
    used = {(unit(each.importer), unit(each.imported)) for each in OWN if not each.for_types_only}
    assert SIDEWAYS - used == set()


def test_no_module_imports_itself_by_way_of_others() -> None:
    modules = {each.importer for each in ALL}
    graph: dict[str, set[str]] = {module: set() for module in modules}
    for each in OWN:
        name = each.imported.removeprefix(f"{NAME}.")
        target = name if name in modules else name.rpartition(".")[0]
        if not each.for_types_only and target in modules:
            graph[each.importer].add(target)
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize(
    ("importer", "module", "allowed"),
    [
        ("call", "catalog.model", True),
        ("call", "transport.wire", False),
        ("call", "docs.pages", False),
        ("transport", "config.urls", False),
        ("simulator", "transport.wire", True),
        ("simulator", "transport.live", False),
        ("simulator", "call.paths", False),
        ("caller", "transport.executor", True),
        ("caller", "config.accounts", False),
        ("lua", "transport.executor", False),
        ("lua", "caller", True),
        ("errors", "catalog.model", False),
        ("run.worker", "runtime", True),
        ("bridge", "cli.main", False),
    ],
)
def test_the_table_says_what_the_architecture_says(
    importer: str, module: str, allowed: bool
) -> None:
    imported = unit(module)
    assert imported is not None
    assert is_allowed(importer, imported, f"{NAME}.{module}") is allowed
