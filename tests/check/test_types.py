"""Definitions for the Lua language server: everything is in them, and all of it is declared."""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.check import parse
from kosmo_circleci.check.names import sandbox
from kosmo_circleci.check.types import definitions

FILES: Final = definitions(load_catalog(), ("default", "work"))
CIRCLECI: Final = FILES["functions.lua"]
TAGS: Final = {"meta", "class", "alias", "field", "overload", "param", "return", "type", "generic"}


def blocks(text: str) -> Iterator[str]:
    yield from text.split("\n\n")


def block_of(start: str) -> str:
    return next(each for each in blocks(CIRCLECI) if each.startswith(start))


def function_block(name: str) -> str:
    return next(each for each in blocks(CIRCLECI) if f"\nfunction functions.{name}(args)" in each)


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_lua_that_an_editor_reads_and_nobody_runs(name: str) -> None:
    text = FILES[name]
    assert text.startswith("---@meta")
    parse.parse(text.encode())
    assert set(re.findall(r"^---@(\w+)", text, re.MULTILINE)) <= TAGS


@pytest.mark.parametrize(
    "function", [*load_catalog().functions()], ids=lambda function: function.name
)
def test_a_function_has_its_parameters_by_name_and_by_position(function: Function) -> None:
    block = function_block(function.name)
    title = re.search(r"@param args\??\ (circleci\.\w+)\.Arguments", block)
    assert title is not None
    fields = re.findall(
        r'^---@field \[?"?([\w-]+)"?\]?',
        block_of(f"---@class {title[1]}.Arguments\n"),
        re.MULTILINE,
    )
    names = [each.name for each in function.parameters]
    assert fields[: len(names)] == names
    assert set(fields) - set(names) <= {"query", "payload"}
    overload = re.search(r"@overload fun\((.*?)\): ", block)
    assert overload is not None
    positional = re.findall(r"(?:^|, )(\w+?)_?\??: ", overload[1])
    assert positional == names
    assert function.summary in block


def test_the_types_of_parameters_are_those_of_the_manifest() -> None:
    assert block_of("---@class circleci.CreateWebhook.Arguments") == (
        "---@class circleci.CreateWebhook.Arguments\n"
        "---@field name string Name of the webhook.\n"
        '---@field events ("workflow-completed"|"job-completed")[] '
        "What the webhook is told about.\n"
        "---@field url string Where the webhook sends to; https only.\n"
        "---@field verify_tls boolean Whether the certificate of the URL is verified.\n"
        "---@field signing_secret string Secret that signs each delivery.\n"
        '---@field scope table? What the webhook watches: {id, type = "project"}.\n'
        "---@field scope_id string? Id of the project the webhook watches (`id` of get_project).\n"
        '---@field scope_type "project"? Kind of scope: projects are the only one.\n'
        "---@field query table? Further documented query parameters, by their wire names.\n"
        "---@field payload table? Further documented body fields, by their wire names."
    )


def test_the_types_of_answers_are_those_of_the_manifest() -> None:
    assert block_of("---@class circleci.Pipeline.Errors") == (
        "---@class circleci.Pipeline.Errors\n"
        '---@field type "config"|"config-fetch"|"timeout"|"permission"|"other"|"trigger-rule"'
        '|"plan"\n'
        "---@field message string"
    )
    job = block_of("---@class circleci.JobDetails\n")
    assert "---@field parallel_runs circleci.JobDetails.ParallelRuns[]\n" in job
    assert "---@field duration integer? In milliseconds.\n" in job
    assert '---@field ["public-key"] string' in block_of("---@class circleci.CheckoutKey")
    assert "---@return circleci.Pipeline\n" in function_block("get_pipeline")
    assert "---@return table<string, any>\n" in function_block("get_pipeline_values")
    assert "---@return table\n" in function_block("delete_project")


def test_a_page_says_what_its_items_are() -> None:
    page = block_of("---@class circleci.ListWorkflowJobs.Answer")
    assert page.startswith(
        "---@class circleci.ListWorkflowJobs.Answer : kosmo.Page<circleci.Job>\n"
    )
    pages = [each for each in load_catalog().functions() if each.paging is not None]
    assert len(pages) > 40
    assert CIRCLECI.count(" : kosmo.Page<") >= len(pages)


@pytest.mark.parametrize("name", FILES)
def test_every_type_that_is_used_is_declared(name: str) -> None:
    declared = set()
    for text in FILES.values():
        declared |= set(re.findall(r"^---@(?:class|alias) ([\w.]+)", text, re.MULTILINE))
    used = set()
    for line in re.findall(
        r"^---@(?:field|param|return|overload|type) .*", FILES[name], re.MULTILINE
    ):
        used |= set(re.findall(r"\b(?:circleci|flow|json|kosmo)\.[A-Z][\w.]*", line))
    assert used - declared == set()


def test_a_class_is_declared_once_in_a_file() -> None:
    names = re.findall(r"^---@class ([\w.]+)", CIRCLECI, re.MULTILINE)
    assert sorted(set(names)) == sorted(names)


def test_the_configured_accounts_are_fields_of_the_namespace() -> None:
    assert block_of("---@class kosmo.Namespace") == (
        "---@class kosmo.Namespace : kosmo.Functions\n"
        "---@field default kosmo.Functions\n"
        "---@field work kosmo.Functions"
    )


def test_the_helpers_are_all_of_the_sandboxs_names_that_lua_itself_lacks() -> None:
    helpers = FILES["helpers.lua"]
    for name in ("flow", "json", "regex", "docs", "mcp", "time", "csv", "text", "files"):
        assert f"\n{name} = {{}}\n" in helpers
        for member in sandbox().members[name]:
            assert re.search(rf"^(?:function )?{name}\.{member}\b", helpers, re.MULTILINE)


def test_the_same_catalog_gives_the_same_text() -> None:
    assert definitions(load_catalog(), ("default", "work")) == FILES
