"""Scripts in a report: what stands in them is shown, but no secret."""

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.cli.masked_source import masked_source

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
    ],
)  # fmt: skip
def test_a_string_is_hidden_by_where_it_stands(source: str, shown: str) -> None:
    assert masked_source(source, [TOKEN], load_catalog()) == shown


def test_a_long_script_is_masked_in_linear_time() -> None:
    source = 'value = "' * 20_000 + "{" * 20_000
    assert len(masked_source(source, [TOKEN], load_catalog())) > 20_000
