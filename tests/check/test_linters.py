"""Tables of names for luacheck, selene and the Lua language server."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.check.linters import LUARC, luacheckrc, merged_luarc, selene_standard
from kosmo_circleci.check.names import NAMESPACE, sandbox
from kosmo_circleci.docs import guides

ACCOUNTS: Final = ("default", "work")
LUACHECK: Final = shutil.which("luacheck")

needs_luacheck = pytest.mark.skipif(
    LUACHECK is None, reason="luacheck is not installed (Debian: apt-get install lua-check)"
)


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    path = tmp_path / ".luacheckrc"
    path.write_text(luacheckrc(load_catalog(), ACCOUNTS), "utf-8")
    return path


def luacheck(configuration: Path, *files: Path) -> list[str]:
    """Return the warnings, each behind its file's name."""
    done = subprocess.run(
        [str(LUACHECK), "--config", configuration, "--formatter", "plain", *files],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


@needs_luacheck
def test_luacheck_has_nothing_against_the_shipped_workflows(configuration: Path) -> None:
    files = sorted((guides.folder() / "workflows").glob("*.lua"))
    assert files
    assert luacheck(configuration, *files) == []


@needs_luacheck
def test_luacheck_knows_every_name_of_the_sandbox_and_no_other(
    configuration: Path, tmp_path: Path
) -> None:
    names = sandbox()
    paths = [f"{table}.{each}" for table, members in names.members.items() for each in members]
    paths = [each.replace(NAMESPACE, "app.integrations.circleci", 1) for each in paths]
    paths += [f"app.integrations.circleci.{each}" for each in load_catalog().names]
    paths += ["app.integrations.circleci.work.get_pipeline", "app.mcp.server.tool"]
    good, bad = tmp_path / "good.lua", tmp_path / "bad.lua"
    good.write_text("".join(f"print({each})\n" for each in [*paths, *sorted(names.globals)]))
    bad.write_text(
        "print(prnt, io, flow.eech, app.integrations.circleci.get_pipelin, os.getenv)\n"
        "print(app.integrations.circleci.wrok.get_pipeline)\nflow = 1\n"
    )
    assert luacheck(configuration, good) == []
    assert [line.partition(": ")[2] for line in luacheck(configuration, bad)] == [
        "accessing undefined variable 'prnt'",
        "accessing undefined variable 'io'",
        "accessing undefined field 'eech' of global 'flow'",
        "accessing undefined field 'integrations.circleci.get_pipelin' of global 'app'",
        "accessing undefined field 'getenv' of global 'os'",
        "accessing undefined field 'integrations.circleci.wrok.get_pipeline' of global 'app'",
        "setting read-only global variable 'flow'",
    ]


def test_selenes_standard_has_every_name_and_takes_away_what_the_sandbox_lacks() -> None:
    standard: Any = yaml.safe_load(selene_standard(load_catalog(), ACCOUNTS))
    names, globals_of_selene = sandbox(), standard["globals"]
    assert (standard["base"], standard["name"]) == ("lua54", "kosmo")
    own = {each for each in names.signatures if not each.startswith(f"{NAMESPACE}.")}
    assert own <= set(globals_of_selene)
    for name in ("io", "package", "dofile", "os.getenv", "string.dump"):
        assert globals_of_selene[name] == {"removed": True}
    assert globals_of_selene["flow.sleep"] == {"args": [{"type": "number"}]}
    assert globals_of_selene["csv.encode"] == {
        "args": [{"type": "any"}, {"type": "any", "required": False}]
    }
    assert globals_of_selene["log"] == {"args": [{"type": "...", "required": False}]}
    functions = {*load_catalog().names, *names.members[NAMESPACE]}
    assert set(standard["structs"]["account"]) == functions
    assert set(standard["structs"]["circleci"]) == functions | set(ACCOUNTS)
    assert standard["structs"]["circleci"]["work"] == {"struct": "account"}


@pytest.mark.parametrize(
    ("existing", "merged"),
    [
        ({}, dict(LUARC)),
        (dict(LUARC), dict(LUARC)),
        (
            {"runtime.version": "LuaJIT", "hint.enable": True, "workspace.library": ["lib"]},
            {
                **LUARC,
                "runtime.version": "LuaJIT",
                "hint.enable": True,
                "workspace.library": ["lib", ".kosmo/types"],
            },
        ),
        (
            {"runtime": {"version": "Lua 5.4", "builtin": {"io": "enable"}}, "workspace": {}},
            {
                "runtime": {
                    "version": "Lua 5.4",
                    "builtin": {
                        "debug": "disable",
                        "io": "enable",
                        "os": "disable",
                        "package": "disable",
                    },
                },
                "workspace": {"library": [".kosmo/types"], "checkThirdParty": False},
            },
        ),
        ({"workspace": "odd"}, {"workspace": "odd", **LUARC}),
    ],
)
def test_a_settings_file_keeps_what_it_has(existing: Any, merged: Any) -> None:
    assert merged_luarc(existing) == merged
    assert merged_luarc(merged) == merged


def test_selenes_standard_names_nothing_twice() -> None:
    text = selene_standard(load_catalog(), ACCOUNTS)
    names = re.findall(r"^  ([\w.]+):$", text.partition("\nstructs:")[0], re.MULTILINE)
    assert len(names) == len(set(names)) > 50
