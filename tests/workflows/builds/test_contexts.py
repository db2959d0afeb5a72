"""context_secret and copy_context_variable_names: variables of contexts, whose values stay."""

from collections.abc import Callable
from typing import Any

import pytest
from build_workflows import writes
from shipped import Simulation

from kosmo_circleci.run.envelope import Run

Workflow = Callable[..., Run]


@pytest.fixture
def names_in(circleci: Simulation) -> Callable[[str], list[str]]:
    """Return the sorted names of a context's variables, by the context's id."""

    def names(context_id: str) -> list[str]:
        answer: Any = circleci.call("list_context_env_vars", context_id=context_id)
        return sorted(each["variable"] for each in answer["items"])

    return names


@pytest.mark.parametrize("keep", [False, True])
def test_a_secret_is_put_into_the_context_and_stays_if_it_is_kept(
    keep: bool, workflow: Workflow, names_in: Callable[[str], list[str]]
) -> None:
    run = workflow("context_secret", {"name": "API_KEY", "keep": str(keep).lower()})

    assert run.result == {
        "context": "production",
        "names": ["API_KEY", "AWS_REGION", "DEPLOY_TOKEN"],
        "kept": keep,
    }
    assert ("API_KEY" in names_in("context-uuid")) == keep
    assert ("was taken out again" in str(run.result_text)) == (not keep)


def test_a_variable_that_is_there_already_is_not_taken_out(
    workflow: Workflow, names_in: Callable[[str], list[str]]
) -> None:
    run = workflow("context_secret", {"name": "DEPLOY_TOKEN"})

    assert (run.exit_code, writes(run)) == (1, [])
    assert "the context has DEPLOY_TOKEN already" in str(run.error)
    assert "DEPLOY_TOKEN" in names_in("context-uuid")


@pytest.mark.parametrize(
    ("name", "argument"),
    [("context_secret", "context"), ("copy_context_variable_names", "from")],
)
def test_an_unknown_context_is_an_error_that_names_the_argument(
    name: str, argument: str, workflow: Workflow
) -> None:
    run = workflow(name, {argument: "prodution"})

    assert (run.exit_code, writes(run)) == (1, [])
    assert str(run.error).endswith(
        f"gh/example-org has no context 'prodution'. Name another: --arg {argument}=…"
    )


def test_a_context_gets_the_names_it_lacks_and_a_second_start_adds_none(
    workflow: Workflow,
) -> None:
    first = workflow("copy_context_variable_names")
    second = workflow("copy_context_variable_names")

    def results(run: Run) -> list[tuple[str, str]]:
        return [(row["variable"], row["result"]) for row in run.result]

    assert results(first) == [("AWS_REGION", "added"), ("DEPLOY_TOKEN", "added")]
    assert results(second) == [("AWS_REGION", "kept"), ("DEPLOY_TOKEN", "kept")]
    assert writes(first) == ["create_context"] + ["upsert_context_env_var"] * 2
    assert (writes(second), second.result_text) == ([], "kept  AWS_REGION\nkept  DEPLOY_TOKEN")


def test_a_context_is_not_copied_onto_itself(workflow: Workflow) -> None:
    run = workflow("copy_context_variable_names", {"to": "production"})

    assert (run.exit_code, run.call_count) == (1, 1)
    assert "name two contexts" in str(run.error)


def test_the_plans_hold_every_write(planned: Callable[..., list[str]]) -> None:
    upserts = ["upsert_context_env_var"] * 2
    assert planned("copy_context_variable_names") == ["create_context", *upserts]
    assert planned("context_secret") == ["upsert_context_env_var", "delete_context_env_var"]
