"""iOS signing: certificates, and the configurations that use them with provisioning profiles.

A certificate is not opened: any base64 counts, and the password `wrong` opens none.
"""

import binascii
import hashlib
import re
from base64 import b64decode
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request, conflict, not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject, row_of, rows_of
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.envelopes import attribute, entity, filter_text, referenced_id
from kosmo_circleci.simulator.world import Row, Table, World

_YEAR_S: Final = 365 * 86_400
_LONGEST_FILE_NAME: Final = 40
_MOST_PROFILES: Final = 100
_CONFIG_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,50}")
_WITHOUT_PROFILES: Final = frozenset(
    {"developer-id-application", "developer-id-installer", "mac-installer-distribution"}
)


def list_certificates(call: Call) -> JsonValue:
    """Answer `GET /signing/certificates?filter[org_id]=`: one page."""
    rows = rows_of(_certificates(call.world), org_id=_org_id(call))
    return {"data": [_certificate(row) for row in rows]}


def create_certificate(call: Call) -> JsonValue:
    """Answer `POST /signing/certificates`: the same certificate twice keeps its first id."""
    organization = call.world.organization_by_id(referenced_id(call, "org"))
    fingerprint = _fingerprint(call)
    for row in rows_of(_certificates(call.world), org_id=organization.id):
        if row["fingerprint"] == fingerprint:
            return {"data": {"id": row["id"]}}
    row = {
        "id": call.world.new_id(),
        "org_id": organization.id,
        "file_name": _file_name(attribute(call, "file_name")),
        "cert_type": "distribution",
        "fingerprint": fingerprint,
        "created_at": timestamp(call.world.now_s),
        "expires_at": timestamp(call.world.now_s + _YEAR_S),
    }
    _certificates(call.world)[str(row["id"])] = row
    return {"data": {"id": row["id"]}}


def delete_certificate(call: Call) -> JsonValue:
    """Answer `DELETE /signing/certificates/{id}`: a 409 while a configuration uses it."""
    row = _owned(call, _certificates(call.world), call.path["signing_certificate_id"])
    if rows_of(_configs(call.world), certificate_id=str(row["id"])):
        raise conflict("A signing config uses this certificate.")
    del _certificates(call.world)[str(row["id"])]
    return None


def list_configs(call: Call) -> JsonValue:
    """Answer `GET /signing/configs?filter[org_id]=`: one page."""
    rows = rows_of(_configs(call.world), org_id=_org_id(call))
    return {"data": [_config(call, row) for row in rows]}


def create_config(call: Call) -> JsonValue:
    """Answer `POST /signing/configs`."""
    organization = call.world.organization_by_id(referenced_id(call, "org"))
    certificate_id = referenced_id(call, "signing_certificate")
    certificate = _owned(call, _certificates(call.world), certificate_id)
    name = str(attribute(call, "name"))
    if not _CONFIG_NAME.fullmatch(name):
        raise bad_request("letters, digits and hyphens, 50 at most", title="Invalid name")
    if any(row["name"] == name for row in rows_of(_configs(call.world), org_id=organization.id)):
        raise conflict(f"A signing config named {name} already exists.")
    row: Row = {
        "id": call.world.new_id(),
        "org_id": organization.id,
        "certificate_id": certificate["id"],
        "name": name,
        "provisioning_profiles": _profiles(call, str(certificate["cert_type"])),
    }
    _configs(call.world)[str(row["id"])] = row
    return {"data": {"id": row["id"]}}


def delete_config(call: Call) -> JsonValue:
    """Answer `DELETE /signing/configs/{id}`."""
    row = _owned(call, _configs(call.world), call.path["signing_config_id"])
    del _configs(call.world)[str(row["id"])]
    return None


def _certificates(world: World) -> Table:
    return world.table("signing_certificates", _examples)


def _configs(world: World) -> Table:
    return world.table("signing_configs", _example_configs)


def _org_id(call: Call) -> str:
    return call.world.organization_by_id(filter_text(call, "org_id") or "").id


def _owned(call: Call, table: Table, row_id: str) -> Row:
    row = row_of(table, row_id, "Signing resource")
    if row["org_id"] not in {each.id for each in call.world.visible_organizations()}:
        raise not_found("Signing resource")
    return row


def _fingerprint(call: Call) -> str:
    blob = _decoded(attribute(call, "cert_blob"), "invalid certificate")
    if attribute(call, "cert_password") == "wrong":
        raise bad_request("The password does not open it.", title="invalid certificate")
    return hashlib.sha256(blob).hexdigest()


def _decoded(text: JsonValue, title: str) -> bytes:
    try:
        return b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise bad_request("expected base64", title=title) from None


def _file_name(name: JsonValue) -> str:
    if not isinstance(name, str) or not 1 <= len(name) <= _LONGEST_FILE_NAME:
        raise bad_request(f"1 to {_LONGEST_FILE_NAME} characters", title="Invalid file name")
    return name


def _profiles(call: Call, cert_type: str) -> list[JsonValue]:
    profiles = attribute(call, "provisioning_profiles")
    rows = profiles if isinstance(profiles, list) else []
    if bool(rows) == (cert_type in _WITHOUT_PROFILES):
        number = "no" if cert_type in _WITHOUT_PROFILES else "at least one"
        raise bad_request(f"A certificate of type {cert_type} takes {number} profile.")
    if len(rows) > _MOST_PROFILES:
        raise bad_request(f"At most {_MOST_PROFILES} profiles may be given.")
    return [_profile(call, row) for row in rows]


def _profile(call: Call, row: JsonValue) -> JsonObject:
    fields = row if isinstance(row, dict) else {}
    _decoded(fields.get("blob"), "invalid provisioning profile")
    return {"id": call.world.new_id(), "file_name": _file_name(fields.get("file_name"))}


def _certificate(row: Row) -> JsonObject:
    names = ("file_name", "cert_type", "fingerprint", "created_at", "expires_at")
    return entity(str(row["id"]), {name: row[name] for name in names})


def _config(call: Call, row: Row) -> JsonObject:
    certificate = _certificates(call.world)[str(row["certificate_id"])]
    attributes: JsonObject = {name: certificate[name] for name in ("file_name", "cert_type")}
    return entity(
        str(row["id"]),
        {"name": row["name"], "provisioning_profiles": row["provisioning_profiles"]},
        signing_certificate={"id": certificate["id"], "attributes": attributes},
    )


def _examples() -> list[Row]:
    examples = (("certificate-uuid", "distribution.p12"), ("another-certificate-uuid", "store.p12"))
    return [
        {
            "id": certificate_id,
            "org_id": "org-uuid",
            "file_name": file_name,
            "cert_type": "distribution",
            "fingerprint": hashlib.sha256(file_name.encode()).hexdigest(),
            "created_at": timestamp(-30 * 86_400),
            "expires_at": timestamp(_YEAR_S - 30 * 86_400),
        }
        for certificate_id, file_name in examples
    ]


def _example_configs() -> list[Row]:
    profile: JsonObject = {"id": "profile-uuid", "file_name": "store.mobileprovision"}
    return [
        {
            "id": "signing-config-uuid",
            "org_id": "org-uuid",
            "certificate_id": "another-certificate-uuid",
            "name": "app-store",
            "provisioning_profiles": [profile],
        }
    ]


ROUTES: Final[dict[str, Handler]] = {
    "list_signing_certificates": list_certificates,
    "create_signing_certificate": create_certificate,
    "delete_signing_certificate": delete_certificate,
    "list_signing_configs": list_configs,
    "create_signing_config": create_config,
    "delete_signing_config": delete_config,
}
