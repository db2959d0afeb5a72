"""Where a script runs: project, branch and revision of a git checkout.

For `circleci.here()` and for defaults of arguments such as `@here.branch`. Nothing is sent.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from kosmo_circleci.checkout import remote
from kosmo_circleci.checkout.git import TIME_S, Git, not_a_checkout
from kosmo_circleci.errors import ConfigurationError

SIMULATED: Final[Mapping[str, str]] = {
    "project_slug": "gh/example-org/example-repo",
    "branch": "main",
    "revision": "000000000000000000000000000000000000002c",
}
"""Takes the place of a checkout with `--simulate`, outside of one: the newest pipeline that the
simulator's example project has on its main branch."""

_BRANCHES: Final = "refs/heads/"


class Place(NamedTuple):
    """The folder to describe, and how to tell what server the account has.

    `on_server` says whether it is not circleci.com, see `remote.project_slug`. With `simulate` a
    folder outside of a checkout means the example project.
    """

    folder: Path
    on_server: Callable[[], bool]
    simulate: bool = False
    environ: Mapping[str, str] = os.environ
    time_s: float = TIME_S


def here(place: Place) -> dict[str, str]:
    """Return `project_slug`, `branch` and `revision` of the checkout, as far as it says them.

    The remote is the one the branch follows, else `origin`, else the only one. Where its address
    does not say the project (GitLab, an unknown host), `remote` has the address, without userinfo.
    A detached head has no branch, a new repository no revision. Raises `ConfigurationError` outside
    of a checkout. With `simulate` all are of one project: the example's where there is no other.
    """
    try:
        fields = _fields(place)
    except ConfigurationError:
        if not place.simulate:
            raise
        return dict(SIMULATED)
    return dict(SIMULATED) if place.simulate and "project_slug" not in fields else fields


def _fields(place: Place) -> dict[str, str]:
    git = Git(place.folder, place.environ, place.time_s)
    if git.ask("rev-parse", "--is-inside-work-tree") != "true":
        raise not_a_checkout(place.folder)
    head = git.ask("symbolic-ref", "--quiet", "HEAD") or ""
    branch = head.removeprefix(_BRANCHES) if head.startswith(_BRANCHES) else ""
    address = _address(git, branch)
    fields = {
        **(_named(address, place.on_server) if address else {}),
        "branch": branch,
        "revision": git.ask("rev-parse", "--quiet", "--verify", "HEAD") or "",
    }
    return {name: value for name, value in fields.items() if value}


def _named(address: str, on_server: Callable[[], bool]) -> dict[str, str]:
    parsed = remote.parse(address)
    slug = remote.project_slug(parsed, on_server)
    return {"remote": parsed.shown} if slug is None else {"project_slug": slug}


def _address(git: Git, branch: str) -> str | None:
    """Return the address of the remote that counts, with `url.*.insteadOf` applied."""
    names = (git.ask("remote") or "").splitlines()
    upstream = git.ask("config", "--get", f"branch.{branch}.remote") if branch else None
    if upstream not in names:
        upstream = "origin" if "origin" in names else names[0] if len(names) == 1 else None
    return None if upstream is None else git.ask("remote", "get-url", "--", upstream)
