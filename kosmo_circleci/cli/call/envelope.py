"""What `integrations:call --json` prints."""

from kosmo_circleci import jsonvalue
from kosmo_circleci.run.envelope import Run


def call_envelope(run: Run, *, dry_run: bool = False) -> str:
    """Return the envelope of a script without its output and its memory, as one line of JSON."""
    fields = run.to_dict()
    del fields["output"], fields["memory_usage"]
    if dry_run:
        meta = fields["meta"]
        assert isinstance(meta, dict)
        fields["meta"] = meta | {"dry_run": True}
    return jsonvalue.encode(fields)
