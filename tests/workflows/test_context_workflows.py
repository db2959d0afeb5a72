"""unused_contexts and secret_inventory: what an organization's contexts hold, and who uses it."""

import json

import pytest

from tests.support.shipped import (
    ORG,
    OTHER,
    REPO,
    Simulation,
    add_context,
    run_workflow,
    write_count,
)


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


def test_a_server_without_api_v3_is_asked_by_v2(server: Simulation) -> None:
    add_context(server, "legacy", "DEPLOY_TOKEN")

    inventory = run_workflow(server, "secret_inventory", org=ORG, name="^DEPLOY_TOKEN$")
    unused = run_workflow(server, "unused_contexts", org=ORG)

    assert [row["place"] for row in inventory.result] == ["legacy", "production"]
    assert [(row["context"], row["variables"]) for row in unused.result] == [("legacy", 1)]


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
