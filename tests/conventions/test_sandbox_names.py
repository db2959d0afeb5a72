"""The one list of the sandbox's names (`check/helpers.lua`, `check/names.py`) is what scripts find.

The checker, the definitions for editors and the linters' tables are made from it, so a helper that
is missing there is reported as an undefined name in everybody's scripts.
"""

from typing import Final

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.check.names import NAMESPACE, sandbox

ONLY_WITH_AN_OPTION: Final = frozenset(
    ["expect", "files", "item", "item_index", "require", "results"]
)
"""Globals that a plain run does not have."""

NOT_YET: Final = frozenset(
    [
        *("flow.failures", "flow.is_final", "flow.log", "flow.wait_workflow"),
    ]
)
"""Names of the contract that are being built. May only shrink."""

LIST: Final = """
local list = {}
for name, value in pairs(_G) do
  list[#list + 1] = name
  if type(value) == "table" and name ~= "_G" and name ~= "app" and name ~= "args" then
    for member in pairs(value) do list[#list + 1] = name .. "." .. member end
  end
end
return list
"""

MEMBERS_OF_THE_NAMESPACE: Final = """
local list = {}
for name in pairs(app.integrations.circleci) do list[#list + 1] = name end
return list
"""

ARGUMENTS_BEFORE_OPTIONS: Final = {
    "flow.all": "none, {}",
    "flow.each": "none, {}",
    "flow.failures": "{job_id = 'x'}",
    "flow.log": "'x'",
    "flow.map": "{}, none",
    "flow.retry": "none",
    "flow.wait": "none, none",
    "flow.wait_pipeline": "'x'",
    "flow.wait_workflow": "'x'",
}

WITH_OPTIONS: Final = [
    (signature.name, signature.parameters[-1].type)
    for signature in sandbox().signatures.values()
    if signature.name.startswith("flow.")
    and signature.name not in NOT_YET
    and signature.parameters[-1].type.endswith("Options")
]


def listed() -> frozenset[str]:
    """Return every name of the list, `table.member` for members."""
    names = sandbox()
    members = [f"{table}.{name}" for table, each in names.members.items() for name in each]
    return frozenset([*members, *names.globals])


def table_of(name: str) -> str:
    return name.partition(".")[0]


@pytest.fixture(scope="module")
def bridge() -> Bridge:
    return Bridge(simulate=True)


@pytest.fixture(scope="module")
def offered(bridge: Bridge) -> frozenset[str]:
    """Every name a script finds."""
    names: list[str] = bridge.run(LIST).result
    return frozenset(names)


def test_the_list_has_every_name_a_script_finds(offered: frozenset[str]) -> None:
    assert offered - listed() == set(), "add them to kosmo_circleci/check/helpers.lua"


def test_a_script_finds_every_name_of_the_list(offered: frozenset[str]) -> None:
    optional = {each for each in listed() if table_of(each) in ONLY_WITH_AN_OPTION | {NAMESPACE}}
    later = {each for each in listed() if each in NOT_YET or table_of(each) in NOT_YET}
    assert listed() - optional - later - offered == set()


def test_the_namespace_has_the_catalogs_functions_accounts_and_listed_helpers(
    bridge: Bridge,
) -> None:
    names: list[str] = bridge.run(MEMBERS_OF_THE_NAMESPACE).result
    helpers = sandbox().members[NAMESPACE]
    assert set(names) - {"default"} - helpers == set(load_catalog().names)


@pytest.mark.parametrize(("helper", "options"), WITH_OPTIONS)
def test_the_options_of_a_helper_are_those_it_takes(
    helper: str, options: str, bridge: Bridge
) -> None:
    call = f"{helper}, {ARGUMENTS_BEFORE_OPTIONS[helper]}, {{nonsense = 1}}"
    run = bridge.run(f"local function none() end local _, err = pcall({call}) return err.message")
    takes = ", ".join(sorted(sandbox().classes[options]))
    assert run.result == f"{helper}: unknown option 'nonsense'. It takes: {takes}"
