"""A journal for each input: one that succeeded is skipped when the fleet is resumed.

An input's content names its journal, and its number among equal inputs: a list that grew, or was
sorted otherwise, finds them again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from kosmo_circleci.errors import JournalError
from kosmo_circleci.fleet.inputs import Item
from kosmo_circleci.run.settings import JournalSettings


class ItemJournals:
    """The journals of a fleet in a folder, which is made if it is absent.

    With `resume` an input whose newest run has succeeded is skipped, any other continued. Raises
    `JournalError` for a folder that cannot be used.
    """

    def __init__(self, settings: JournalSettings) -> None:
        assert settings.file is not None
        self._settings = settings
        self._folder = Path(settings.file)
        self._equal: Counter[str] = Counter()
        self._names: dict[int, str] = {}
        self.skipped = 0
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise JournalError(
                f"{self._folder}: {error.strerror or error}. With --each, --journal names a folder."
            ) from None

    def pending(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the inputs that are to be run."""
        for item in items:
            key = item.content_key()
            self._equal[key] += 1
            name = f"{key}-{self._equal[key]}.journal"
            if self._settings.resume and self._has_succeeded(name):
                self.skipped += 1
                continue
            self._names[item.index] = name
            yield item

    def settings_of(self, item: Item) -> JournalSettings:
        """Return where the run of a pending input is recorded."""
        file = str(self._folder / self._names.pop(item.index))
        return self._settings._replace(file=file)

    def _has_succeeded(self, name: str) -> bool:
        from kosmo_circleci.journal.runs import list_runs

        path = self._folder / name
        if not path.exists():
            return False
        runs = list_runs(path)
        return bool(runs) and runs[0]["outcome"] == "succeeded"
