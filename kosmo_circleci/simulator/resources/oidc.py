"""Custom claims of the OIDC tokens of an organization, and of one project.

A refusal of these operations is `{"error": …}`; made by `transport.py`.
"""

import re
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request, not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject, row_fields
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.world import Row

_CLAIMS: Final = ("audience", "ttl")

_TTL: Final = re.compile(r"([0-9]+(ms|s|m|h|d|w)){1,7}")


def get(call: Call) -> JsonValue:
    """Answer `GET /org/{orgID}[/project/{projectID}]/oidc-custom-claims`."""
    return _claims_row(_row(call))


def patch(call: Call) -> JsonValue:
    """Answer the `PATCH` of the claims: only fields in the request change."""
    row, now = _row(call), timestamp(call.world.now_s)
    ttl = call.field("ttl")
    if ttl is not None and not _TTL.fullmatch(str(ttl)):
        raise bad_request("ttl: expected a duration such as 1h or 30m")
    if call.field("audience") == []:
        raise bad_request("audience: expected at least one audience")
    for claim in _CLAIMS:
        if call.field(claim) is not None:
            row |= {claim: call.field(claim), f"{claim}_updated_at": now}
    return _claims_row(row)


def delete(call: Call) -> JsonValue:
    """Answer the `DELETE` of the claims named in the query: `claims=audience,ttl`."""
    row = _row(call)
    claims = [each.strip() for each in (call.query_text("claims") or "").split(",")]
    unknown = [each for each in claims if each not in _CLAIMS]
    if unknown:
        raise bad_request(f"claims: expected {' or '.join(_CLAIMS)}, or both joined by a comma")
    for claim in claims:
        row.pop(claim, None)
        row.pop(f"{claim}_updated_at", None)
    return _claims_row(row)


def _row(call: Call) -> Row:
    organization = call.organization
    owner: JsonObject = {"org_id": organization.id}
    if "project_id" in call.path:
        if call.project.organization is not organization:
            raise not_found("Project")
        owner["project_id"] = call.project.id
    claims_id = "/".join(str(each) for each in owner.values())
    table = call.world.table("oidc_claims", _examples)
    return table.setdefault(claims_id, {"id": claims_id, **owner})


def _claims_row(row: Row) -> JsonObject:
    return row_fields(row, without=("id",))


def _examples() -> list[Row]:
    updated_at = timestamp(-7 * 86_400)
    return [
        {
            "id": "org-uuid",
            "org_id": "org-uuid",
            "audience": ["https://example.com"],
            "audience_updated_at": updated_at,
            "ttl": "1h",
            "ttl_updated_at": updated_at,
        },
        {
            "id": "org-uuid/project-uuid",
            "org_id": "org-uuid",
            "project_id": "project-uuid",
            "audience": ["https://example.com/example-repo"],
            "audience_updated_at": updated_at,
        },
    ]


ROUTES: Final[dict[str, Handler]] = {
    "get_org_claims": get,
    "patch_org_claims": patch,
    "delete_org_claims": delete,
    "get_project_claims": get,
    "patch_project_claims": patch,
    "delete_project_claims": delete,
}
