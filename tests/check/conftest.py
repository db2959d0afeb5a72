"""Scripts are checked as the tests write them, with two accounts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.check.check import check
from kosmo_circleci.check.report import Report
from kosmo_circleci.script.modules import Modules

MODULES = Path(__file__).parents[1] / "data" / "check" / "modules"
CheckScript = Callable[[str], Report]
Findings = Callable[[str], list[str]]

HEAD = "local c = app.integrations.circleci; "


@pytest.fixture
def check_script() -> CheckScript:
    """Check a script; it is called `s`, the accounts are `default` and `work`.

    Its modules are in `tests/data/check/modules`.
    """
    modules = Modules([str(MODULES)])
    return lambda code: check(code, "s", load_catalog(), ("default", "work"), modules)


@pytest.fixture
def findings(check_script: CheckScript) -> Findings:
    """The findings of a script that begins with `c`, CircleCI's namespace: `message [rule]`.

    A `⏎` ends a line; what stands before the last one is the header.
    """

    def texts(code: str) -> list[str]:
        *header, body = (line.strip() for line in code.split("⏎"))
        report = check_script("\n".join([*filter(None, header), HEAD + body]))
        return [f"{each.message} [{each.rule}]" for each in report.findings]

    return texts
