"""From the words of a command line to the arguments of a call."""

from typing import Any

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.cli.call.call_arguments import (
    Words,
    lacks_required,
    misspelt_option,
    object_of,
    parameter_flags,
    split,
    typed,
)
from kosmo_circleci.errors import UsageError


def function(name: str) -> Function:
    found = load_catalog().get(name)
    assert found is not None
    return found


def read(name: str) -> str:
    return f"text of {name}"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], Words(None, ())),
        (['{"a": 1}'], Words('{"a": 1}', ())),
        (["-"], Words("-", ())),
        (["@args.json"], Words("@args.json", ())),
        (["--a=1", "--b", "2", "--c"], Words(None, (("a", "1"), ("b", "2"), ("c", None)))),
        (["--a", "--b"], Words(None, (("a", None), ("b", None)))),
        (["--a=x=y", "--b="], Words(None, (("a", "x=y"), ("b", "")))),
        (["--a=1", "{}"], Words("{}", (("a", "1"),))),
        (["--from-failed", "{}"], Words("{}", (("from-failed", None),))),
        (["--from-failed", "yes"], Words(None, (("from-failed", "yes"),))),
        (["--jobs", "-"], Words(None, (("jobs", "-"),))),
        (["--a", "-1"], Words(None, (("a", "-1"),))),
    ],
)
def test_words_have_roles(words: list[str], expected: Words) -> None:
    assert split(function("rerun_workflow"), words) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["5034460f"],
            "'5034460f' is neither a JSON object nor a flag. Write values as --key=value, for "
            "example --workflow-id=5034460f",
        ),
        (["{}", "-"], "Give one JSON argument; single values are written as --key=value."),
        (
            ["[1]"],
            "'[1]' is neither a JSON object nor a flag. Write values as --key=value, for example "
            "--workflow-id=[1]",
        ),
    ],
)
def test_a_word_without_a_role_is_a_usage_error(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        split(function("rerun_workflow"), words)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("name", "flags", "expected"),
    [
        ("get_job_details", [("job-number", "12")], {"job_number": 12}),
        ("get_job_details", [("job_number", "-12")], {"job_number": -12}),
        ("get_job_details", [("job-number", "12x")], {"job_number": "12x"}),
        ("get_job_details", [("job-number", "1.0")], {"job_number": "1.0"}),
        ("get_job_details", [("project-slug", "12")], {"project_slug": "12"}),
        ("get_job_details", [("project-slug", "@f")], {"project_slug": "text of f"}),
        ("get_job_details", [("project-slug", "@")], {"project_slug": "@"}),
        ("get_job_details", [("nope", "1")], {"nope": "1"}),
        ("get_job_details", [("nope", None)], {"nope": "true"}),
        ("get_job_details", [("query", '{"a": "b"}')], {"query": {"a": "b"}}),
        ("get_job_details", [("query.a", "b")], {"query": {"a": "b"}}),
        ("rerun_workflow", [("from-failed", None)], {"from_failed": True}),
        ("rerun_workflow", [("from-failed", "no")], {"from_failed": False}),
        ("rerun_workflow", [("from-failed", "maybe")], {"from_failed": "maybe"}),
        ("rerun_workflow", [("jobs", "a,b")], {"jobs": ["a,b"]}),
        ("rerun_workflow", [("jobs", "a"), ("jobs", "b")], {"jobs": ["a", "b"]}),
        ("rerun_workflow", [("jobs", '["a", "b"]'), ("jobs", "c")], {"jobs": ["a", "b", "c"]}),
        ("create_schedule", [("hours-of-day", "1, 2"), ("hours-of-day", "x")],
         {"hours_of_day": [1, 2, "x"]}),
        ("create_webhook", [("events", "workflow-completed,job-completed")],
         {"events": ["workflow-completed", "job-completed"]}),
        ("trigger_pipeline", [("parameters", '{"on": true}')], {"parameters": {"on": True}}),
        ("trigger_pipeline", [("parameters.deploy", "true"), ("parameters.n", "3"),
                              ("parameters.v", "1.20"), ("parameters.s", '"3"'),
                              ("parameters.t", "main"), ("parameters.l", "[1]")],
         {"parameters": {"deploy": True, "n": 3, "v": "1.20", "s": '"3"', "t": "main", "l": [1]}}),
        ("trigger_pipeline", [("parameters", '{"a": 1}'), ("parameters.b", "2")],
         {"parameters": {"a": 1, "b": 2}}),
    ],
)  # fmt: skip
def test_a_flag_becomes_what_its_parameter_takes(
    name: str, flags: list[tuple[str, str | None]], expected: dict[str, Any]
) -> None:
    found = typed(function(name), flags, read)
    assert found == expected
    assert str(found) == str(expected)  # 1 and True are equal, and not the same


def test_an_arg_is_taken_as_it_stands() -> None:
    assert typed(function("get_project"), [("project_slug", "@f")], None) == {"project_slug": "@f"}


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("get_project", [("project-slug", None)],
         "--project-slug needs a value: write --project-slug=…"),
        ("get_project", [("project-slug", "a"), ("project-slug", "b")],
         "--project-slug is given 2 times, and the parameter takes one value."),
        ("trigger_pipeline", [("parameters", "x")],
         "--parameters is not JSON: Expecting value at line 1 column 1."),
        ("trigger_pipeline", [("parameters", "[1]")],
         '--parameters must be a JSON object such as {"branch": "main"}.'),
        ("rerun_workflow", [("jobs", "[1")],
         "--jobs is not JSON: Expecting ',' delimiter at line 1 column 3."),
        ("get_project", [("project-slug", "a"), ("project-slug.b", "c")],
         "--project-slug is not an object, so it has no key 'b'."),
    ],
)  # fmt: skip
def test_what_a_parameter_cannot_take_is_a_usage_error(
    name: str, flags: list[tuple[str, str | None]], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        typed(function(name), flags, read)
    assert caught.value.message == message


@pytest.mark.parametrize("text", ["[]", "1", '"a"', "null"])
def test_arguments_are_an_object(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        object_of(text, "Standard input")
    assert caught.value.message == (
        'Standard input must be a JSON object such as {"branch": "main"}.'
    )


@pytest.mark.parametrize(
    ("name", "values", "lacks"),
    [
        ("get_current_user", {}, False),
        ("get_project", {}, True),
        ("get_project", {"project_slug": "gh/acme/web"}, False),
        ("create_context", {"name": "a"}, True),
        ("create_context", {"name": "a", "owner_id": "b"}, False),
    ],
)
def test_what_a_call_lacks_is_known(name: str, values: dict[str, Any], lacks: bool) -> None:
    assert lacks_required(function(name), values) is lacks


def test_flags_are_written_with_dashes() -> None:
    assert parameter_flags(function("get_job_details")) == (
        "--project-slug",
        "--job-number",
        "--query",
    )


OPTIONS = ("--arg", "--dry-run", "--force", "--account", "--simulate", "--json", "--help")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("dry-rn", "No such option '--dry-rn'. Did you mean '--dry-run'?"),
        ("acount", "No such option '--acount'. Did you mean '--account'?"),
        ("project-slg", None),  # a misspelt parameter has its own message
        ("project-slug", None),
        ("query.json", None),
        ("nothing", None),
    ],
)
def test_a_misspelt_option_is_told_from_a_parameter(flag: str, message: str | None) -> None:
    assert misspelt_option(function("get_project"), [(flag, None)], OPTIONS) == message
