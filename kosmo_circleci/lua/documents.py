"""`docs.*` as Lua calls it. What is needed is loaded by the first question."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.lua.values import Answer, LuaValues, python_text

if TYPE_CHECKING:
    from kosmo_circleci.workflows.library import Workflow

WorkflowSource: TypeAlias = Callable[[], "Sequence[Workflow]"]
"""Returns the workflows that have a page."""


class Documents:
    """The documentation of one run. `workflows` None means that it has the shipped ones."""

    def __init__(
        self, catalog: Catalog, values: LuaValues, workflows: WorkflowSource | None
    ) -> None:
        self._catalog = catalog
        self._values = values
        self._source = workflows
        self._documented: Sequence[Workflow] | None = None

    def functions(self) -> dict[str, Callable[..., Answer]]:
        """Return the functions by the names the prelude calls."""
        return {"docs_list": self._list, "docs_search": self._search, "docs_read": self._read}

    def _list(self) -> Answer:
        from kosmo_circleci.docs import pages

        return self._values.build(pages.listing(self._catalog, self._workflows()))

    def _read(self, page: bytes) -> Answer:
        from kosmo_circleci.docs import pages

        name = python_text(page)
        return self._values.build(pages.read(name, self._catalog, self._workflows()))

    def _search(self, query: bytes) -> Answer:
        from kosmo_circleci.docs import search

        text = search.search(python_text(query), self._catalog, workflows=self._workflows())
        return self._values.build(text)

    def _workflows(self) -> "Sequence[Workflow] | None":
        """Return the workflows that have a page; the folders are looked into once a run."""
        if self._source is not None and self._documented is None:
            self._documented = self._source()
        return self._documented
