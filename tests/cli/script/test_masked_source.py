"""Scripts in a report: what stands in them is shown, but no secret."""

import time

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.cli.script.masked_source import masked_source

TOKEN = "CCIPAT_abc_0123456789"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ('print("hello")', 'print("hello")'),
        (f"-- {TOKEN} is mine", "-- *** is mine"),
        ('c.create_project_env_var{name = "A", value = "s3cret"}',
         'c.create_project_env_var{name = "A", value = "***"}'),
        ("f({['value'] = 's3cret'})", "f({['value'] = \"***\"})"),
        ("value = [[s3\ncret]]", 'value = "***"'),
        ("value = [==[s3]]cret]==]", 'value = "***"'),
        (r'value = "s3\"cret" .. "more"', 'value = "***" .. "more"'),
        ('if value == "plain" then end', 'if value == "plain" then end'),
        ('signing_secret="x"', 'signing_secret="***"'),
        ('headers = {["x-auth"] = "s3cret", other = \'two\'}',
         'headers = {["***"] = "***", other = "***"}'),
        ('local my_token = "s3cret"', 'local my_token = "***"'),
        ('local API_KEY="s3cret"', 'local API_KEY="***"'),
        ('c.upsert_context_env_var("ctx", "NAME", "s3cret")',
         'c.upsert_context_env_var("***", "***", "***")'),
        ('page_token = page.next_page_token', 'page_token = page.next_page_token'),
        ('values = "plain"', 'values = "plain"'),
        ('c.upsert_context_env_var({value = "s3cret", context_id = "ctx"})',
         'c.upsert_context_env_var({value = "***", context_id = "ctx"})'),
        ('c.continue_pipeline( -- key first\n  "s3cret", f("x", {"y"})) print("plain")',
         'c.continue_pipeline( -- key first\n  "***", f("***", {"***"})) print("plain")'),
        ('headers = {a = {"s3cret"}, b = "two"} plain = "x"',
         'headers = {a = {"***"}, b = "***"} plain = "x"'),
        ('é ≠ ² value="\ud800s3cret"', 'é ≠ ² value="***"'),
        ('-- value = "in a comment"', '-- value = "in a comment"'),
        ('value = -- here it comes\n "s3cret"', 'value = -- here it comes\n "***"'),
        ('value = "s3cret', 'value = "***"'),
        ('value = [[s3cret', 'value = "***"'),
        ("x = 'it\\'s' value = 'y'", "x = 'it\\'s' value = \"***\""),
    ],
)  # fmt: skip
def test_a_string_is_hidden_by_where_it_stands(source: str, shown: str) -> None:
    assert masked_source(source, [TOKEN], load_catalog()) == shown


@pytest.mark.parametrize(
    "piece", ['value = "', "value = [[ ", "value = {", "continue_pipeline(", "token", "--[==[ "]
)
def test_a_hostile_script_is_masked_in_linear_time(piece: str) -> None:
    started = time.monotonic()
    masked_source(piece * 20_000, [TOKEN], load_catalog())
    assert time.monotonic() - started < 5
