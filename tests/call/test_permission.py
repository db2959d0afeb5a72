"""The policy, the refusal and the prompt."""

from typing import Any

import pytest

from kosmo_circleci.call.model import Arguments
from kosmo_circleci.call.permission import (
    Allowed,
    Denied,
    MustAsk,
    Policy,
    Rule,
    decide,
    question,
    refusal,
)
from kosmo_circleci.catalog.model import Function, Kind

SPOKEN = "app.integrations.circleci.work.cancel_workflow"


@pytest.mark.parametrize(
    ("rule", "force", "decision"),
    [
        ("allow", False, Allowed()),
        ("allow", True, Allowed(bypassed=False)),
        ("ask", False, MustAsk()),
        ("ask", True, Allowed(bypassed=True)),
        ("deny", False, Denied()),
        ("deny", True, Allowed(bypassed=True)),
    ],
)
@pytest.mark.parametrize("kind", ["read", "write"])
def test_the_rule_of_the_kind_decides_and_force_lifts_it(
    kind: Kind, rule: Rule, force: bool, decision: Any
) -> None:
    other: Rule = "deny" if rule == "allow" else "allow"
    policy = Policy(read=rule, write=other) if kind == "read" else Policy(read=other, write=rule)
    assert decide(kind, policy, force=force) == decision


def test_reads_are_allowed_and_writes_ask_unless_configured() -> None:
    assert decide("read", Policy(), force=False) == Allowed()
    assert decide("write", Policy(), force=False) == MustAsk()


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        (MustAsk(), "the policy asks before writes, and no confirmation was given"),
        (Denied(), "the policy denies writes"),
    ],
)
def test_a_refusal_names_the_function_the_reason_and_the_ways_out(
    cancel_workflow: Function, decision: Any, why: str
) -> None:
    assert refusal("write", decision, SPOKEN, "cancel_workflow").fields() == {
        "type": "permission",
        "function_name": "cancel_workflow",
        "message": (
            f"{SPOKEN} is a write: {why}. Nothing was sent. Run it with --force (Python: "
            "force=True), or change the policy: `kosmo integrations:configure circleci --write "
            "allow`, which is `permissions: {write: allow}` under integrations.circleci in the "
            "configuration file."
        ),
    }


def test_a_refused_read_names_reads(get_job_details: Function) -> None:
    message = str(refusal("read", Denied(), "circleci.get_job_details", "get_job_details"))
    assert message.startswith("circleci.get_job_details is a read: the policy denies reads.")
    assert "--read allow" in message
    assert "`permissions: {read: allow}`" in message


def test_the_prompt_shows_the_call(create_context: Function) -> None:
    arguments = Arguments(
        {"name": "production", "owner": {"id": "org-uuid"}}, {"dry": True}, {"x": [1]}
    )
    assert question(create_context, arguments, "work", "circleci.create_context") == (
        "circleci.create_context (write, POST /context, account work)\n"
        '  name = "production"\n'
        '  owner.id = "org-uuid"\n'
        "  query.dry = true\n"
        "  payload.x = [1]\n"
        "Allow create_context?"
    )


def test_the_prompt_masks_secrets_wherever_they_are(
    create_webhook: Function, api_post: Function
) -> None:
    arguments = Arguments(
        {"name": "hook", "signing_secret": "hush"}, {}, {"signing-secret": "hush", "a": 1}
    )
    assert question(create_webhook, arguments, "default", "f").splitlines()[1:-1] == [
        '  name = "hook"',
        "  signing_secret = ***",
        "  payload.signing-secret = ***",
        "  payload.a = 1",
    ]
    body = {
        "name": "TOKEN",
        "value": "hush",
        "in": [{"api_key": "hush", "Password": {"x": "hush"}}],
    }
    raw = question(api_post, Arguments({"path": "/x", "body": body}), "default", "f")
    assert raw.splitlines()[1:-1] == [
        '  path = "/x"',
        '  body.name = "TOKEN"',
        "  body.value = ***",
        "  body.in[1].api_key = ***",
        "  body.in[1].Password = ***",
    ]


def test_the_prompt_cannot_steer_the_terminal(trigger_pipeline: Function) -> None:
    arguments = Arguments({"branch": "\x1b[2J\x9b\u202e\r\n", "tag": "x" * 5_000})
    text = question(trigger_pipeline, arguments, "default", "f")
    assert all(line.isprintable() for line in text.split("\n"))
    lines = text.splitlines()
    assert lines[1] == '  branch = "\\u001b[2J\\x9b\\u202e\\r\\n"'
    assert lines[2] == '  tag = "' + "x" * 199 + "… (4,802 more characters)"
