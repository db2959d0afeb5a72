"""Edges of the contract that a careful reader tries: each was wrong once."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kosmo_circleci import Bridge, KosmoError, ValidationError
from kosmo_circleci.run.envelope import Run


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge(simulate=True) as simulated:
        yield simulated


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("local c = app.integrations.circleci\nflow.map({1}, function()\n"
         "  return c.get_pipeline('nope') end)", "script:2:"),
        ("local c = app.integrations.circleci\nreturn flow.map({'nope'}, c.get_pipeline)",
         "script:2:"),
        ("local f = coroutine.wrap(function()\n"
         "  return app.integrations.circleci.get_pipeline('nope') end)\nf()", "script:1:"),
        ("flow.map({1}, function() return json.decode('{') end)", "script:1:"),
        ("local e = select(2, pcall(app.integrations.circleci.get_pipeline))\nreturn e .. nil",
         "script:2:"),
        ("local big = json.decode('[12345678901234567890]')[1]\nreturn big .. {}", "script:2:"),
        ("local big = json.decode('[12345678901234567890]')[1]\nreturn big + {}", "script:2:"),
        ("local big = json.decode('[12345678901234567890]')[1]\nreturn big < 'x'", "script:2:"),
        ("return string.format('%d', 'x')", "script:1:"),
    ],
)  # fmt: skip
def test_an_error_says_where_even_where_the_call_was_a_tail_call(
    bridge: Bridge, code: str, place: str
) -> None:
    run = bridge.run(code)

    assert run.error is not None
    assert run.error.startswith(place)


@pytest.mark.parametrize("isolate", [False, True])
def test_a_secret_printed_before_the_call_that_made_it_one_is_hidden(
    bridge: Bridge, isolate: bool
) -> None:
    run = bridge.run(
        """
        print("supersecretvalue99")
        app.integrations.circleci.upsert_context_env_var(
          {context_id = "context-uuid", env_var_name = "N", value = "supersecretvalue99"})
        print("it is supersecretvalue99")
        """,
        force=True,
        isolate=isolate,
    )

    assert (run.error, run.output) == (None, "***\nit is ***")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ('string.format("%s|%s", {a = 1}, print)', '{\n  "a": 1\n}|<function>'),
        ('("%5s|%%|%d|%s"):format("x", 3, nil)', "    x|%|3|nil"),
        ('string.format("%q", "a")', '"a"'),
        ('("%d%s|%5.1f%-4s|"):format(1, {}, 2, {})', "1{}|  2.0{}  |"),
        ('("%i%s%%%s"):format(1, print, error)', "1<function>%<function>"),
        ('select(2, pcall(string.format, "%p", {}))', "invalid conversion '%p' to 'format'"),
        ('select(2, pcall(string.format, "%d%p", 1, {}))', "invalid conversion '%p' to 'format'"),
        (
            'select(2, pcall(string.format, "%%%s%-9p", 1, 2))',
            "invalid conversion '%p' to 'format'",
        ),
    ],
)
def test_string_format_shows_values_as_tostring_does(bridge: Bridge, code: str, text: str) -> None:
    assert bridge.run(f"return {code}").result == text


@pytest.mark.parametrize("source", ["\ufeffreturn 9", "\ufeff#!/usr/bin/env lua\nreturn 9"])
def test_a_byte_order_mark_is_no_code(bridge: Bridge, source: str) -> None:
    assert bridge.run(source).result == 9


def test_python_has_the_names_of_lua_and_of_the_envelope(bridge: Bridge) -> None:
    with pytest.raises(KosmoError) as found:
        bridge.call("circleci.get_pipeline", {})
    assert (found.value.type, found.value.error_type) == ("validation", "validation")
    run = bridge.run("return 1")
    assert run.meta == json.loads(run.to_json())["meta"]


@pytest.mark.parametrize("arguments", [["x"], "x", 5])
def test_arguments_of_a_wrong_type_are_a_validation_error(
    bridge: Bridge, arguments: object
) -> None:
    with pytest.raises(ValidationError, match="get_pipeline: the arguments are an object"):
        bridge.call("get_pipeline", arguments)  # type: ignore[arg-type]


def test_code_that_is_no_text_is_a_type_error(bridge: Bridge) -> None:
    with pytest.raises(TypeError, match="code is Lua text"):
        bridge.run(b"return 1")  # type: ignore[arg-type]


def test_a_simulated_run_that_cannot_start_is_still_simulated(
    bridge: Bridge, tmp_path: Path
) -> None:
    broken = tmp_path / "config.yaml"
    broken.write_text("integrations: [")
    assert bridge.run("return 1", account="work").meta["simulated"] is True
    assert bridge.run("return 1", account="work", isolate=True).meta["simulated"] is True
    assert Bridge(simulate=True, config=broken).run("return 1").meta["simulated"] is True


def test_a_token_in_place_of_an_account_name_is_hidden() -> None:
    environ = {"CIRCLECI_TOKEN": "tok-SECRET-123456"}
    run: Run = Bridge(environ=environ).run("return 1", account="tok-SECRET-123456")

    assert run.error == (
        "Unknown account '***'. Configured accounts: default. Add it to the configuration file."
    )
