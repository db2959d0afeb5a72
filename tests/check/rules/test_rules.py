"""Every rule: what it finds, and what it must leave alone.

The cases are in `tests/data/check/rules`: a script on a line of its own, and below it, indented,
what is found in it. `c` is CircleCI's namespace.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from kosmo_circleci.check.rules.table import DESCRIPTIONS, RULES, SYNTAX

FOLDER: Final = Path(__file__).parents[2] / "data" / "check" / "rules"


class Case(NamedTuple):
    place: str
    code: str
    findings: list[str]


def _cases() -> Iterator[Case]:
    for file in sorted(FOLDER.glob("*.txt")):
        lines = file.read_text("utf-8").splitlines()
        for index, line in enumerate(lines):
            if line and not line.startswith(("    ", "--")):
                below = takewhile(lambda each: each.startswith("    "), lines[index + 1 :])
                yield Case(f"{file.name}:{index + 1}", line, [each.strip() for each in below])


CASES: Final = [*_cases()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.place)
def test_a_script_has_exactly_the_findings_below_it(
    case: Case, findings: Callable[[str], list[str]]
) -> None:
    assert findings(case.code) == case.findings


def test_every_rule_has_cases_of_both_kinds() -> None:
    counts = Counter(each.rpartition("[")[2][:-1] for case in CASES for each in case.findings)
    assert set(counts) == set(RULES)
    assert min(counts.values()) >= 2
    assert sum(not case.findings for case in CASES) > 100


def test_every_rule_says_what_it_means() -> None:
    assert set(DESCRIPTIONS) == {SYNTAX, *RULES}
