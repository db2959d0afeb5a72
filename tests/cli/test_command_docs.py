"""scripts/command_docs.py: the guide of the commands says what the commands say."""

import importlib.util
from pathlib import Path
from types import ModuleType

import click
import pytest

from kosmo_circleci.cli.commands import COMMANDS, load

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("command_docs", ROOT / "scripts/command_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_guide_is_current(docs: ModuleType) -> None:
    text = (ROOT / "lua_docs" / "cli.md").read_text("utf-8")
    assert docs.cli_guide(text) == text, "run `make generate`"


def test_every_command_has_a_section_with_every_option(docs: ModuleType) -> None:
    for name in COMMANDS:
        section = docs.section(name, load(name))
        assert section.startswith(f"### {name}\n\n    kosmo {name} [OPTIONS]")
        for option in load(name).params:
            if isinstance(option, click.Option):
                assert f"`{option.opts[-1]}`" in section
        assert "```sh\nkosmo " in section or "| kosmo " in section or "$(kosmo " in section


@pytest.mark.parametrize("text", ["", "{begin}", "{end}{begin}", "{begin}{begin}{end}"])
def test_a_document_without_a_place_for_it_is_refused(docs: ModuleType, text: str) -> None:
    with pytest.raises(ValueError, match="expected the lines"):
        docs.cli_guide(text.format(begin=docs.BEGIN, end=docs.END))


def test_what_stands_around_the_generated_part_stays(docs: ModuleType) -> None:
    built = docs.cli_guide(f"head\n{docs.BEGIN}old{docs.END}\ntail")
    assert built.startswith(f"head\n{docs.BEGIN}\n\n## Run\n\n### integrations:lua\n")
    assert built.endswith(f"\n\n{docs.END}\ntail")
    assert docs.cli_guide(built) == built
