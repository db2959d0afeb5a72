from collections.abc import Iterator

import pytest
from lua_cases import RunScript

from kosmo_circleci import Bridge


@pytest.fixture(scope="session")
def bridge() -> Iterator[Bridge]:
    with Bridge(simulate=True) as simulated:
        yield simulated


@pytest.fixture
def run(bridge: Bridge) -> RunScript:
    """Run a script in this process, in a Lua state of its own."""
    return lambda code: bridge.run(code, name="eval")
