"""What a run records and is answered from, as it is asked for: checked, with absolute paths."""

import os
from pathlib import Path
from typing import TypeAlias

from kosmo_circleci.errors import UsageError
from kosmo_circleci.run.settings import JournalSettings, Unknown

FileName: TypeAlias = str | Path | None


def journal_settings(
    *,
    journal: FileName = None,
    resume: bool | str = False,
    unknown: Unknown | None = None,
    replay: FileName = None,
    plan: FileName = None,
    apply: FileName = None,
) -> JournalSettings:
    """Return the settings; `resume` may be the id of a run.

    The paths hold wherever the script's process is. Raises `UsageError` for what does not go
    together.
    """
    _check(journal, resume, unknown, replay, plan, apply)
    return JournalSettings(
        file=_absolute(journal),
        resume=bool(resume),
        run_id=resume if isinstance(resume, str) else None,
        unknown=unknown or "stop",
        replay=_absolute(replay),
        plan=_absolute(plan),
        apply=_absolute(apply),
    )


def _check(
    journal: FileName,
    resume: bool | str,
    unknown: Unknown | None,
    replay: FileName,
    plan: FileName,
    apply: FileName,
) -> None:
    if plan is not None and apply is not None:
        raise UsageError("Give --plan or --apply, not both.")
    others = {"--journal": journal, "--plan": plan, "--apply": apply}
    beside = next((name for name, file in others.items() if file is not None), None)
    if replay is not None and beside is not None:
        raise UsageError(f"--replay and {beside} exclude each other: a replay sends nothing.")
    if resume and journal is None:
        raise UsageError("--resume needs --journal FILE: that is where the run is recorded.")
    if unknown is not None and not (resume or (apply is not None and journal is not None)):
        raise UsageError("--unknown needs --resume: it says what becomes of lost writes.")


def _absolute(file: FileName) -> str | None:
    return None if file is None else os.path.abspath(file)
