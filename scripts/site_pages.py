"""The pages of the site, as Markdown: what `docs.read` answers, and what the simulator answers.

Nothing is written here that has another home: guides come from lua_docs/, functions from the
manifest through `docs.render`, commands from their own help, workflows from their files.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import site_answers
from command_docs import section as command_section
from markers import between
from site_links import Targets, linked

from kosmo_circleci.catalog import synonyms
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.cli.commands import COMMANDS, grouped, load
from kosmo_circleci.cli.names import short_name
from kosmo_circleci.docs import guides, helpers, index, render
from kosmo_circleci.docs import workflows as workflow_docs
from kosmo_circleci.files.folders import documentation_folder
from kosmo_circleci.workflows.sources import shipped

ROOT: Final = Path(__file__).parent.parent
PROJECT: Final = {
    "SECURITY.md": ("Security", "security.md"),
    "CHANGELOG.md": ("Changes", "changes.md"),
    ".circleci/orb.yml": ("Orb", "orb.md"),
    "LICENSE": ("License", "license.md"),
}
"""File of the repository -> title and path of its page."""

_NO_SIDEBAR: Final = "---\nhide: [navigation]\n---\n"
_SEARCHED_LAST: Final = "---\nsearch: {boost: 0.3}\n---\n"
_NOT_SEARCHED: Final = "{ data-search-exclude }"

Text = Callable[[], str]


class Page(NamedTuple):
    """A page: where it is on the site, its name in the navigation, how its text is made.

    `source` is the document in the repository that it shows, "" where there is none.
    """

    path: str
    title: str
    text: Text
    source: str = ""


class Section(NamedTuple):
    """A group of the navigation; a first page without a title of its own is the group's page."""

    title: str
    members: "tuple[Page | Section, ...]"


def site(catalog: Catalog) -> tuple[Page | Section, ...]:
    """Return every page, in the order of the navigation."""
    home = Page("index.md", "Home", lambda: f"{_NO_SIDEBAR}{_file('README.md')}", "README.md")
    return (
        home,
        Section("Guides", (*map(_guide, _guides_in_order()), *map(_document, _documents()))),
        Section("Functions", tuple(_functions(catalog))),
        Section("Workflows", tuple(_workflows())),
        Section("Commands", tuple(_commands())),
        Section("Project", tuple(_project(name) for name in PROJECT)),
    )


def pages(members: tuple[Page | Section, ...]) -> Iterator[Page]:
    """Yield the pages of the navigation, sections resolved."""
    for each in members:
        if isinstance(each, Page):
            yield each
        else:
            yield from pages(each.members)


def markdown(page: Page, targets: Targets) -> str:
    """Return the text of a page, linked to the others. Raises `SiteError`."""
    return linked(page.text(), page.path, page.source, targets)


def targets(catalog: Catalog) -> Targets:
    """Return where every function, helper, command and file is on the site."""
    files = {name: path for name, (_, path) in PROJECT.items()}
    files |= {f"lua_docs/{name}.md": _guide_path(name) for name in guides.names()}
    files |= {f"lua_docs/{name}": f"guides/{name}" for name in _documents()}
    files |= {f"lua_docs/{path.name}": path.name for path in pictures()}
    files |= {f"lua_docs/workflows/{each.name}.lua": _path_of(each.name) for each in shipped()}
    files["lua_docs/workflows"] = "workflows/index.md"
    names = {name: _guide_path(name) for name in guides.names()}
    names |= {
        each.name: f"{_guide_path(each.guide)}#{anchor(each.name)}"
        for each in helpers.helpers().values()
        if not each.is_guide
    }
    names |= {name: f"functions/{name}.md" for name in catalog.names}
    names |= {f"{each.name}.lua": _path_of(each.name) for each in shipped()}
    names |= {f"workflows.{each.name}": _path_of(each.name) for each in shipped()}
    names[index.NAME] = "functions/index.md"
    return Targets(names, {name: _command_path(name) for name in COMMANDS}, files)


def anchor(heading: str, separator: str = "-") -> str:
    """Return the anchor of a heading: of `flow.map(list, fn)` it is `flow-map`."""
    return separator.join(re.findall(r"[\w-]+", heading.partition("(")[0].lower()))


def pictures() -> list[Path]:
    """Return the pictures that documents show."""
    return sorted(documentation_folder().glob("*.svg"))


def _file(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _project(name: str) -> Page:
    title, path = PROJECT[name]

    def text() -> str:
        body = _file(name)
        if name.endswith(".md"):
            return _SEARCHED_LAST + body
        code = f"```yaml\n{body.rstrip()}\n```\n"
        return f"# {title}\n\n{code if name.endswith('.yml') else body}"

    return Page(path, title, text, name)


def _guides_in_order() -> list[str]:
    """Return the guides in the order in which the overview's table names them, then the rest."""
    rows = re.findall(r"^\| `(\w+)` \|", guides.read("overview"), re.MULTILINE)
    order = ["overview", *rows]
    names = [name for name in guides.names() if name != "cli"]  # It begins the commands.
    return sorted(names, key=lambda name: order.index(name) if name in order else len(order))


def _guide(name: str) -> Page:
    title = guides.title(name).partition(":")[0].strip("`")
    return Page(_guide_path(name), title, lambda: guides.read(name), f"lua_docs/{name}.md")


def _guide_path(name: str) -> str:
    return "commands/index.md" if name == "cli" else f"guides/{name}.md"


def _documents() -> list[str]:
    """Return the files of lua_docs/ that are not guides, such as a skill for coding agents."""
    paths = documentation_folder().glob("*.md")
    return sorted(path.name for path in paths if path.stem not in guides.names())


def _document(name: str) -> Page:
    source = f"lua_docs/{name}"
    return Page(f"guides/{name}", name, lambda: _file(source), source)


def _functions(catalog: Catalog) -> Iterator[Page | Section]:
    yield Page("functions/index.md", "", lambda: index.page(catalog))
    for topic, functions in index.by_topic(catalog.functions()):
        yield Section(topic, (_topic(topic, functions), *_of_topic(functions, catalog)))


def _topic(topic: str, functions: list[Function]) -> Page:
    def text() -> str:
        return index.section(topic, functions).removeprefix("##")

    return Page(f"topics/{anchor(topic)}/index.md", "", text)


def _of_topic(functions: list[Function], catalog: Catalog) -> Iterator[Page]:
    for each in functions:

        def text(function: Function = each) -> str:
            return _function_text(function, catalog)

        yield Page(f"functions/{each.name}.md", each.name, text)


def _function_text(function: Function, catalog: Catalog) -> str:
    """Return the page of `docs.read`, with what its example answers.

    The search leaves out what every page has, and the values of answers.
    """
    answer = (
        f"## Answer {_NOT_SEARCHED}\n\n"
        "What the example prints in [the simulated CircleCI](../guides/simulator.md):\n\n"
        f"{site_answers.of_example(function)}\n\n## Fails with {_NOT_SEARCHED}\n"
    )
    words = f"<p hidden>{_other_words(function)}</p>\n\n## Parameters\n"
    page = render.function_page(function, catalog).replace("## Fails with\n", answer, 1)
    return page.replace("## Parameters\n", words, 1)


def _other_words(function: Function) -> str:
    """Return words by which people look for a function, for the search alone: stop for cancel."""
    verb, *nouns = function.name.split("_")
    words = [function.keywords, synonyms.VERBS.get(verb, "")]
    words += [synonyms.NOUNS.get(noun.removesuffix("s"), "") for noun in nouns]
    if "env_var" in function.name:
        words.append(synonyms.NOUNS["envvar"])
    return " ".join(dict.fromkeys(" ".join(words).replace(",", " ").split()))


def _path_of(workflow: str) -> str:
    return f"workflows/{workflow}.md"


def _workflows() -> Iterator[Page]:
    yield Page("workflows/index.md", "", _workflow_index)
    for each in shipped():

        def text(name: str = each.name) -> str:
            return _workflow_text(name)

        yield Page(_path_of(each.name), each.name, text)


def _workflow_index() -> str:
    rows = [
        f"| [{each.name}]({each.name}.md) | {each.described().description} |" for each in shipped()
    ]
    return "\n".join(
        [
            "# Ready-made workflows\n",
            "Each is a Lua file that comes with the program: `kosmo workflows:list` lists them, "
            "`kosmo workflows:show NAME` prints one, `kosmo run --workflow NAME` runs it, and with "
            "`--simulate` nothing happens anywhere.\n",
            "| workflow | what it does |\n| --- | --- |",
            *rows,
        ]
    )


def _workflow_text(name: str) -> str:
    """Return the page that `docs.read` has, with what the workflow writes to a terminal."""
    page = workflow_docs.read(name, None)
    assert page is not None
    command, output = site_answers.of_workflow(name)
    head, source = page.split("## Source\n", 1)
    return f"{head}## Try it\n\n```sh\n{command}\n```\n\n{output}\n\n## Source\n{source}"


def _commands() -> Iterator[Page | Section]:
    yield Page("commands/index.md", "", _command_index, "lua_docs/cli.md")
    for title, names in grouped():
        members = (Page(_command_path(name), f"kosmo {name}", _help_of(name)) for name in names)
        yield Section(title, tuple(members))


def _command_path(name: str) -> str:
    return f"commands/{name.replace(':', '-')}.md"


def _command_index() -> str:
    parts = []
    for title, names in grouped():
        rows = [f"| `kosmo {name}` | {COMMANDS[name][2]} |" for name in names]
        parts.append("\n".join([f"## {title}\n", "| command | |\n| --- | --- |", *rows]))
    return between(guides.read("cli"), "commands", "\n\n".join(parts))


def _help_of(name: str) -> Text:
    def text() -> str:
        short = short_name(name)
        also = f"\n\nAlso `kosmo {short}`." if short else ""
        heading, body = command_section(name, load(name)).split("\n", 1)
        return f"# kosmo {heading.removeprefix('### ')}{also}\n{body}\n"

    return text
