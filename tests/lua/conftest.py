from collections.abc import Callable, Iterator

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.run.envelope import Run

RunScript = Callable[[str], Run]


@pytest.fixture(scope="session")
def bridge() -> Iterator[Bridge]:
    with Bridge(simulate=True) as simulated:
        yield simulated


@pytest.fixture
def run(bridge: Bridge) -> RunScript:
    """Run a script in this process, in a Lua state of its own."""
    return lambda code: bridge.run(code, name="eval")
