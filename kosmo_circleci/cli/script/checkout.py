"""The git checkout of the current folder, for defaults such as `@here.branch`: `git` is asked."""

import re
from typing import Final

SIMULATED: Final = {
    "project_slug": "gh/example-org/example-repo",
    "branch": "main",
    "revision": "962d79a8f2b6bb8fd4e3a3a5fa0a7e8b0b0d8b1e",
}
"""Takes the place of a checkout with `--simulate`, outside of one: the example project."""

_TIME_S: Final = 5.0
_VCS: Final = {"github.com": "gh", "bitbucket.org": "bb"}
_REMOTE: Final = re.compile(
    r"(?:\w+://)?(?:[^@/]+@)?(?P<host>[\w.-]+)(?::\d+)?[:/](?P<path>[^/]+/[^/]+?)(?:\.git)?/?"
)


def here(*, simulate: bool) -> dict[str, str]:
    """Return what the checkout says of `project_slug`, `branch` and `revision`; {} without one.

    A remote that is neither GitHub's nor Bitbucket's has no slug, a detached head no branch.
    """
    fields = {
        "project_slug": project_slug(_git("remote", "get-url", "origin")),
        "branch": _git("symbolic-ref", "--quiet", "--short", "HEAD"),
        "revision": _git("rev-parse", "--verify", "HEAD"),
    }
    present = {name: value for name, value in fields.items() if value}
    return SIMULATED | present if simulate else present


def project_slug(remote: str) -> str:
    """Return `gh/acme/web` for a remote of GitHub or Bitbucket (ssh or https), else ""."""
    match = _REMOTE.fullmatch(remote.strip())
    vcs = _VCS.get(match["host"].lower()) if match else None
    return f"{vcs}/{match['path']}" if match and vcs else ""


def _git(*arguments: str) -> str:
    import subprocess  # costs milliseconds, and few runs ask

    try:
        ended = subprocess.run(
            ["git", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIME_S,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.strip() if ended.returncode == 0 else ""
