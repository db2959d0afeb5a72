"""Journals are closed at the end of a test, also those of runs that were left as if killed."""

from collections.abc import Iterator

import journal_calls
import pytest


@pytest.fixture(autouse=True)
def closed_recordings() -> Iterator[None]:
    yield
    for run in journal_calls.OPENED:
        run.close()
    journal_calls.OPENED.clear()
