"""`require`: what scripts get, what errors say, where modules are looked for. Attacks: sandbox/."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.errors import UsageError
from kosmo_circleci.script.modules import Modules, folder_of_script, modules_of

SLACK: Final = """local Slack = {}
function Slack.post(text)
  error("no " .. text)
end
return Slack
"""
API: Final = """
local circleci = app.integrations.circleci
return circleci.get_project("gh/a/b")
"""


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    with Bridge(simulate=True) as shared:
        yield shared


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a script and its modules."""
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path,
        "lib/slack.lua",
        "local S = {}\nfunction S.post(t)\n  error('no ' .. t)\nend\nreturn S",
    )
    write(tmp_path, "main.lua", "local slack = require('lib.slack')\nslack.post('hi')")
    return tmp_path


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.mark.parametrize("isolate", [False, True])
def test_an_error_in_a_module_names_its_file_and_line(
    isolate: bool, bridge: Bridge, folder: Path
) -> None:
    run = bridge.run_file("main.lua", isolate=isolate)
    assert run.error == "lib/slack.lua:3: no hi"
    assert run.traceback == (
        "lib/slack.lua:3: in function post",
        "main.lua:2: in main chunk",
    )


def test_an_error_while_a_module_loads_names_every_file_on_the_way(
    bridge: Bridge, folder: Path
) -> None:
    write(folder, "a.lua", "\nlocal b = require('b')")
    write(folder, "b.lua", "\n\nlocal x = nil + 1")
    run = bridge.run_file(write(folder, "start.lua", "return require('a')"), name="start.lua")
    assert run.error == "b.lua:3: attempt to perform arithmetic on a nil value"
    assert run.traceback == (
        "b.lua:3: in main chunk",
        "a.lua:2: in main chunk",
        "start.lua:1: in main chunk",
    )


def test_a_syntax_error_in_a_module_is_one_with_its_place(bridge: Bridge, folder: Path) -> None:
    write(folder, "bad.lua", "#!/usr/bin/env lua\n\nlocal = 1")
    run = bridge.run("require('bad')", lua_path=[folder])
    assert (run.error_type, run.error) == ("syntax", "bad.lua:3: <name> expected near '='")
    caught = bridge.run("local ok, e = pcall(require, 'bad') return e.type", lua_path=[folder])
    assert caught.result == "syntax"


def test_a_long_path_is_whole_in_an_error(bridge: Bridge, folder: Path) -> None:
    deep = "a_rather_long_name/of_a_folder/in_which/there_is"
    write(folder, f"{deep}/one_module.lua", "error('boom')")
    run = bridge.run(f"require('{deep.replace('/', '.')}.one_module')", lua_path=[folder])
    assert run.error == f"{deep}/one_module.lua:1: boom"


def test_an_error_of_a_call_in_a_module_has_the_modules_line(bridge: Bridge, folder: Path) -> None:
    write(
        folder, "api.lua", "\nlocal c = app.integrations.circleci\nreturn c.get_project('gh/a/b')"
    )
    run = bridge.run("return require('api')", lua_path=[folder])
    assert str(run.error).startswith("api.lua:3: CircleCI API error (404)")


def test_a_module_gets_its_name_and_path_and_its_first_line_may_be_a_shebang(
    bridge: Bridge, folder: Path
) -> None:
    write(folder, "lib/me.lua", "#!/usr/bin/lua\nreturn {...}")
    (folder / "bom.lua").write_bytes(b"\xef\xbb\xbfreturn 1")
    run = bridge.run("return require('lib.me'), require('bom')", lua_path=[folder])
    assert run.result == [["lib.me", "lib/me.lua"], 1]


def test_the_first_folder_that_has_a_module_wins_and_the_scripts_own_is_the_first(
    bridge: Bridge, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shared, third = (tmp_path_factory.mktemp(name) for name in ("shared", "third"))
    for place in (folder, shared, third):
        write(place, "who.lua", f"return '{place.name}'")
    write(shared, "only.lua", "return require('third')")
    write(third, "third.lua", "return 'from the third'")
    script = write(folder, "start.lua", "return require('who'), require('only')")
    run = bridge.run_file(script, lua_path=[shared, third])
    assert run.result == [folder.name, "from the third"]
    assert bridge.run("return require('who')", lua_path=[third, shared]).result == third.name


def test_a_missing_module_names_the_places_and_the_nearest(bridge: Bridge, folder: Path) -> None:
    write(folder, "shared/other.lua", "return 1")
    run = bridge.run("require('lib.slakc')", lua_path=[folder, folder / "shared"])
    assert run.error == (
        "script:1: require: there is no module 'lib.slakc'. Looked for lib/slakc.lua, "
        "shared/lib/slakc.lua. Did you mean 'lib.slack'?"
    )
    assert run.error_type == "runtime"


def test_a_script_that_is_a_link_has_the_modules_beside_its_file(
    bridge: Bridge, folder: Path
) -> None:
    (folder / "bin").mkdir()
    (folder / "bin/main").symlink_to("../main.lua")
    assert bridge.run_file("bin/main").error == "lib/slack.lua:3: no hi"


def test_what_is_no_file_has_no_modules_without_a_path(bridge: Bridge, folder: Path) -> None:
    run = bridge.run("require('lib.slack')")
    assert run.error_type == "runtime"
    assert "with --eval and standard input give --lua-path DIR" in str(run.error)
    assert folder_of_script("/dev/null") is None


def test_a_folder_that_is_not_there_is_a_usage_error(bridge: Bridge, folder: Path) -> None:
    for options, words in (
        ({"lua_path": ["nowhere"]}, "lua_path nowhere: No such file or directory."),
        ({"lua_path": ["main.lua"]}, "lua_path main.lua: Not a directory."),
        ({"files": "nowhere"}, "files nowhere: No such file or directory."),
        ({"files": ""}, "files: the name of the folder is empty."),
    ):
        with pytest.raises(UsageError) as caught:
            bridge.run("return 1", **options)  # type: ignore[arg-type]
        assert caught.value.message == words
    for run in (bridge.run, bridge.run_file):
        with pytest.raises(TypeError, match="list of folders"):
            run("main.lua", lua_path="lib")  # type: ignore[arg-type]


def test_run_async_and_a_fleet_have_modules(bridge: Bridge, folder: Path) -> None:
    write(folder, "double.lua", "return function(n) return n * 2 end")
    code = "return require('double')(item or 4)"
    assert asyncio.run(bridge.run_async(code, lua_path=[folder])).result == 8
    for executor in ("processes", "threads"):
        rows = bridge.map(code, [1, 2], executor=executor, lua_path=[folder], jobs=2)
        assert sorted(json.loads(row.to_json())["result"] for row in rows) == [2, 4]


class Elsewhere(ProcessPoolExecutor):
    """An executor whose workers do not find the folder of the modules."""

    def __init__(self) -> None:
        super().__init__(1, mp_context=get_context("spawn"))

    def submit(self, fn: Any, /, *arguments: Any, **options: Any) -> Any:
        if os.path.isdir("lib"):
            os.rename("lib", "elsewhere")
        return super().submit(fn, *arguments, **options)


def test_modules_travel_to_workers_that_lack_their_folder(
    bridge: Bridge, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "lib/first.lua", "return require 'lib.second'")
    write(folder, "lib/second.lua", "return 'carried'")
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    code = "return require('lib.first'), pcall(require, 'lib.third')"
    rows = bridge.map(code, [1], executor="test_modules:Elsewhere", lua_path=[folder], jobs=1)
    [row] = [json.loads(each.to_json()) for each in rows]
    assert row["result"][:2] == ["carried", False]
    assert row["result"][2]["message"].startswith("require: there is no module 'lib.third'.")


def test_what_travels_is_what_the_texts_name() -> None:
    assert modules_of("require(name) -- require('missing.one')", ["/nonexistent"]) == {}


def test_a_plan_does_not_fit_when_a_module_has_changed(bridge: Bridge, folder: Path) -> None:
    write(
        folder,
        "lib/act.lua",
        "return function() app.integrations.circleci.delete_context('context-uuid') end",
    )
    code = "require('lib.act')()"
    assert bridge.run(code, plan="p.json", lua_path=[folder]).error is None
    write(folder, "lib/other.lua", "-- a module the script does not load")
    text = (folder / "lib/act.lua").read_text()
    write(folder, "lib/act.lua", text + " ")
    for change in (None, "gone"):
        if change:
            (folder / "lib/act.lua").unlink()
        run = bridge.run(code, apply="p.json", lua_path=[folder])
        assert (run.error_type, run.call_count) == ("journal", 0)
        assert "its module 'lib.act' has changed" in str(run.error)
    write(folder, "lib/act.lua", text)
    applied = bridge.run(code, apply="p.json", lua_path=[folder], isolate=True)
    assert (applied.error, applied.writes.done) == (None, 1)


def test_a_prompt_keeps_its_modules_from_line_to_line(folder: Path) -> None:
    write(folder, "counted.lua", "loads = (loads or 0) + 1 return loads")
    lines = "require('counted')\nrequire('counted')\nloads\n:quit\n"
    done = subprocess.run(
        [sys.executable, "-m", "kosmo_circleci", "run", "--repl", "--simulate", "--lua-path", "."],
        input=lines,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert [line for line in done.stdout.splitlines() if line.strip("> ").isdigit()] == ["1"] * 3


def test_a_module_is_read_once(folder: Path) -> None:
    modules = Modules([str(folder)])
    first = modules.find("lib.slack")
    write(folder, "lib/slack.lua", "changed")
    assert modules.find("lib.slack") is first
    assert dict(modules.loaded) == {"lib.slack": first}
