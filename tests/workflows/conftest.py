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


@pytest.fixture
def server() -> Iterator[Simulation]:
    """Return a new simulated CircleCI Server, which has no API v3."""
    simulated = simulation(has_v3=False)
    with simulated.bridge:
        yield simulated
