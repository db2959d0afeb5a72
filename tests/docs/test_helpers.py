"""Helpers are pages of their own, cut from the guides that describe them."""

import re

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.docs import guides, helpers, pages

HELPERS = [each for each in helpers.helpers().values() if not each.is_guide]
IN_LUA = """
local names = json.array()
for _, space in ipairs({"flow", "json", "regex"}) do
  for name in pairs(_G[space]) do names[#names + 1] = space .. "." .. name end
end
return names
"""


def test_every_helper_of_a_script_has_a_page() -> None:
    with Bridge(simulate=True) as bridge:
        run = bridge.run(IN_LUA)
    assert run.error is None
    assert isinstance(run.result, list)
    assert set(run.result) - {each.name for each in HELPERS} == set()


@pytest.mark.parametrize("helper", HELPERS, ids=lambda each: each.name)
def test_a_page_has_signature_sentence_and_an_example(helper: helpers.Helper) -> None:
    page = pages.read(helper.name, load_catalog())
    assert page.startswith(f"# {helper.name}")
    assert "\n```lua\n" in page or helper.guide not in ("flow", "json", "regex")
    assert page.endswith(f'More: `docs.read("{helper.guide}")`.\n')
    assert helper.sentence.endswith(".")
    assert "<!--" not in page
    assert re.sub(r"\s+", " ", helper.text)[:60] in re.sub(r"\s+", " ", page)


def test_a_section_is_in_its_guide_too() -> None:
    page = pages.read("flow.sleep", load_catalog())
    assert "flow.sleep(2.5)" in page
    assert "## flow.sleep(seconds)" in guides.read("flow")
