"""`kosmo call FUNCTION --help`: one function's parameters, as the flags that give them."""

import re
import shlex
from typing import Any

import pytest

from kosmo_circleci.call import arguments
from kosmo_circleci.call.model import RawArguments
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.cli.call import call_arguments, example
from kosmo_circleci.cli.call.call_arguments import as_flag
from kosmo_circleci.cli.call.function_help import LINES, function_help

CALL = "integrations:call"
FUNCTIONS = list(load_catalog().functions())

TRIGGER_PIPELINE = r"""Usage: kosmo integrations:call trigger_pipeline [JSON] [--KEY=VALUE]

  Trigger (start) a new pipeline on a branch or tag of a project. GitHub App and
  GitLab projects need trigger_pipeline_run.
  Write (asks, or needs --force or the policy): POST
  /api/v2/project/{project-slug}/pipeline

Parameters:
  --project-slug string  Required. Project slug vcs/org/repo, e.g. gh/acme/web.
  --branch string        Branch to build; the default branch if absent. Not
                         together with tag.
  --tag string           Tag to build; not together with branch.
  --parameters object    Pipeline parameters: an object of strings, integers and
                         booleans.

Example:
  kosmo integrations:call trigger_pipeline \
    --project-slug=gh/example-org/example-repo --branch=main

Options of the command: 'kosmo integrations:call --help'. The answer and what
can fail: 'kosmo docs circleci.trigger_pipeline'.
"""


def function(name: str) -> Function:
    found = load_catalog().get(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "line",
    [
        ("trigger_pipeline", "--help"),
        ("trigger_pipeline", "-h"),
        ("--help", "trigger_pipeline"),
        ("--account", "work", "circleci.trigger_pipeline", "--branch", "main", "--help"),
        ("work.trigger_pipeline", '{"branch": "main"}', "--help"),
    ],
)
def test_help_behind_a_function_is_that_functions(
    kosmo: Any, monkeypatch: pytest.MonkeyPatch, line: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert kosmo(CALL, *line) == (0, TRIGGER_PIPELINE, "")


def test_help_without_a_function_is_that_of_the_command(kosmo: Any) -> None:
    for line in ((), ("--force",), ("--account", "work")):
        shown = kosmo(CALL, "--help", *line)
        assert shown.out.startswith(f"Usage: kosmo {CALL} [OPTIONS] FUNCTION")


def test_help_for_a_function_there_is_not_names_the_nearest(kosmo: Any) -> None:
    assert kosmo("integrations:circleci", "get_pipelin", "--help") == (
        1,
        "",
        "error: Unknown function: get_pipelin. Did you mean: get_pipeline?\n",
    )


@pytest.mark.parametrize("each", FUNCTIONS, ids=lambda each: each.name)
def test_the_help_of_every_function_names_each_parameter_and_fits_a_screen(each: Function) -> None:
    lines = function_help(each, "kosmo integrations:circleci").splitlines()
    assert len(lines) <= LINES
    listed = lines[lines.index("Parameters:") : lines.index("Example:")]
    described = [line.split()[0] for line in listed if re.match(r"  --\S+ ", line)]
    flags = [as_flag(parameter.name) for parameter in each.parameters]
    assert described == ["--arg" if flag in call_arguments.OPTIONS else flag for flag in flags]
    kind = next(line for line in lines if line.startswith(("  Read", "  Write")))
    assert kind.startswith("  Write (asks" if each.kind == "write" else "  Read: ")


def test_a_parameter_named_like_an_option_of_the_command_is_given_with_arg() -> None:
    shown = function_help(function("delete_runner_resource_class"), "kosmo call")
    assert "--arg force= boolean" in shown
    assert "--force" not in [line.split()[0] for line in shown.splitlines() if line.strip()]


def test_rules_between_parameters_are_told() -> None:
    ruled = function("get_webhook")._replace(exactly_one_of=("webhook_id", "scope_id"))
    assert "  Exactly one of --webhook-id, --scope-id." in function_help(ruled, "kosmo call")


def test_required_values_defaults_and_secrets_are_told() -> None:
    checkout_keys = function_help(function("list_checkout_keys"), "kosmo call")
    assert "One of sha256, md5. Default md5." in " ".join(checkout_keys.split())
    webhook = " ".join(function_help(function("create_webhook"), "kosmo call").split())
    assert "--signing-secret string Required. " in webhook
    assert "Secret: masked in all output." in webhook
    assert "--scope object Required, or its fields below. " in webhook


@pytest.mark.parametrize("each", FUNCTIONS, ids=lambda each: each.name)
def test_the_example_of_every_function_is_a_call_it_takes(each: Function) -> None:
    words = shlex.split(" ".join(example.flags(each)))
    split = call_arguments.split(each, words)
    values = call_arguments.typed(each, split.flags, lambda name: f"text of {name}")
    arguments.bind(each, RawArguments(named=values))  # raises for what does not fit


@pytest.mark.parametrize(
    ("lua", "expected"),
    [
        ("dump(x.get_webhook())", {}),
        ("x.get_webhook({})", {}),
        ('x.get_webhook({a = "b c", n = -3, t = true})', {"a": "b c", "n": -3, "t": True}),
        ('x.get_webhook({["end"] = "z", list = {"a", "b"}})', {"end": "z", "list": ["a", "b"]}),
        ("x.get_webhook({deep = {one = {two = {1, 2}}}})", {"deep": {"one": {"two": [1, 2]}}}),
        ("x.get_webhook({text = [[\nline\n]]})", {"text": "line\n"}),
        ("x.get_webhook({filter = 'a == \"b\"'})", {"filter": 'a == "b"'}),
        ("local id = 1\nx.get_webhook({id = id})", None),
        ('x.get_webhook({id = "a" .. "b"})', None),
        ("other.call({})", None),
    ],
)
def test_the_arguments_of_a_lua_example_are_read_where_they_are_literals(
    lua: str, expected: Any
) -> None:
    assert example.arguments_of(function("get_webhook")._replace(example=lua)) == expected


def test_an_example_that_computes_its_values_gets_placeholders() -> None:
    computed = function("get_webhook")._replace(example="x.get_webhook({webhook_id = id()})")
    assert example.flags(computed) == ["--webhook-id=WEBHOOK_ID"]
