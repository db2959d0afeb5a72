"""Scripts that try to write without leave; the table is in `attacks/writes/`.

A case begins with `--# NAME`; `c` is `app.integrations.circleci`. Each runs under a header that
allows no write, with `--force`; under one that allows another function; and under a policy that
asks where nobody answers. Whatever comes of it: no write leaves.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from kosmo_circleci.limits import Limits
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.runtime import Runtime

TABLE: Final = Path(__file__).parent / "attacks" / "writes" / "writes.lua"
HEADER: Final = re.compile(r"^--# (.+)$\n", re.M)
_, *_PARTS = HEADER.split(TABLE.read_text("utf-8"))
CASES: Final = dict(zip(_PARTS[::2], _PARTS[1::2], strict=True))
LIMITS: Final = Limits(cpu_s=5.0, timeout_s=20.0)
LEAVE: Final = {
    "@writes none, forced": RunSettings(force=True, writes=(), limits=LIMITS),
    "@writes another, forced": RunSettings(force=True, writes=("rerun_workflow",), limits=LIMITS),
    "nobody to ask": RunSettings(limits=LIMITS),
}


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    shared = Runtime(simulate=True)
    yield shared
    shared.close()


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("leave", LEAVE)
@pytest.mark.parametrize("name", CASES)
def test_no_write_is_made_without_leave(name: str, leave: str, runtime: Runtime) -> None:
    run = runtime.run("local c = app.integrations.circleci\n" + CASES[name], LEAVE[leave])
    assert run.writes == (0, 0, 0)
    assert [each for each in run.call_log if each["kind"] == "write"] == []
    assert "internal error" not in str(run.error)
    assert runtime.run(
        "return app.integrations.circleci.get_context('context-uuid').id", LEAVE[leave]
    ).result
