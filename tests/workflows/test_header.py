"""The header of a workflow file: declared arguments are checked, converted and given defaults."""

from collections.abc import Mapping
from typing import Any

import pytest

from kosmo_circleci.errors import ConfigurationError, UsageError
from kosmo_circleci.workflows.header import Argument, Header, parse

SCRIPT = """#!/usr/bin/env -S kosmo integrations:lua
--- Why did the newest build of a branch fail:
--- job, step, tests, log.
-- @arg project  string  = @here.project_slug   The project's slug.
-- @arg branch   string  = main  The branch.
-- @arg lines    integer = 40    Lines of log per step.
-- @arg only     string?         Only jobs whose name matches this regex.
-- @arg labels   json    = ["a b", 1]  Labels.
-- @arg greeting string  = "two words"  A greeting.
-- @arg target   string
-- @writes rerun_workflow, cancel_workflow
local x = 1
-- @arg late string  not in the first block
"""


def nowhere() -> Mapping[str, str]:
    raise ConfigurationError("/srv is not inside a git checkout.")


def here() -> Mapping[str, str]:
    return {"project_slug": "gh/acme/web", "branch": "topic"}


def test_the_first_comment_block_declares() -> None:
    assert parse(SCRIPT, "why.lua") == Header(
        "Why did the newest build of a branch fail: job, step, tests, log.",
        (
            Argument("project", "string", False, "@here.project_slug", "The project's slug."),
            Argument("branch", "string", False, "main", "The branch."),
            Argument("lines", "integer", False, "40", "Lines of log per step."),
            Argument("only", "string", True, None, "Only jobs whose name matches this regex."),
            Argument("labels", "json", False, '["a b", 1]', "Labels."),
            Argument("greeting", "string", False, "two words", "A greeting."),
            Argument("target", "string", False, None, ""),
        ),
        ("rerun_workflow", "cancel_workflow"),
    )


@pytest.mark.parametrize(
    ("source", "header"),
    [
        ("return 1", Header()),
        ("", Header()),
        ("-- an ordinary comment\nreturn 1", Header()),
        ("\n--- About.\n-- @writes none\n", Header("About.", (), ())),
        ("--[[ @arg x string ]]", Header()),
    ],
)
def test_a_file_may_declare_little_or_nothing(source: str, header: Header) -> None:
    assert parse(source, "x.lua") == header


def test_values_are_converted_and_defaults_are_filled_in() -> None:
    header = parse(SCRIPT, "why.lua")
    assert header.bound({"target": "t", "lines": "12"}, here) == {
        "project": "gh/acme/web",
        "branch": "main",
        "lines": 12,
        "labels": ["a b", 1],
        "greeting": "two words",
        "target": "t",
    }


def test_without_declared_arguments_everything_is_taken_as_it_is() -> None:
    assert Header().bound({"any": "thing"}, nowhere) == {"any": "thing"}


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        ("integer", "-7", -7),
        ("integer", 7, 7),
        ("number", "1.5", 1.5),
        ("number", "2", 2),
        ("boolean", "yes", True),
        ("boolean", "OFF", False),
        ("boolean", True, True),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("json", [1], [1]),
        ("integer", "-9223372036854775808", -(2**63)),
        ("number", "9223372036854775808", 2.0**63),
        ("number", 2**64, 2.0**64),
        ("string", "12", "12"),
    ],
)
def test_a_type_takes_its_text_and_its_json(kind: str, value: Any, result: Any) -> None:
    assert Header("", (Argument("a", kind),)).bound({"a": value}, nowhere) == {"a": result}


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("integer", "1.5", "Argument 'a' takes an integer, got '1.5'."),
        ("integer", 1.5, "Argument 'a' takes an integer, got '1.5'."),
        ("integer", True, "Argument 'a' takes an integer, got 'true'."),
        ("number", "many", "Argument 'a' takes a number, got 'many'."),
        ("integer", "9223372036854775808", "Argument 'a' takes an integer of 64 bits, got '9223"),
        ("integer", 2**63, "Argument 'a' takes an integer of 64 bits, got '9223372036854775808'."),
        ("number", "1e999", "Argument 'a' takes a number, got '1e999'."),
        ("number", 10**400, "Argument 'a' takes a number of 64 bits, got '1000"),
        ("boolean", "maybe", "Argument 'a' takes true or false, got 'maybe'."),
        ("boolean", 1, "Argument 'a' takes true or false, got '1'."),
        ("string", 12, "Argument 'a' takes a string, got '12'."),
        ("json", "{", "Argument 'a' takes JSON: "),
    ],
)
def test_another_type_is_a_usage_error(kind: str, value: Any, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        Header("", (Argument("a", kind),)).bound({"a": value}, nowhere)
    assert refused.value.message.startswith(message)


def test_unknown_and_missing_arguments_are_named() -> None:
    header = parse(SCRIPT, "why.lua")
    with pytest.raises(UsageError, match=r"^Unknown argument 'brnch'\. Did you mean 'branch'\?"):
        header.bound({"target": "t", "brnch": "x"}, here)
    with pytest.raises(UsageError, match=r"^Missing argument 'target' \(string\)"):
        header.bound({}, here)
    with pytest.raises(UsageError) as refused:
        header.bound({"target": "t"}, nowhere)
    assert refused.value.message == (
        "Missing argument 'project': /srv is not inside a git checkout. "
        "Give it with --arg project=…"
    )


@pytest.mark.parametrize(
    ("field", "fields", "reason"),
    [
        ("branch", {"revision": "5f0c1a9"}, "its HEAD is detached."),
        ("revision", {"branch": "main"}, "nothing is committed yet."),
        (
            "project_slug",
            {"branch": "main"},
            "no remote is the one that counts (the branch's own, ",
        ),
        (
            "project_slug",
            {"remote": "git@gitlab.com:acme/web.git"},
            "its remote, git@gitlab.com:acme/web.git, does not say it.",
        ),
    ],
)
def test_a_checkout_that_does_not_say_it_is_told_why(
    field: str, fields: Mapping[str, str], reason: str
) -> None:
    argument = Argument("a", "string", False, f"@here.{field}")
    with pytest.raises(UsageError) as refused:
        Header("", (argument,)).bound({}, lambda: fields)
    start = f"Missing argument 'a': the git checkout has none: {reason}"
    assert refused.value.message.startswith(start)
    optional = Header("", (argument._replace(optional=True),))
    assert optional.bound({}, lambda: fields) == {}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("@arg", "x.lua:1: write '@arg NAME TYPE[?] [= DEFAULT]  DESCRIPTION'."),
        ("@arg a int", "x.lua:1: unknown type 'int'. Types: string, integer, number, boolean"),
        ("@arg a integer = soon", "x.lua:1: Argument 'a' takes an integer, got 'soon'."),
        ('@arg a string = "unclosed  What.', 'x.lua:1: the default "unclosed  What. is not JSON.'),
        ("@arg a string = 'two words'", "x.lua:1: the default 'two words' is not JSON. Write one"),
        ("@arg a json = [1, 2  What.", "x.lua:1: the default [1, 2  What. is not JSON."),
        ("@arg a string = @here.repo", "x.lua:1: unknown '@here.repo'. Fields: project_slug"),
    ],
)
def test_a_header_that_cannot_be_read_names_the_line(line: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(f"-- {line}", "x.lua")
    assert refused.value.message.startswith(message)


@pytest.mark.parametrize("value", ["5", "plain text", "[1]", ""])
def test_a_string_that_comes_out_of_json_is_not_read_again(value: str) -> None:
    header = Header("", (Argument("a", "json"),))
    assert header.bound({"a": value}, nowhere, decoded={"a"}) == {"a": value}


def test_null_out_of_json_counts_as_not_given() -> None:
    header = Header("", (Argument("a", "json", False, "[1]"),))
    assert header.bound({"a": None}, nowhere, decoded={"a"}) == {"a": [1]}
