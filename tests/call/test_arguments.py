"""Binding: positional and named arguments, and every fault in one report."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.call.arguments import bind
from kosmo_circleci.call.model import Arguments, RawArguments
from kosmo_circleci.call.request import build
from kosmo_circleci.catalog.model import Function, Parameter
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.jsonvalue import decode, encode


def named(function: Function, **arguments: Any) -> Arguments:
    return bind(function, RawArguments(named=arguments))


def positional(function: Function, *arguments: Any) -> Arguments:
    return bind(function, RawArguments(positional=arguments))


def fault(function: Function, *values: Any, **arguments: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        bind(function, RawArguments(named=arguments, positional=values))
    assert caught.value.fields() == {
        "type": "validation",
        "message": str(caught.value),
        "function_name": function.name,
    }
    start, _, report = str(caught.value).partition(": ")
    assert start == function.name
    return report


def test_named_and_positional_arguments_mean_the_same(get_job_details: Function) -> None:
    bound = Arguments({"project_slug": "gh/acme/web", "job_number": 12})
    assert named(get_job_details, project_slug="gh/acme/web", job_number="12") == bound
    assert positional(get_job_details, "gh/acme/web", 12) == bound


def test_positional_arguments_may_have_holes(trigger_pipeline: Function) -> None:
    bound = positional(trigger_pipeline, "gh/acme/web", None, "v1", None, None)
    assert bound == Arguments({"project_slug": "gh/acme/web", "tag": "v1"})


def test_too_many_positional_arguments_are_told_how_many_are_taken(
    get_job_details: Function, make_function: Any
) -> None:
    assert fault(get_job_details, "gh/acme/web", 1, "x") == (
        "Too many arguments: got 3, and it takes at most 2: project_slug, job_number."
    )
    assert fault(make_function("get_current_user", "GET", "/me"), "x") == (
        "Too many arguments: got 1, and it takes none."
    )


@pytest.mark.parametrize("absent", [{}, {"name": None, "owner": None}, {"name": "", "owner": ""}])
def test_absent_null_and_empty_are_missing(create_context: Function, absent: Any) -> None:
    assert fault(create_context, **absent) == (
        "Missing required parameter(s): name, owner. "
        "'owner' can be set through owner_id, owner_slug, owner_type."
    )


def test_the_missing_ones_are_named_in_the_manifests_order(get_job_details: Function) -> None:
    assert fault(get_job_details) == "Missing required parameter(s): project_slug, job_number"


def test_no_required_parameter_is_no_error(make_function: Any) -> None:
    assert named(make_function("get_current_user", "GET", "/me")) == Arguments({})


def test_null_counts_as_absent_and_an_empty_text_is_sent(trigger_pipeline: Function) -> None:
    bound = named(trigger_pipeline, project_slug="gh/acme/web", branch=None, tag="")
    assert bound == Arguments({"project_slug": "gh/acme/web", "tag": ""})


def test_an_empty_text_is_no_integer_and_no_boolean(get_insights: Function) -> None:
    assert fault(get_insights, org_slug="gh/acme", all_branches="", limit="") == (
        "Parameter 'all_branches' takes a boolean, got string \"\". "
        "Parameter 'limit' takes an integer, got string \"\"."
    )


@pytest.mark.parametrize(
    "given_owner", [{"owner_id": "x"}, {"owner": {}}, {"owner": []}, {"owner_slug": "gh/acme"}]
)
def test_a_convenience_stands_for_its_object(create_context: Function, given_owner: Any) -> None:
    expected = {"owner": {}} if "owner" in given_owner else given_owner
    assert named(create_context, name="x", **given_owner) == Arguments({"name": "x", **expected})


def test_an_object_and_its_convenience_may_come_together(create_context: Function) -> None:
    both = {"name": "x", "owner": {"type": "account"}, "owner_id": "id"}
    assert named(create_context, **both) == Arguments(both)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("brnch", "Unknown parameter 'brnch'. Did you mean 'branch'?"),
        ("Branch", "Unknown parameter 'Branch'. Did you mean 'branch'?"),
        ("project-slug", "Unknown parameter 'project-slug'. Did you mean 'project_slug'?"),
        ("projectSlug", "Unknown parameter 'projectSlug'. Did you mean 'project_slug'?"),
        ("slug", "Unknown parameter 'slug'. Did you mean 'project_slug'?"),
        ("qery", "Unknown parameter 'qery'. Did you mean 'query'?"),
        ("body", "Unknown parameter 'body'. Did you mean 'payload'?"),
        (
            "colour",
            "Unknown parameter 'colour'. "
            "Known: project_slug, branch, tag, parameters, query, payload.",
        ),
        ("\x1b[31m", None),
        ("x" * 10_000, None),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_or_all(
    trigger_pipeline: Function, name: str, said: str | None
) -> None:
    report = fault(trigger_pipeline, **{"project_slug": "gh/acme/web", name: 1})
    assert report == said if said else (len(report) < 200 and report.isprintable())


def test_an_unknown_name_is_a_fault_even_when_it_is_null(cancel_workflow: Function) -> None:
    assert fault(cancel_workflow, workflow_id="w", id=None) == (
        "Unknown parameter 'id'. Did you mean 'workflow_id'?"
    )


def test_a_misspelt_required_parameter_is_unknown_first_and_missing_then(
    cancel_workflow: Function,
) -> None:
    assert fault(cancel_workflow, workflow="w") == (
        "Unknown parameter 'workflow'. Did you mean 'workflow_id'? "
        "Missing required parameter(s): workflow_id"
    )


def test_every_fault_is_in_one_report(create_webhook: Function) -> None:
    report = fault(
        create_webhook,
        "hook", ["job-complete"], "yes", ["s3cret"], "more",
        nmae="x", query=1, payload="s3cret",
    )  # fmt: skip
    assert report == (
        "Too many arguments: got 5, and it takes at most 4: "
        "name, events, verify_tls, signing_secret. "
        "Unknown parameter 'nmae'. Did you mean 'name'? "
        "Item 1 of parameter 'events' takes one of: workflow-completed, job-completed; "
        "got \"job-complete\". Did you mean 'job-completed'? "
        "Parameter 'verify_tls' takes a boolean, got string \"yes\". "
        "Parameter 'signing_secret' takes a string, got an array. "
        "Parameter 'query' takes an object, got an integer. "
        "Parameter 'payload' takes an object, got a string."
    )


def test_a_path_that_cannot_be_is_found_before_anybody_is_asked(
    get_job_details: Function, api_get: Function
) -> None:
    assert fault(get_job_details, project_slug="acme/web", job_number=1) == (
        "Parameter 'project_slug': expected a project slug, vcs/org/repo, e.g. gh/acme/web; "
        'got "acme/web".'
    )
    assert fault(api_get, "https://circleci.com/api/v2/me") == (
        "Parameter 'path': the path cannot name a host or a scheme; give only the path, e.g. /me."
    )


def test_query_and_payload_pass_through(
    trigger_pipeline: Function, cancel_workflow: Function
) -> None:
    further = {"query": {"a": [1, True]}, "payload": {"b": {"c": None}}}
    assert named(trigger_pipeline, project_slug="gh/acme/web", **further) == Arguments(
        {"project_slug": "gh/acme/web"}, **further
    )
    # An operation without a body may have got one since it was written down.
    assert named(cancel_workflow, workflow_id="w", query=[], payload={"x": 1}) == Arguments(
        {"workflow_id": "w"}, {}, {"x": 1}
    )


def test_a_payload_does_not_satisfy_a_required_parameter(create_context: Function) -> None:
    report = fault(create_context, payload={"name": "x", "owner": {"id": "y"}})
    assert report.startswith("Missing required parameter(s): name, owner.")


def test_an_operation_without_a_body_says_so(get_job_details: Function) -> None:
    report = fault(get_job_details, project_slug="gh/acme/web", job_number=1, payload={})
    assert report == "Unknown parameter 'payload'. This operation (GET) has no body."


def test_raw_functions_take_path_query_and_body_only(api_post: Function) -> None:
    assert positional(api_post, "/me", [], {"a": 1}) == Arguments(
        {"path": "/me", "query": {}, "body": {"a": 1}}
    )
    assert fault(api_post, path="/me", payload={}) == (
        "Unknown parameter 'payload'. Did you mean 'body'?"
    )
    assert fault(api_post, path="/me", body='{"token": "s3cret"}') == (
        "Parameter 'body' takes an object, got a string."
    )


@pytest.mark.parametrize("name", ["get_job_details", "api_get"])
def test_a_query_holds_values_and_lists_of_values(
    name: str, request: pytest.FixtureRequest
) -> None:
    function = request.getfixturevalue(name)
    required = ["/me"] if name == "api_get" else ["gh/acme/web", 1]
    assert fault(function, *required, query={"ok": 1, "a": {"x": 1}, "b": [[1]], "none": {}}) == (
        "Parameter 'query', key 'a': a query value is a string, a number, a boolean or a list of "
        "those. Parameter 'query', key 'b': a query value is a string, a number, a boolean or a "
        "list of those."
    )


def test_what_is_not_json_is_refused_in_a_payload(trigger_pipeline: Function) -> None:
    report = fault(trigger_pipeline, project_slug="gh/acme/web", payload={"at": float("nan")})
    assert report == "Parameter 'payload' cannot be sent: nan is not JSON (at 'at')."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
SECRET = "hush-3f9c"
WEBHOOK = Function(
    "create_webhook", "write", "POST", "/webhook", "create_webhook", "", "",
    (
        Parameter("name", "name", "body", "string", "", required=True),
        Parameter("signing_secret", "signing-secret", "body", "string", "", secret=True),
        Parameter("limit", "limit", "query", "integer", "", secret=True),
    ),
    "", (), has_body=True,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["name", "query", "payload", "zz"]) | st.text(), JSON))
def test_what_is_bound_can_be_sent_and_the_rest_is_a_validation_error(arguments: Any) -> None:
    try:
        bound = bind(WEBHOOK, RawArguments(named=arguments))
    except ValidationError:
        return
    request = build(WEBHOOK, bound)
    assert decode(encode(request.body)) == request.body
    assert urlencode(request.query).isascii()


@pytest.mark.parametrize("value", [[SECRET], {"a": SECRET}, SECRET + "\0", [SECRET, SECRET], True])
def test_no_report_holds_a_secret(value: Any) -> None:
    report = fault(WEBHOOK, name="x", signing_secret=value, limit=SECRET, query=SECRET)
    assert SECRET not in report
    assert report.count("Parameter") == 3
