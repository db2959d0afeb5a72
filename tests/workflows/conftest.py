"""Each test of a ready-made workflow has a simulated CircleCI of its own."""

from collections.abc import Iterator

import pytest

from tests.support.shipped import Simulation, simulation


@pytest.fixture
def circleci() -> Iterator[Simulation]:
    """Return a new simulated CircleCI."""
    simulated = simulation()
    with simulated.bridge:
        yield simulated
