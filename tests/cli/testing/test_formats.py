"""Results of tests for CI: TAP and JUnit."""

import xml.etree.ElementTree as ET

import pytest

from kosmo_circleci.cli.testing.formats import to_junit, to_tap, to_value
from kosmo_circleci.cli.testing.runner import Result
from kosmo_circleci.run.envelope import Run

RESULTS = [
    Result("a_test.lua", "test_one", Run(success=True, output="a <b> & \x07\nc"), 0.25),
    Result(
        "a_test.lua",
        "test_#2",
        Run(success=False, error='a_test.lua:3: "x" <y>\nmore: [1]', error_type="runtime"),
        0.5,
    ),
    Result("b_test.lua", "(file)", Run(success=False, error="b: bad", error_type="syntax"), 0.0),
]


def test_tap_numbers_the_tests_and_tells_why_one_failed() -> None:
    assert to_tap(RESULTS) == (
        "TAP version 14\n"
        "1..3\n"
        "ok 1 - a_test.lua test_one\n"
        "not ok 2 - a_test.lua test_\\#2\n"
        "  ---\n"
        '  message: "a_test.lua:3: \\"x\\" <y>\\nmore: [1]"\n'
        '  severity: "runtime"\n'
        '  output: ""\n'
        "  ...\n"
        "not ok 3 - b_test.lua (file)\n"
        "  ---\n"
        '  message: "b: bad"\n'
        '  severity: "syntax"\n'
        '  output: ""\n'
        "  ..."
    )


def test_the_diagnostics_of_tap_are_yaml() -> None:
    yaml = pytest.importorskip("yaml")
    block = to_tap(RESULTS).split("  ---\n")[1].split("  ...")[0]
    assert yaml.safe_load(block) == {
        "message": RESULTS[1].run.error,
        "severity": "runtime",
        "output": "",
    }


def test_junit_has_a_suite_for_each_file() -> None:
    root = ET.fromstring(to_junit(RESULTS))
    assert root.attrib == {"tests": "3", "failures": "2", "errors": "0", "time": "0.750"}
    first, second = root
    assert (first.get("name"), first.get("tests"), first.get("failures")) == (
        "a_test.lua",
        "2",
        "1",
    )
    passed, failed = first
    assert passed.attrib == {"classname": "a_test.lua", "name": "test_one", "time": "0.250"}
    assert passed.findtext("system-out") == "a <b> & \ufffd\nc"
    failure = failed.find("failure")
    assert failure is not None
    assert failure.attrib == {"type": "runtime", "message": 'a_test.lua:3: "x" <y>'}
    assert failure.text == RESULTS[1].run.error
    assert second[0].get("name") == "(file)"


def test_json_counts_and_lists_the_tests() -> None:
    value = to_value(RESULTS)
    assert (value["success"], value["passed"], value["failed"]) == (False, 1, 2)
    assert to_value(RESULTS[:1]) == {
        "success": True,
        "passed": 1,
        "failed": 0,
        "tests": [
            {
                "file": "a_test.lua",
                "name": "test_one",
                "success": True,
                "error": None,
                "error_type": None,
                "output": "a <b> & \x07\nc",
                "duration_ms": 250.0,
                "call_count": 0,
            }
        ],
    }
