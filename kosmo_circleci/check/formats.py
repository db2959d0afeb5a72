"""A report as other programs read it: SARIF for code scanning, commands for GitHub Actions."""

import urllib.parse
from pathlib import Path
from typing import Final

from kosmo_circleci.check.report import Finding, Report
from kosmo_circleci.check.rules.table import DESCRIPTIONS
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.version import __version__

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def text_of(report: Report, name: str | None, *, as_json: bool) -> str:
    """Return a report in the format of that name, as JSON, or as lines for people."""
    if as_json:
        return report.to_json()
    return report.to_text() if name is None else _FORMATS[name](report)


def to_sarif(report: Report) -> str:
    """Return the findings as a SARIF 2.1.0 log."""
    rules: list[JsonValue] = [
        {"id": name, "shortDescription": {"text": text}} for name, text in DESCRIPTIONS.items()
    ]
    driver: JsonValue = {
        "name": "kosmo integrations:check",
        "version": __version__,
        "rules": rules,
    }
    run: JsonValue = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each) for each in report.findings],
    }
    return encode({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, pretty=True)


def to_github(report: Report) -> str:
    """Return a workflow command for each finding, which GitHub shows beside the line."""
    return "\n".join(
        f"::error file={_property(each.file)},line={each.line},col={each.column},"
        f"title={_property(each.rule)}::{_data(each.message)}"
        for each in report.findings
    )


def _result(finding: Finding) -> JsonValue:
    return {
        "ruleId": finding.rule,
        "ruleIndex": list(DESCRIPTIONS).index(finding.rule),
        "level": "error",
        "message": {"text": finding.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(finding.file)},
                    "region": {"startLine": finding.line, "startColumn": finding.column},
                }
            }
        ],
    }


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else urllib.parse.quote(path.as_posix())


def _data(text: str) -> str:
    # https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


_FORMATS: Final = {"sarif": to_sarif, "github": to_github}
