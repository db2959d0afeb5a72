"""What becomes a link on the site, and where it leads."""

import pytest
from site_links import SiteError, Targets, linked

TARGETS = Targets(
    names={
        "get_pipeline": "functions/get_pipeline.md",
        "flow.map": "guides/flow.md#flow-map",
        "errors": "guides/errors.md",
        "json": "guides/json.md",
        "watch.lua": "workflows/watch.md",
    },
    commands={"integrations:docs": "commands/integrations-docs.md"},
    files={"lua_docs/errors.md": "guides/errors.md", "SECURITY.md": "security.md"},
)
FUNCTION = "../functions/get_pipeline.md"


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("`circleci.get_pipeline`", f"[`circleci.get_pipeline`]({FUNCTION})"),
        ("`get_pipeline(pipeline_id)`", f"[`get_pipeline(pipeline_id)`]({FUNCTION})"),
        (
            "`app.integrations.circleci.get_pipeline`",
            f"[`app.integrations.circleci.get_pipeline`]({FUNCTION})",
        ),
        (
            '`docs.read("circleci.get_pipeline")`',
            f'[`docs.read("circleci.get_pipeline")`]({FUNCTION})',
        ),
        ("(`id` of get_pipeline)", f"(`id` of [get_pipeline]({FUNCTION}))"),
        ("`flow.map(list, fn)`", "[`flow.map(list, fn)`](flow.md#flow-map)"),
        ('`docs.read("errors")`', '[`docs.read("errors")`](errors.md)'),
        ("`watch.lua`", "[`watch.lua`](../workflows/watch.md)"),
        ("`kosmo docs PAGE`", "[`kosmo docs PAGE`](../commands/integrations-docs.md)"),
        (
            "`kosmo integrations:docs`",
            "[`kosmo integrations:docs`](../commands/integrations-docs.md)",
        ),
    ],
)
def test_a_name_links_to_its_page(text: str, link: str) -> None:
    assert linked(f"See {text}.", "guides/overview.md", "", TARGETS) == f"See {link}."


@pytest.mark.parametrize(
    "text",
    [
        "`json`",  # A word, and a guide too: only `docs.read("json")` says that the guide is meant.
        "`get_pipelin`",
        "`kosmo nothing`",
        "[`get_pipeline`](elsewhere.md)",
        "my_get_pipeline_too",
        "## get_pipeline(id)",
        "```lua\nget_pipeline()\n```",
        "````text\n```\n`get_pipeline`\n````",
    ],
)
def test_what_is_not_a_name_in_prose_stays(text: str) -> None:
    assert linked(text, "guides/overview.md", "", TARGETS) == text


def test_a_page_does_not_link_to_itself() -> None:
    assert linked("`get_pipeline`", "functions/get_pipeline.md", "", TARGETS) == "`get_pipeline`"


@pytest.mark.parametrize(
    ("source", "link", "expected"),
    [
        ("README.md", "[e](lua_docs/errors.md)", "[e](guides/errors.md)"),
        ("README.md", "[e](lua_docs/errors.md#api)", "[e](guides/errors.md#api)"),
        ("lua_docs/flow.md", "[e](errors.md)", "[e](guides/errors.md)"),
        ("lua_docs/flow.md", "[s](../SECURITY.md)", "[s](security.md)"),
        ("README.md", "[s](https://semver.org/)", "[s](https://semver.org/)"),
        ("README.md", "[h](#here)", "[h](#here)"),
    ],
)
def test_a_link_to_a_file_leads_to_the_page_of_that_file(
    source: str, link: str, expected: str
) -> None:
    assert linked(link, "index.md", source, TARGETS) == expected


def test_a_link_to_a_file_without_a_page_is_an_error_that_names_both() -> None:
    with pytest.raises(
        SiteError, match=r"^README.md: the site has no page for the link to 'x.md'$"
    ):
        linked("[x](x.md)", "index.md", "README.md", TARGETS)
