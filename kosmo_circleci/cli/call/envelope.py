"""What `integrations:call --json` prints."""

from kosmo_circleci import jsonvalue
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.run.envelope import Run


def call_fields(run: Run) -> dict[str, JsonValue]:
    """Return the envelope of a script without its output and its memory."""
    fields = run.to_dict()
    del fields["output"], fields["memory_usage"]
    return fields


def call_envelope(run: Run, *, dry_run: bool = False) -> str:
    """Return `call_fields` as one line of JSON."""
    fields = call_fields(run)
    if dry_run:
        meta = fields["meta"]
        assert isinstance(meta, dict)
        fields["meta"] = meta | {"dry_run": True}
    return jsonvalue.encode(fields)
