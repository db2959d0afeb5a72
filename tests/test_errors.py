"""The errors a user can meet: one class per error_type, and plain JSON for programs."""

import pytest

from kosmo_circleci import errors
from kosmo_circleci.errors import ApiError, KosmoError, NetworkError, UsageError

KINDS = [each for each in vars(errors).values() if isinstance(each, type)]
CLASSES = [each for each in KINDS if issubclass(each, KosmoError)]


def test_there_is_one_class_for_each_error_type_of_the_envelope() -> None:
    types = {each.__name__: each.error_type for each in CLASSES if each is not KosmoError}
    assert types == {
        "ApiError": "api",
        "ConfigurationError": "configuration",
        "Interrupted": "interrupted",
        "LimitExceeded": "limit",
        "NetworkError": "network",
        "PermissionDenied": "permission",
        "ScriptError": "runtime",
        "ScriptSyntaxError": "syntax",
        "UsageError": "usage",
        "JournalError": "journal",
        "ValidationError": "validation",
    }
    assert {each.__name__: each.exit_code for each in CLASSES if each.exit_code != 1} == {
        UsageError.__name__: 2
    }


@pytest.mark.parametrize("kind", [each for each in CLASSES if each not in (ApiError, NetworkError)])
def test_an_error_is_a_sentence_and_fields(kind: type[KosmoError]) -> None:
    error = kind("what happened", function_name="get_pipeline")
    assert str(error) == error.message == "what happened"
    assert error.fields() == {
        "type": kind.error_type,
        "message": "what happened",
        "function_name": "get_pipeline",
    }
    assert "function_name" not in kind("x").fields()


def test_a_network_error_counts_its_attempts() -> None:
    assert NetworkError("gone", attempts=4).fields() == {
        "type": "network",
        "message": "gone",
        "attempts": 4,
    }


def test_an_api_error_has_the_fields_that_are_known_and_no_others() -> None:
    assert ApiError("x", status=404).fields() == {
        "type": "api",
        "message": "x",
        "status": 404,
        "attempts": 1,
    }
    full = ApiError(
        "x",
        status=429,
        function_name="f",
        method="GET",
        path="/api/v2/project/gh/a/b",
        code="limited",
        body={"message": "m"},
        request_id="r",
        retry_after=0.0,
        attempts=2,
    )
    assert full.fields() == {
        "type": "api",
        "message": "x",
        "function_name": "f",
        "status": 429,
        "method": "GET",
        "path": "/api/v2/project/gh/a/b",
        "code": "limited",
        "body": {"message": "m"},
        "request_id": "r",
        "retry_after": 0.0,
        "attempts": 2,
    }


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "kosmo doctor"),
        (403, "may not do this"),
        (404, "may see it"),
        (429, "try again later"),
        (503, "try again"),
    ],
)
def test_an_api_error_says_what_to_do_next(status: int, hint: str) -> None:
    error = ApiError("x", status=status)
    assert error.next_step is not None
    assert hint in error.next_step
    assert error.next_step.endswith(".")


def test_other_errors_have_their_next_step_in_the_message() -> None:
    assert ApiError("x", status=418).next_step is None
    assert KosmoError("x").next_step is None
