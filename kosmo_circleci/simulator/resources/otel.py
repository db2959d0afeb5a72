"""OpenTelemetry exporters of an organization. No source documents their answers."""

from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request, not_found
from kosmo_circleci.simulator.calls import (
    Call,
    Handler,
    JsonObject,
    row_fields,
    row_of,
    rows_of,
)
from kosmo_circleci.simulator.resources.project import masked
from kosmo_circleci.simulator.world import Row, Table, World


def list_all(call: Call) -> JsonValue:
    """Answer `GET /otel/exporters` of one organization: `org-id`."""
    organization = call.world.organization_by_id(call.query_text("org-id") or "")
    return call.page(rows_of(_exporters(call.world), org_id=organization.id), _exporter)


def create(call: Call) -> JsonValue:
    """Answer `POST /otel/exporters`: the values of the headers are masked wherever they show."""
    organization = call.world.organization_by_id(call.text("org_id"))
    if not call.text("endpoint"):
        raise bad_request("endpoint: this field is required")
    headers: JsonObject = {key: str(value) for key, value in call.object("headers").items()}
    row: Row = {
        "id": call.world.new_id(),
        "org_id": organization.id,
        "endpoint": call.text("endpoint"),
        "protocol": call.text("protocol"),
        "insecure": call.field("insecure") is True,
        "headers": headers,
    }
    _exporters(call.world)[str(row["id"])] = row
    return _exporter(row)


def delete(call: Call) -> JsonValue:
    """Answer `DELETE /otel/exporters/{otel_exporter_id}`: no source documents a body."""
    exporters = _exporters(call.world)
    row = row_of(exporters, call.path["otel_exporter_id"], "Exporter")
    if row["org_id"] not in {each.id for each in call.world.visible_organizations()}:
        raise not_found("Exporter")
    del exporters[str(row["id"])]
    return None


def _exporters(world: World) -> Table:
    return world.table("otel_exporters", _examples)


def _exporter(row: Row) -> JsonObject:
    headers = row["headers"] if isinstance(row["headers"], dict) else {}
    return {
        **row_fields(row),
        "headers": {key: masked(str(each)) for key, each in headers.items()},
    }


def _examples() -> list[Row]:
    return [
        {
            "id": "exporter-uuid",
            "org_id": "org-uuid",
            "endpoint": "otel.example.com:4317",
            "protocol": "grpc",
            "insecure": False,
            "headers": {"x-api-key": "simulated-api-key"},
        }
    ]


ROUTES: Final[dict[str, Handler]] = {
    "list_otel_exporters": list_all,
    "create_otel_exporter": create,
    "delete_otel_exporter": delete,
}
