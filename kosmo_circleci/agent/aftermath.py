"""What a failed answer says of the effects: what was written, and what a second run would mean."""

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.run.envelope import Run


def aftermath(run: Run) -> dict[str, JsonValue]:
    """Return `writes`, `rerun` (`safe`, `resume` or `look`), and the ID of a recorded `run`."""
    from kosmo_circleci.journal.runs import rerun

    writes = run.writes._asdict()
    journal = run.journal.get("journal")
    recorded = {"run": journal["run"]} if isinstance(journal, dict) else {}
    advice = rerun("failed", writes)
    if advice == "resume" and not recorded:
        advice = "look"  # what was done is done again by a second run
    return {**recorded, "writes": dict(writes), "rerun": advice}
