"""The contract's section 6: what may be called, who is asked, and that a no sends nothing."""

from typing import Any

import pytest
from listeners import Asking

from kosmo_circleci import Bridge, PermissionDenied
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.run.listener import Consent
from kosmo_circleci.transport.wire import WireRequest, WireResponse

READ = "return app.integrations.circleci.get_pipeline('p')"
WRITE = "return app.integrations.circleci.cancel_workflow('w')"


class Counted:
    """Answers `{}` and counts."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        self.sent.append(f"{request.method} {request.url.partition('/api/v2')[2]}")
        return WireResponse(200, {"content-type": "application/json"}, b"{}")

    def close(self) -> None:
        """Nothing is open."""


def bridge_with(transport: Counted, **policy: str) -> Bridge:
    accounts = {"default": {"token": "CCIPAT_permissions_012345"}}
    circleci: dict[str, Any] = {"accounts": accounts, "permissions": policy}
    return Bridge(config={"integrations": {"circleci": circleci}}, transport=transport)


@pytest.mark.parametrize(
    ("policy", "code", "force", "sent", "bypassed"),
    [
        ({}, READ, False, True, False),
        ({}, WRITE, False, False, False),
        ({}, READ, True, True, False),
        ({}, WRITE, True, True, True),
        ({"write": "allow"}, WRITE, False, True, False),
        ({"write": "allow"}, WRITE, True, True, False),
        ({"write": "deny"}, WRITE, False, False, False),
        ({"write": "deny"}, WRITE, True, True, True),
        ({"read": "ask"}, READ, False, False, False),
        ({"read": "deny"}, READ, False, False, False),
        ({"read": "deny"}, READ, True, True, True),
    ],
)
def test_the_policy_decides_before_anything_is_sent(
    policy: dict[str, str], code: str, force: bool, sent: bool, bypassed: bool
) -> None:
    counted = Counted()
    run = bridge_with(counted, **policy).run(code, force=force)
    assert (run.success, len(counted.sent), run.call_count) == (sent, int(sent), int(sent))
    assert run.permission_bypassed is bypassed
    assert run.meta["permission_bypassed"] is bypassed
    assert run.error_type == (None if sent else "permission")


def test_a_refusal_names_the_function_and_the_two_ways_out() -> None:
    counted = Counted()
    run = bridge_with(counted).run(WRITE)
    assert run.error is not None
    assert run.error.startswith(
        "script:1: app.integrations.circleci.cancel_workflow is a write: the policy asks before "
        "writes, and no confirmation was given. Nothing was sent."
    )
    assert "--force" in run.error
    assert "kosmo integrations:configure circleci --write allow" in run.error
    assert (counted.sent, run.call_log) == ([], [])


def test_every_write_is_refused_without_force_and_sends_nothing() -> None:
    counted = Counted()
    bridge = bridge_with(counted)
    writes = [each for each in load_catalog().functions() if each.kind == "write"]
    assert len(writes) > 50
    for function in writes:
        arguments = {each.name: _fitting(each) for each in function.parameters if each.required}
        with pytest.raises(PermissionDenied):
            bridge.call(function.name, arguments)
    assert counted.sent == []


def _fitting(parameter: Any) -> Any:
    if parameter.encoding == "slug":
        return "/".join(["gh", "acme", "web"][: max(parameter.segments)])
    if parameter.enum:
        return list(parameter.enum) if parameter.type == "array" else parameter.enum[0]
    if parameter.type == "array":
        return [{"string": "a", "integer": 1, "object": {"a": 1}}[parameter.items]]
    return {"integer": 1, "boolean": True, "object": {"a": 1}}.get(
        parameter.type, "/x" if parameter.encoding == "raw" else "x"
    )


def test_arguments_are_checked_before_permission() -> None:
    run = bridge_with(Counted()).run("app.integrations.circleci.cancel_workflow()")
    assert run.error_type == "validation"


def test_a_person_is_asked_once_per_function_and_run_with_secrets_masked() -> None:
    counted, questions = Counted(), list[str]()

    def ask(question: str) -> Consent:
        questions.append(question)
        return "run" if "create_project_env_var" in question else "no"

    code = """
        local circleci = app.integrations.circleci
        for n = 1, 2 do
          circleci.create_project_env_var("gh/acme/web", "NAME" .. n, "hunter2-hunter2")
        end
        return pcall(circleci.cancel_workflow, "w")
    """
    bridge = bridge_with(counted)
    run = bridge.run(code, listener=Asking(ask))

    assert (run.success, run.call_count) == (True, 2)
    assert counted.sent == ["POST /project/gh/acme/web/envvar"] * 2
    assert questions == [
        "app.integrations.circleci.create_project_env_var (write, POST "
        "/project/{project-slug}/envvar, account default)\n"
        '  project_slug = "gh/acme/web"\n'
        '  name = "NAME1"\n'
        "  value = ***\n"
        "Allow create_project_env_var?",
        "app.integrations.circleci.cancel_workflow (write, POST /workflow/{id}/cancel, "
        "account default)\n"
        '  workflow_id = "w"\n'
        "Allow cancel_workflow?",
    ]
    assert run.permission_bypassed is False

    bridge.run(code, listener=Asking(ask))
    assert len(questions) == 4  # another run asks again


def test_one_refusal_does_not_end_a_script_that_expects_it() -> None:
    run = bridge_with(Counted()).run("""
        local ok, e = pcall(app.integrations.circleci.cancel_workflow, "w")
        return {ok, e.type, e.function_name, app.integrations.circleci.get_pipeline("p")}
    """)
    assert run.result == [False, "permission", "cancel_workflow", {}]
