"""rotate_context_secret: a new value wherever the variable is, and nowhere else."""

import json
from typing import Any

import pytest

from kosmo_circleci import Bridge, Run
from tests.support.shipped import (
    ORG,
    Refusing,
    Simulation,
    add_context,
    run_workflow,
    write_count,
)

NEW_VALUE = "the-new-value-of-the-token"


def rotate(circleci: Simulation, **arguments: Any) -> Run:
    return run_workflow(
        circleci, "rotate_context_secret", **({"org": ORG, "value": NEW_VALUE} | arguments)
    )


def values(circleci: Simulation, name: str) -> dict[str, str]:
    """Return what a variable is in each context that has it."""
    return {
        context.name: context.variables[name].value
        for context in circleci.world.contexts.values()
        if name in context.variables
    }


def test_a_secret_gets_its_new_value_wherever_it_is_and_nowhere_else(
    circleci: Simulation,
) -> None:
    add_context(circleci, "staging", "DEPLOY_TOKEN", "OTHER")
    add_context(circleci, "empty")

    run = rotate(circleci, name="DEPLOY_TOKEN")

    assert [(row["context"], row["status"]) for row in run.result] == [
        ("production", "rotated"),
        ("staging", "rotated"),
    ]
    assert values(circleci, "DEPLOY_TOKEN") == {
        "production": NEW_VALUE,
        "staging": NEW_VALUE,
        "private": "simulated-deploy-token",  # of another organization
    }
    assert values(circleci, "OTHER") == {"staging": "old-value-of-OTHER"}
    assert NEW_VALUE not in json.dumps(run.result) + str(run.result_text)
    assert str(run.result_text).startswith(
        "DEPLOY_TOKEN of gh/example-org has its new value in 2 of 2 contexts\n\n"
    )


def test_a_second_rotation_leaves_everything_as_it_is(circleci: Simulation) -> None:
    rotate(circleci, name="DEPLOY_TOKEN")
    once = values(circleci, "DEPLOY_TOKEN")
    again = rotate(circleci, name="DEPLOY_TOKEN")

    assert (again.error, values(circleci, "DEPLOY_TOKEN")) == (None, once)


def test_only_the_contexts_that_are_asked_for_are_rotated(circleci: Simulation) -> None:
    add_context(circleci, "staging", "DEPLOY_TOKEN")

    rotate(circleci, name="DEPLOY_TOKEN", contexts="^stag")

    assert values(circleci, "DEPLOY_TOKEN") == {
        "production": "simulated-deploy-token",
        "staging": NEW_VALUE,
        "private": "simulated-deploy-token",
    }


def test_a_context_that_refuses_does_not_stop_the_others_and_fails_the_run(
    circleci: Simulation,
) -> None:
    add_context(circleci, "staging", "DEPLOY_TOKEN")
    circleci.refuse("PUT /api/v2/context/context-uuid/")

    run = rotate(circleci, name="DEPLOY_TOKEN")

    assert (run.success, run.script_exit_code) == (False, 1)
    assert [(row["context"], row["status"], row.get("error")) for row in run.result] == [
        ("production", "failed", "CircleCI API error (403): Permission denied."),
        ("staging", "rotated", None),
    ]
    assert "in 1 of 2 contexts" in str(run.result_text)


def test_nothing_is_written_where_a_context_cannot_be_read(circleci: Simulation) -> None:
    add_context(circleci, "staging", "DEPLOY_TOKEN")
    circleci.refuse("contexts/context-uuid/env-vars", "context/context-uuid/environment-variable")

    run = rotate(circleci, name="DEPLOY_TOKEN")

    assert "CircleCI API error (403)" in str(run.error)
    assert write_count(run) == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            {"name": "DEPLOY_TOKN"},
            "No context of gh/example-org has a variable DEPLOY_TOKN (looked at: 1).",
        ),
        ({"name": "DEPLOY_TOKEN", "value": ""}, "The new value is empty."),
        ({"name": "DEPLOY_TOKEN", "contexts": "^x"}, "(looked at: 0)"),
    ],
)
def test_a_rotation_that_would_do_nothing_is_an_error(
    circleci: Simulation, arguments: dict[str, object], error: str
) -> None:
    run = rotate(circleci, **arguments)

    assert error in str(run.error)
    assert write_count(run) == 0


def test_a_rotation_that_the_policy_does_not_allow_ends_as_such() -> None:
    with Bridge(simulate=True, environ={}) as bridge:
        run = run_workflow(
            Simulation(bridge, Refusing()),
            "rotate_context_secret",
            org=ORG,
            name="DEPLOY_TOKEN",
            value=NEW_VALUE,
        )

    assert (run.error_type, run.result) == ("permission", None)


def test_a_server_shows_one_page_of_variables_and_the_rotation_says_so(
    server: Simulation,
) -> None:
    add_context(server, "large", *(f"A{number:03}" for number in range(150)), "DEPLOY_TOKEN")

    run = rotate(server, name="DEPLOY_TOKEN")

    assert [row["context"] for row in run.result] == ["production"]
    assert run.log == ("large has more variables than API v2 tells: look there yourself",)


def test_a_server_without_api_v3_is_rotated_by_v2(server: Simulation) -> None:
    add_context(server, "legacy", "DEPLOY_TOKEN")

    run = rotate(server, name="DEPLOY_TOKEN")

    assert [row["status"] for row in run.result] == ["rotated", "rotated"]
