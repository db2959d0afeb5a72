"""`call --all`: the items of every page as one answer, by the rules of `flow.all`."""

from pathlib import Path
from typing import Any, Final

from kosmo_circleci import jsonvalue
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.cli.app import App
from kosmo_circleci.cli.script.execution import run_script
from kosmo_circleci.errors import UsageError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.protocol import RunMessage
from kosmo_circleci.run.settings import RunSettings, RuntimeSettings

_SCRIPT: Final = Path(__file__).with_name("all_pages.lua")


def check_has_pages(function: Function) -> None:
    """Raise `UsageError` for a function whose answer is never one page of several."""
    if not (function.paginated or function.name == "api_get"):
        raise UsageError(
            f"{function.name} does not answer in pages, so --all has nothing to follow. "
            f"What it answers: kosmo docs circleci.{function.name}"
        )


def call_all(
    app: App,
    function: Function,
    arguments: dict[str, JsonValue],
    *,
    account: str,
    force: bool,
    simulate: bool,
) -> Run:
    """Call a function page by page; `result` is `{items, next_page_token: null}`.

    It is a script of ours in a process of its own, so that permission, progress, Ctrl-C and the
    envelope are those of every script.
    """
    args: dict[str, JsonValue] = {
        "account": account,
        "name": function.name,
        "arguments": jsonvalue.encode(arguments),
    }
    settings = RunSettings(name=function.name, account=account, force=force, args=args)
    message = RunMessage(_SCRIPT.read_text("utf-8"), settings, RuntimeSettings(simulate=simulate))
    return _unwrapped(run_script(app, message, as_json=True))


def _unwrapped(run: Run) -> Run:
    """Return the run with an error that the script handed over as a value in its own place."""
    answer: Any = run.result
    if not run.success or "error" not in answer:
        return run
    error = answer["error"]
    return run._replace(
        success=False, result_json="null", error=error["message"], error_type=error["type"]
    )
