"""unused_contexts, secret_inventory, rotate_context_secret: the secrets of an organization."""

import json
from typing import Any

import pytest

from kosmo_circleci import Bridge, Run
from tests.support.shipped import (
    ORG,
    OTHER,
    REPO,
    Refusing,
    Simulation,
    run_workflow,
    write_count,
)

NEW_VALUE = "the-new-value-of-the-token"


def add_context(circleci: Simulation, name: str, *variables: str) -> str:
    """Add a context with these variables, and return its id."""
    owner = {"slug": ORG, "type": "organization"}
    context_id = str(circleci.call("create_context", name=name, owner=owner)["id"])
    for variable in variables:
        circleci.call(
            "upsert_context_env_var",
            context_id=context_id,
            env_var_name=variable,
            value=f"old-value-of-{variable}",
        )
    return context_id


def test_a_context_that_no_pipeline_names_looks_unused(circleci: Simulation) -> None:
    legacy = add_context(circleci, "legacy", "OLD_TOKEN")

    run = run_workflow(circleci, "unused_contexts", org=ORG)

    [row] = run.result
    assert (row["context"], row["id"], row["reason"], row["variables"], row["age_days"]) == (
        "legacy",
        legacy,
        "no pipeline names it",
        1,
        0,
    )
    assert (
        "Unused: 1 of 2 contexts of gh/example-org, by the newest 3 pipelines of 2 projects"
        in str(run.result_text)
    )
    assert write_count(run) == 0


def test_a_context_in_use_without_variables_is_named_too(circleci: Simulation) -> None:
    for variable in ("DEPLOY_TOKEN", "AWS_REGION"):
        circleci.call("delete_context_env_var", context_id="context-uuid", env_var_name=variable)

    run = run_workflow(circleci, "unused_contexts", org=ORG)

    assert [(row["context"], row["reason"]) for row in run.result] == [
        ("production", "has no variables")
    ]


def test_contexts_that_are_all_used_give_no_rows(circleci: Simulation) -> None:
    run = run_workflow(circleci, "unused_contexts", org=ORG)

    assert (run.error, run.result) == (None, [])
    assert "Unused: 0 of 1 context of" in str(run.result_text)


def test_what_an_unreadable_project_uses_may_be_among_the_unused(circleci: Simulation) -> None:
    add_context(circleci, "legacy")
    circleci.refuse("/project/gh/example-org/another-repo/pipeline")

    run = run_workflow(circleci, "unused_contexts", org=ORG)

    assert [row["context"] for row in run.result] == ["legacy"]
    assert "1 project could not be read" in str(run.result_text)
    assert run.log == (f"cannot read {OTHER}: CircleCI API error (403): Permission denied.",)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"pipelines": 0}, "pipelines must be 1 or more"),
        ({"org": "gh/nobody"}, "CircleCI API error (404): Organization not found"),
    ],
)
def test_unused_contexts_says_what_is_wrong(
    circleci: Simulation, arguments: dict[str, object], error: str
) -> None:
    run = run_workflow(circleci, "unused_contexts", **({"org": ORG} | arguments))

    assert error in str(run.error)


def test_the_inventory_names_each_variable_its_place_and_who_may_use_it(
    circleci: Simulation,
) -> None:
    run = run_workflow(circleci, "secret_inventory", org=ORG)

    assert run.error is None
    assert [
        (row["variable"], row["kind"], row["place"], row["who_may_use"], row["age_days"])
        for row in run.result
    ] == [
        ("AWS_REGION", "context", "production", "project example-repo", 7),
        ("DEPLOY_TOKEN", "context", "production", "project example-repo", 7),
        ("EXAMPLE_VAR", "project", REPO, "the project's own jobs", 30),
        ("LEGACY_API_KEY", "project", OTHER, "the project's own jobs", 30),
    ]


def test_no_part_of_a_value_is_in_the_inventory(circleci: Simulation) -> None:
    for function, where in (
        ("upsert_context_env_var", {"context_id": "context-uuid", "env_var_name": "KEY"}),
        ("create_project_env_var", {"project_slug": REPO, "name": "KEY"}),
    ):
        circleci.call(function, **where, value="a-long-secret-value-z7q9")

    run = run_workflow(circleci, "secret_inventory", org=ORG, name="^KEY$")

    assert len(run.result) == 2
    assert "z7q9" not in json.dumps(run.result) + str(run.result_text) + run.output


def test_restrictions_of_one_kind_add_up_and_kinds_must_all_hold(circleci: Simulation) -> None:
    context_id = add_context(circleci, "release", "SIGNING_KEY")
    for kind, value in (
        ("project", "project-uuid"),
        ("project", "another-project-uuid"),
        ("expression", 'pipeline.git.branch == "main"'),
        ("group", "group-uuid"),
    ):
        circleci.call(
            "create_context_restriction",
            context_id=context_id,
            restriction_type=kind,
            restriction_value=value,
        )

    run = run_workflow(circleci, "secret_inventory", org=ORG, name="^SIGNING")

    [row] = run.result
    assert row["restricted"] is True
    assert row["who_may_use"] == (
        'expression pipeline.git.branch == "main"; and group developers; '
        "and project another-repo or example-repo"
    )


def test_a_context_without_restrictions_is_open_to_everyone(circleci: Simulation) -> None:
    add_context(circleci, "open", "DEPLOY_TOKEN")

    run = run_workflow(circleci, "secret_inventory", org=ORG, name="^DEPLOY_TOKEN$", projects="no")

    assert [(row["place"], row["who_may_use"], row["restricted"]) for row in run.result] == [
        ("open", "everyone", False),
        ("production", "project example-repo", True),
    ]


def test_the_inventory_reads_every_page_of_variables(circleci: Simulation) -> None:
    names = [f"VARIABLE_{number:03}" for number in range(300)]
    add_context(circleci, "large", *names)

    run = run_workflow(circleci, "secret_inventory", org=ORG, name="^VARIABLE_")

    assert [row["variable"] for row in run.result] == names


def test_an_inventory_with_no_match_is_empty(circleci: Simulation) -> None:
    run = run_workflow(circleci, "secret_inventory", org=ORG, name="NOWHERE")

    assert (run.error, run.result) == (None, [])
    assert str(run.result_text).endswith("name matching NOWHERE")


def test_a_place_that_cannot_be_read_is_counted_and_named(circleci: Simulation) -> None:
    circleci.refuse("/project/gh/example-org/another-repo/envvar", "/restrictions")

    run = run_workflow(circleci, "secret_inventory", org=ORG)

    assert [row["variable"] for row in run.result] == ["EXAMPLE_VAR"]
    assert "2 places could not be read" in str(run.result_text)
    assert [line.partition(":")[0] for line in run.log] == [
        "cannot read the context production",
        f"cannot read the project {OTHER}",
    ]


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


def test_a_server_without_api_v3_is_asked_by_v2(server: Simulation) -> None:
    add_context(server, "legacy", "DEPLOY_TOKEN")

    inventory = run_workflow(server, "secret_inventory", org=ORG, name="^DEPLOY_TOKEN$")
    unused = run_workflow(server, "unused_contexts", org=ORG)
    rotation = rotate(server, name="DEPLOY_TOKEN")

    assert [row["place"] for row in inventory.result] == ["legacy", "production"]
    assert [(row["context"], row["variables"]) for row in unused.result] == [("legacy", 1)]
    assert [row["status"] for row in rotation.result] == ["rotated", "rotated"]


def test_a_server_shows_one_page_of_variables_and_the_rotation_says_so(
    server: Simulation,
) -> None:
    add_context(server, "large", *(f"A{number:03}" for number in range(150)), "DEPLOY_TOKEN")

    run = rotate(server, name="DEPLOY_TOKEN")

    assert [row["context"] for row in run.result] == ["production"]
    assert run.log == ("large has more variables than API v2 tells: look there yourself",)


def test_a_context_whose_variables_cannot_be_read_is_not_called_empty(
    circleci: Simulation,
) -> None:
    add_context(circleci, "legacy", "OLD_TOKEN")
    circleci.refuse("/env-vars", "/environment-variable")

    run = run_workflow(circleci, "unused_contexts", org=ORG)

    assert [(row["context"], row.get("variables")) for row in run.result] == [("legacy", None)]
    assert len(run.log) == 2


def test_nothing_readable_is_an_error_and_no_clean_bill(circleci: Simulation) -> None:
    circleci.refuse("/env-vars", "/environment-variable", "/envvar", "/pipeline")

    inventory = run_workflow(circleci, "secret_inventory", org=ORG)
    unused = run_workflow(circleci, "unused_contexts", org=ORG)

    for run in (inventory, unused):
        assert (run.success, run.error_type) == (False, "api")
        assert "CircleCI API error (403): Permission denied." in str(run.error)


def test_a_wrong_pattern_is_an_error_before_anything_is_read(circleci: Simulation) -> None:
    run = run_workflow(circleci, "secret_inventory", org=ORG, name="(")

    assert "Bad pattern: missing )" in str(run.error)
    assert run.call_count == 0
