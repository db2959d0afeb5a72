"""What examples and workflows answer in the simulated CircleCI, for the pages of the site."""

import json
import subprocess
import sys
import tempfile
from typing import Final

from kosmo_circleci import Bridge
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.workflows.sources import shipped

MAX_LINES: Final = 60
"""A longer answer is cut: the page shows its form, and the reader can run it."""

ARGUMENTS: Final = {
    "download_artifacts": ("--files", "."),
    "download_logs": ("--files", "."),
    "rotate_context_secret": ("--arg", "name=DEPLOY_TOKEN", "--arg", "value=s3cr3t-2026"),
    "webhooks_sync": ("--arg", "url=https://ci.example.com/hook", "--arg", "secret=s3cr3t-2026"),
}
"""What a workflow needs to be tried, where it does not run without."""


def of_example(function: Function) -> str:
    """Return, as Markdown, what the example of a function prints, in a world of its own.

    Raises `RuntimeError` for an example that fails.
    """
    with Bridge(simulate=True, environ={}) as bridge:
        run = bridge.run(function.example, force=True)
    if run.error is not None:
        raise RuntimeError(f"the example of {function.name} fails: {run.error}")
    result = "" if run.result is None else json.dumps(run.result, indent=2, ensure_ascii=False)
    text = "\n".join(part for part in (run.output, result) if part)
    return fenced(text, "json" if _is_json(text) else "text") if text else "It prints nothing."


def of_workflow(name: str) -> tuple[str, str]:
    """Return the command that tries a shipped workflow, and in Markdown what the terminal shows.

    Raises `RuntimeError` for a workflow that cannot be run as it is.
    """
    [workflow] = [each for each in shipped() if each.name == name]
    force = [] if workflow.described().header.writes == () else ["--force"]
    arguments = ["run", "--workflow", name, "--simulate", *force, *ARGUMENTS.get(name, ())]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "kosmo_circleci", *arguments],
            env={"HOME": folder, "PATH": "", "LANG": "C.UTF-8"},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    if done.returncode == 2 or not done.stdout:
        raise RuntimeError(
            f"the workflow {name} does not run; are its arguments missing in "
            f"scripts/site_answers.py? {done.stderr.strip()}"
        )
    return f"kosmo {' '.join(arguments)}", fenced(done.stdout.rstrip("\n"), "text")


def fenced(text: str, language: str) -> str:
    """Return a code block of at most `MAX_LINES` lines, and how many it leaves out."""
    lines = text.split("\n")
    left_out = len(lines) - MAX_LINES
    shown = "\n".join(lines[:MAX_LINES])
    mark = "`" * 4 if "```" in shown else "`" * 3
    note = f"\n\n*… and {left_out} more lines.*" if left_out > 0 else ""
    return f"{mark}{language}\n{shown}\n{mark}{note}"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
