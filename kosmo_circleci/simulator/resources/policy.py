"""Policies that judge configurations: the bundle, decisions, their log and their settings.

A policy's code is stored, not run. The rules it enables (`enable_rule["name"]`) all pass, unless
the configuration has the comment `# simulate: hard_fail` or `# simulate: soft_fail`. Refusals are
`{"error": …}`, made by `transport.py`.
"""

import hashlib
import re
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import Answer, bad_request, not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject, row_of, rows_of
from kosmo_circleci.simulator.clock import second_of, timestamp
from kosmo_circleci.simulator.world import Row, Table, World

_CONTEXT: Final = "config"
"""The only context there is; any other is not found."""

_PAGE_SIZE: Final = 20

_PACKAGE: Final = re.compile(r"^\s*package\s+org\s*$", re.MULTILINE)
_ENABLED_RULE: Final = re.compile(r"""enable_rule\[\s*["']([^"']+)["']\s*\]""")
_FATE: Final = re.compile(r"#\s*simulate:\s*(hard_fail|soft_fail)\b")

_EXAMPLE_POLICY: Final = """\
package org

policy_name["example_policy"]

enable_rule["use_known_images"]
"""


def get_bundle(call: Call) -> JsonValue:
    """Answer `GET …/policy-bundle`: name -> policy."""
    return {**_bundle(call)}


def create_bundle(call: Call) -> "JsonValue | Answer":
    """Answer `POST …/policy-bundle`: the body replaces all; `dry=true` only compares."""
    before, policies = _bundle(call), call.object("policies")
    for name, content in policies.items():
        if not isinstance(content, str) or not _PACKAGE.search(content):
            raise bad_request(f"failed to parse {name}: expected Rego code with 'package org'")
    bundle = {str(name): _policy(call, str(name), str(text)) for name, text in policies.items()}
    difference: JsonObject = {
        "created": [name for name in bundle if name not in before],
        "deleted": [name for name in before if name not in bundle],
        "modified": [
            name for name in bundle if name in before and _content(before, name) != policies[name]
        ],
    }
    if call.query_text("dry") == "true":
        return Answer(200, difference)
    same = {
        name: row for name, row in before.items() if _content(before, name) == policies.get(name)
    }
    _settings(call)["bundle"] = {**bundle, **same}
    return difference


def get_policy(call: Call) -> JsonValue:
    """Answer `GET …/policy-bundle/{policyName}`."""
    policy = _bundle(call).get(call.path["policy_name"])
    if policy is None:
        raise not_found("Policy")
    return policy


def get_settings(call: Call) -> JsonValue:
    """Answer `GET …/decision/settings`."""
    return {"enabled": _settings(call)["enabled"]}


def set_settings(call: Call) -> JsonValue:
    """Answer `PATCH …/decision/settings`."""
    if call.field("enabled") is not None:
        _settings(call)["enabled"] = call.field("enabled")
    return get_settings(call)


def decide(call: Call) -> JsonValue:
    """Answer `POST …/decision`: judge a configuration, and log the decision."""
    bundle = _bundle(call)
    decision = _decision(bundle, call.text("input"))
    row: Row = {
        "id": call.world.new_id(),
        "org_id": call.organization.id,
        "created_at": timestamp(call.world.now_s),
        "decision": decision,
        "metadata": dict(call.object("metadata")),
        "bundle": {**bundle},
    }
    _log(call.world)[str(row["id"])] = row
    return decision


def list_decisions(call: Call) -> JsonValue:
    """Answer `GET …/decision`: the newest first, 20 from `offset` on."""
    offset = int(call.query_text("offset") or "0")
    rows = [row for row in reversed(_of_organization(call)) if _matches_query(call, row)]
    return [_logged(row) for row in rows[offset : offset + _PAGE_SIZE]]


def get_decision(call: Call) -> JsonValue:
    """Answer `GET …/decision/{decisionID}`."""
    return _logged(_row(call))


def get_decision_bundle(call: Call) -> JsonValue:
    """Answer `GET …/decision/{decisionID}/policy-bundle`: the policies as they were then."""
    bundle = _row(call)["bundle"]
    return bundle if isinstance(bundle, dict) else {}


def _settings(call: Call) -> Row:
    if call.path["context"] != _CONTEXT:
        raise not_found("Context")
    owner_id = call.organization.id
    table = call.world.table("policy_settings", _examples)
    return table.setdefault(owner_id, {"id": owner_id, "enabled": False, "bundle": {}})


def _bundle(call: Call) -> JsonObject:
    bundle = _settings(call)["bundle"]
    return bundle if isinstance(bundle, dict) else {}


def _policy(call: Call, name: str, content: str) -> JsonObject:
    return {
        "name": name,
        "content": content,
        "created_at": timestamp(call.world.now_s),
        "created_by": call.world.current_user.id,
    }


def _content(bundle: JsonObject, name: str) -> JsonValue:
    policy = bundle[name]
    return policy["content"] if isinstance(policy, dict) else None


def _decision(bundle: JsonObject, configuration: str) -> JsonObject:
    texts = [str(_content(bundle, name)) for name in bundle]
    rules: list[JsonValue] = [rule for text in texts for rule in _ENABLED_RULE.findall(text)]
    fate = _FATE.search(configuration)
    failures: list[JsonValue] = [
        {"rule": rule, "reason": f"{rule}: the configuration says that it fails"} for rule in rules
    ]
    hard = failures if fate and fate[1] == "hard_fail" else []
    soft = failures if fate and fate[1] == "soft_fail" else []
    status = "HARD_FAIL" if hard else "SOFT_FAIL" if soft else "PASS"
    return {
        "status": status,
        "enabled_rules": rules,
        "hard_failures": hard,
        "soft_failures": soft,
    }


def _log(world: World) -> Table:
    return world.table("decisions", _example_decisions)


def _of_organization(call: Call) -> list[Row]:
    _settings(call)  # refuses an unknown context
    return rows_of(_log(call.world), org_id=call.organization.id)


def _row(call: Call) -> Row:
    _settings(call)
    log = _log(call.world)
    return row_of(log, call.path["decision_id"], "Decision", org_id=call.organization.id)


def _logged(row: Row) -> JsonObject:
    bundle = row["bundle"] if isinstance(row["bundle"], dict) else {}
    hashes: JsonObject = {
        name: hashlib.sha256(str(_content(bundle, name)).encode()).hexdigest() for name in bundle
    }
    return {
        "id": row["id"],
        "created_at": row["created_at"],
        "decision": row["decision"],
        "metadata": row["metadata"],
        "policies": hashes,
        "time_taken_ms": 3,
    }


def _matches_query(call: Call, row: Row) -> bool:
    decision = row["decision"] if isinstance(row["decision"], dict) else {}
    metadata = row["metadata"] if isinstance(row["metadata"], dict) else {}
    vcs = metadata.get("vcs")
    facts = {
        "status": decision.get("status"),
        "branch": vcs.get("branch") if isinstance(vcs, dict) else None,
        "project_id": metadata.get("project_id"),
        "build_number": metadata.get("build_number"),
    }
    if any(call.query_text(key) not in (None, str(value)) for key, value in facts.items()):
        return False
    after, before, made_s = call.query_text("after"), call.query_text("before"), _made_s(row)
    return not (after and made_s < second_of(after)) and not (before and made_s > second_of(before))


def _made_s(row: Row) -> int:
    return second_of(str(row["created_at"]))


def _examples() -> list[Row]:
    policy: JsonObject = {
        "name": "example-policy",
        "content": _EXAMPLE_POLICY,
        "created_at": timestamp(-30 * 86_400),
        "created_by": "user-uuid",
    }
    return [{"id": "org-uuid", "enabled": True, "bundle": {"example-policy": policy}}]


def _example_decisions() -> list[Row]:
    bundle = _examples()[0]["bundle"]
    return [
        {
            "id": "decision-uuid",
            "org_id": "org-uuid",
            "created_at": timestamp(-3600),
            "decision": _decision(bundle if isinstance(bundle, dict) else {}, "version: 2.1"),
            "metadata": {
                "build_number": 102,
                "project_id": "project-uuid",
                "ssh_rerun": False,
                "vcs": {"branch": "main"},
            },
            "bundle": bundle,
        }
    ]


ROUTES: Final[dict[str, Handler]] = {
    "get_policy_bundle": get_bundle,
    "create_policy_bundle": create_bundle,
    "get_policy_document": get_policy,
    "get_decision_settings": get_settings,
    "set_decision_settings": set_settings,
    "make_decision": decide,
    "get_decision_logs": list_decisions,
    "get_decision_log": get_decision,
    "get_decision_log_policy_bundle": get_decision_bundle,
}
