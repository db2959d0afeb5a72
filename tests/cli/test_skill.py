"""The skill file of coding agents: what it tells to type exists, and agents find it."""

import re
from typing import Any

import yaml

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.docs import guides, pages

CATALOG = load_catalog()
TEXT = (guides.folder() / "SKILL.md").read_text("utf-8")


def test_it_begins_with_what_an_agent_chooses_it_by() -> None:
    _, front, body = TEXT.split("---\n", 2)
    fields: dict[str, Any] = yaml.safe_load(front)
    assert set(fields) == {"name", "description"}
    assert re.fullmatch(r"[a-z0-9-]{1,64}", fields["name"])
    assert len(fields["description"]) <= 1024
    assert body.lstrip().startswith("# ")
    assert len(TEXT.splitlines()) < 60


def test_every_command_and_option_it_names_exists(kosmo: Any) -> None:
    commands = re.findall(r"`kosmo ([^`]+)`", TEXT)
    assert len(commands) > 10
    for each in commands:
        name, *rest = each.split()
        ended = kosmo(name, "--help")
        assert ended.code == 0, each
        for option in re.findall(r"(?<!\S)--[a-z-]+", " ".join(rest)):
            # Of a function's own flags its help tells.
            shown = kosmo(name, rest[0], "--help") if name == "call" else ended
            assert option in shown.out, f"{each}: {option}"
    for option in ("--all", "--jq"):
        assert option in kosmo("call", "--help").out


def test_it_is_read_by_its_name_and_listed_nowhere() -> None:
    assert pages.read("skill", CATALOG) == pages.read("SKILL.md", CATALOG) == TEXT
    assert "SKILL" not in guides.names()
    assert "skill" not in pages.listing(CATALOG).lower()
