"""Build the documentation as a site of static HTML: `python scripts/build_site.py [FOLDER]`.

Needs the extra `site`. The site can be opened from the disk or put on any server, its search works
without a network, and no page loads anything from another host. Ends with 1 where a link is dead.
"""

import argparse
import importlib.util
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import site_check
from site_links import SiteError, Targets
from site_pages import Page, Section, anchor, markdown, pages, pictures, site, targets

from kosmo_circleci.catalog.load import load_catalog

ROOT: Final = Path(__file__).parent.parent
THEME: Final = Path(__file__).parent / "site_theme"
INDEX: Final = Path("search/search_index.json")
"""By this file an earlier site is known: building empties the folder first."""
ASSETS: Final = ("kosmo.css", "favicon.svg", "iframe-worker.js")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "site")
    folder = parser.parse_args().folder.resolve()
    if importlib.util.find_spec("mkdocs") is None:
        print("error: needs the extra 'site'; run `make site`", file=sys.stderr)
        return 2
    if folder.exists() and any(folder.iterdir()) and not (folder / INDEX).exists():
        print(f"error: {folder} holds something else; give a new folder", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        build(folder)
    except (SiteError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    faults = site_check.faults(folder)
    for line in faults:
        print(f"error: {line}", file=sys.stderr)
    if not faults:
        print(f"{len(list(folder.rglob('*.html')))} pages: open {folder / 'index.html'}")
    return 1 if faults else 0


def build(folder: Path) -> None:
    """Write the site into `folder`, replacing what is there.

    Raises `SiteError` for a document that links to nothing, `RuntimeError` for an example that
    fails or a build with warnings.
    """
    members, where = site(load_catalog()), targets(load_catalog())
    with tempfile.TemporaryDirectory() as source:
        write_sources(Path(source), members, where)
        _render(Path(source), folder, [navigation(each) for each in members])


def write_sources(source: Path, members: tuple[Page | Section, ...], where: Targets) -> None:
    """Write every page as Markdown, and what pages load, below `source`."""
    for page in pages(members):
        path = source / page.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(markdown(page, where), "utf-8")
    (source / "assets").mkdir()
    for name in ASSETS:
        shutil.copy(THEME / name, source / "assets" / name)
    for picture in pictures():
        shutil.copy(picture, source / picture.name)


def navigation(member: Page | Section) -> Any:
    """Return a member of the navigation as mkdocs takes it."""
    if isinstance(member, Page):
        return {member.title: member.path} if member.title else member.path
    return {member.title: [navigation(each) for each in member.members]}


def _render(source: Path, folder: Path, nav: list[Any]) -> None:
    from mkdocs.commands.build import build as build_html
    from mkdocs.config import load_config
    from mkdocs.exceptions import MkDocsException

    os.environ.setdefault("SOURCE_DATE_EPOCH", "0")  # The same documents make the same site.
    try:
        config = load_config(
            config_file=str(THEME / "mkdocs.yml"),
            docs_dir=str(source),
            site_dir=str(folder),
            nav=nav,
            strict=True,
        )
        config.mdx_configs["toc"]["slugify"] = anchor
        build_html(config)
    except MkDocsException as error:
        raise RuntimeError(str(error)) from None
    shutil.rmtree(folder / "assets/javascripts/lunr")  # Languages these pages are not in.
    for path in [*folder.rglob("*.map"), *folder.glob("sitemap.xml*")]:
        path.unlink()  # For the theme's authors, and for a site that knows its address.


if __name__ == "__main__":
    sys.exit(main())
