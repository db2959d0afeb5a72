"""What must hold of the built site: links lead somewhere, and nothing is loaded from elsewhere."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

_LOADING: Final = {
    ("script", "src"),
    ("link", "href"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("video", "src"),
    ("audio", "src"),
    ("object", "data"),
    ("embed", "src"),
    ("form", "action"),
}
"""Elements whose address a browser opens by itself, or sends something to."""

_CSS_LOAD: Final = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s;]+)""")

_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)

_INERT: Final = {
    "https://unpkg.com/mermaid@": 'class="mermaid"',
    "https://api.github.com/": 'data-md-component="source"',
    "https://${": 'data-md-component="source"',
    "https://unpkg.com/resize-observer-polyfill": "",
    "https://bit.ly/2s3ChXG": "",
}
"""Addresses in the theme's scripts -> what no page may have, so that they stay unused.

"" is a polyfill that no browser of today needs, and a text for the console. The
Content-Security-Policy of the pages forbids them all.
"""


class _Document(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif (tag, name) in _LOADING and value is not None:
                self.loads.append(value)
            elif (tag, name) == ("a", "href") and value is not None:
                self.links.append(value)


def faults(site: Path) -> list[str]:
    """Return what is wrong with a built site, a line each: dead links and outside addresses."""
    texts = {path: path.read_text("utf-8") for path in sorted(site.rglob("*.html"))}
    documents = {path: _parsed(text) for path, text in texts.items()}
    lines = [line for path in documents for line in _of_page(path, documents, site)]
    for path in sorted(site.rglob("*.css")):
        for address in _CSS_LOAD.findall(path.read_text("utf-8")):
            lines.append(f"{path.relative_to(site)}: loads {address}")
    return [*lines, *_of_scripts(site, "".join(texts.values()))]


def _parsed(text: str) -> _Document:
    document = _Document()
    document.feed(text)
    return document


def _of_page(path: Path, documents: dict[Path, _Document], site: Path) -> Iterator[str]:
    name, document = path.relative_to(site), documents[path]
    for address in [*document.loads, *document.links]:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            if address in document.loads and parts.scheme != "data":
                yield f"{name}: loads {address}"
            continue
        base = site if parts.path.startswith("/") else path.parent
        target = (base / PurePosixPath(unquote(parts.path).lstrip("/"))).resolve()
        target = path if not parts.path else target
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file():
            yield f"{name}: the link '{address}' leads nowhere"
        elif parts.fragment and unquote(parts.fragment) not in _anchors(target, documents):
            yield f"{name}: '{address}' names an anchor that is not there"


def _anchors(target: Path, documents: dict[Path, _Document]) -> set[str]:
    return documents[target].anchors if target in documents else set()


def _of_scripts(site: Path, pages: str) -> Iterator[str]:
    for path in sorted(site.rglob("*.js")):
        if path.name == "search_index.js":
            continue  # The text of the pages.
        script = _COMMENT.sub("", path.read_text("utf-8"))
        for address in re.findall(r"https?://[^\s\"'`)<]+", script):
            trigger = next((_INERT[each] for each in _INERT if address.startswith(each)), None)
            if trigger is None or (trigger and trigger in pages):
                yield f"{path.relative_to(site)}: may load {address}"
