"""Results of tests as text, TAP, JUnit and JSON."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from kosmo_circleci.cli.testing.runner import Result
from kosmo_circleci.jsonvalue import JsonValue, encode

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_text(result: Result) -> str:
    """Return the line of one test; below it, why it failed and what it printed."""
    verdict = "ok  " if result.run.success else "FAIL"
    lines = [f"{verdict} {result.file} {result.name}"]
    if not result.run.success:
        lines += [f"     {line}" for line in _details(result)]
    return "\n".join(lines)


def summary(results: Sequence[Result]) -> str:
    """Return the line that counts."""
    failed = sum(not each.run.success for each in results)
    return f"{len(results) - failed} passed, {failed} failed"


def to_tap(results: Sequence[Result]) -> str:
    """Return the results in the Test Anything Protocol, version 14."""
    return "\n".join(["TAP version 14", f"1..{len(results)}", *_tap_points(results)])


def _tap_points(results: Sequence[Result]) -> Iterator[str]:
    for number, result in enumerate(results, start=1):
        verdict = "ok" if result.run.success else "not ok"
        # A `#` would begin a directive such as `# SKIP`.
        title = f"{result.file} {result.name}".replace("\\", "\\\\").replace("#", "\\#")
        yield f"{verdict} {number} - {title}"
        if not result.run.success:
            yield "  ---"
            yield f"  message: {encode(result.run.error)}"
            yield f"  severity: {encode(result.run.error_type)}"
            yield f"  output: {encode(result.run.output)}"
            yield "  ..."


def to_junit(results: Sequence[Result]) -> str:
    """Return the results as JUnit's XML, a suite for each file."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {_counts(results)}>"]
    for file, group in groupby(results, key=lambda each: each.file):
        suite = list(group)
        lines.append(f"  <testsuite name={_attribute(file)} {_counts(suite)}>")
        for result in suite:
            lines += _junit_case(result)
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>"])


def _junit_case(result: Result) -> Iterator[str]:
    yield (
        f"    <testcase classname={_attribute(result.file)} name={_attribute(result.name)} "
        f'time="{result.duration_s:.3f}">'
    )
    run = result.run
    if run.error is not None:
        first = run.error.partition("\n")[0]
        yield (
            f"      <failure type={_attribute(run.error_type or '')} message={_attribute(first)}>"
            f"{_content(run.error)}</failure>"
        )
    if run.output:
        yield f"      <system-out>{_content(run.output)}</system-out>"
    yield "    </testcase>"


def _counts(results: Sequence[Result]) -> str:
    failed = sum(not each.run.success for each in results)
    seconds = sum(each.duration_s for each in results)
    return f'tests="{len(results)}" failures="{failed}" errors="0" time="{seconds:.3f}"'


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text))


def _content(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))


def to_value(results: Sequence[Result]) -> dict[str, JsonValue]:
    """Return the results as JSON: `{success, passed, failed, tests}`."""
    failed = sum(not each.run.success for each in results)
    tests: list[JsonValue] = [
        {
            "file": each.file,
            "name": each.name,
            "success": each.run.success,
            "error": each.run.error,
            "error_type": each.run.error_type,
            "output": each.run.output,
            "duration_ms": round(each.duration_s * 1000, 1),
            "call_count": each.run.call_count,
        }
        for each in results
    ]
    return {
        "success": failed == 0,
        "passed": len(results) - failed,
        "failed": failed,
        "tests": tests,
    }


def _details(result: Result) -> list[str]:
    lines = (result.run.error or "").split("\n")
    if result.run.output:
        lines += ["printed:", *(f"  {line}" for line in result.run.output.split("\n"))]
    return lines
