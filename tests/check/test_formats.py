"""Findings for code scanning and for GitHub's annotations."""

import json

from kosmo_circleci.check.formats import to_github, to_sarif
from kosmo_circleci.check.report import Finding, Report
from kosmo_circleci.check.rules.table import DESCRIPTIONS
from kosmo_circleci.version import __version__

REPORT = Report(
    (
        Finding("ci/a, b.lua", 3, 7, "Unknown field 'x' (a%b)\nsecond line", "unknown-field"),
        Finding("/srv/c d.lua", 1, 1, "'end' is missing for this 'if'", "syntax"),
    )
)


def test_github_gets_a_command_for_each_finding_with_its_special_characters_escaped() -> None:
    assert to_github(REPORT) == (
        "::error file=ci/a%2C b.lua,line=3,col=7,title=unknown-field::"
        "Unknown field 'x' (a%25b)%0Asecond line\n"
        "::error file=/srv/c d.lua,line=1,col=1,title=syntax::'end' is missing for this 'if'"
    )
    assert to_github(Report()) == ""


def test_sarif_names_the_rules_and_the_places() -> None:
    log = json.loads(to_sarif(REPORT))
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (log["version"], run["columnKind"]) == ("2.1.0", "unicodeCodePoints")
    assert (driver["name"], driver["version"]) == ("kosmo integrations:check", __version__)
    assert [each["id"] for each in driver["rules"]] == list(DESCRIPTIONS)
    first, second = run["results"]
    assert first == {
        "ruleId": "unknown-field",
        "ruleIndex": list(DESCRIPTIONS).index("unknown-field"),
        "level": "error",
        "message": {"text": "Unknown field 'x' (a%b)\nsecond line"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "ci/a%2C%20b.lua"},
                    "region": {"startLine": 3, "startColumn": 7},
                }
            }
        ],
    }
    location = second["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": "file:///srv/c%20d.lua"}


def test_sarif_without_findings_is_a_log_without_results() -> None:
    (run,) = json.loads(to_sarif(Report()))["runs"]
    assert run["results"] == []
