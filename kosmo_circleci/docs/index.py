"""The index of every function: whole on the page `circleci.index`, its first part in the guide."""

from collections.abc import Iterable
from typing import Final

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.docs.render import index_line

NAME: Final = "circleci.index"

TOPICS: Final = {
    "Pipelines and runs": ("Pipeline",),
    "Workflows and jobs": ("Workflow", "Job"),
    "Contexts": ("Context",),
    "Projects": ("Project",),
    "Schedules and webhooks": ("Schedule", "Webhook"),
    "Configuration": ("Config",),
    "Users": ("User",),
    "Any other path": ("Raw",),
    "Insights, usage and credits": ("Insights", "Usage"),
    "Organizations": ("Organization", "Groups"),
    "Pipeline definitions and triggers": ("Pipeline Definition", "Trigger"),
    "Config policies": ("Policy Management",),
    "Deploys": ("Deploy", "Rollback"),
    "Orbs and namespaces": ("Orbs",),
    "Self-hosted runners": ("Runner",),
    "iOS signing": ("Signing",),
    "OIDC and OpenTelemetry": ("OIDC Token Management", "OTel"),
}
"""Heading of the index -> groups of the manifest. A group that is not here gets its own heading."""

_IN_THE_GUIDE: Final = tuple(TOPICS)[:8]
"""The topics whose functions the guide lists with a line each; of the others it has the names."""


def page(catalog: Catalog) -> str:
    """Return the page `circleci.index`: a line for each function, by topic."""
    parts = [
        "# Every function of app.integrations.circleci",
        "`name(parameters)`, optional ones with `?`, in positional order; `v3` and `v1.1` where it "
        "is not API v2 (CircleCI Server has no v3); read or write; what it does.",
        *(section(topic, functions) for topic, functions in by_topic(catalog.functions())),
    ]
    return "\n\n".join(parts) + "\n"


def guide_part(catalog: Catalog) -> str:
    """Return the part of the index that is in the guide `circleci`."""
    topics = by_topic(catalog.functions())
    lines = [section(*each) for each in topics if each[0] in _IN_THE_GUIDE]
    names = [
        f"- {topic}: {', '.join(f'`{each.name}`' for each in functions)}"
        for topic, functions in topics
        if topic not in _IN_THE_GUIDE
    ]
    heading = f'### Further functions (a line for each in `docs.read("{NAME}")`)'
    return "\n\n".join([*lines, heading, "\n".join(names)])


def section(topic: str, functions: Iterable[Function]) -> str:
    """Return one topic of the index: its heading, and a line for each function."""
    return f"### {topic}\n\n" + "\n".join(map(index_line, functions))


def by_topic(functions: Iterable[Function]) -> list[tuple[str, list[Function]]]:
    """Return the functions by topic, in the order of the index; no topic is empty."""
    topic_of = {group: topic for topic, groups in TOPICS.items() for group in groups}
    rows: dict[str, list[Function]] = {topic: [] for topic in TOPICS}
    for function in functions:
        rows.setdefault(topic_of.get(function.group, function.group), []).append(function)
    return [(topic, members) for topic, members in rows.items() if members]
