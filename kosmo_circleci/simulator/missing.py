"""Routes that CircleCI has and the simulator lacks: their 404 says so.

An answer that only says "Not found" would let a caller believe that CircleCI has no such route.
"""

from collections.abc import Mapping
from typing import Final

_ROUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "v3": (
        "POST /runs",
        "* /runs/facet-values",
        "* /analysis",
        "* /metric",
        "* /usage",
        "* /configs",
        "POST /projects/*/rollback",
        "* /projects/*/environment-variables",
        "* /users",
        "* /groups",
        "* /contexts",
        "POST /contexts",
        "DELETE /contexts/*/env-vars",
        "* /context-restrictions",
        "* /pipelines",
        "* /triggers",
        "* /provider",
        "* /deploy",
        "* /namespaces/import",
        "* /orb",
        "* /function",
        "* /tool",
        "* /notification",
        "* /signing",
        "GET /signing/certificates/*",
        "* /sidecar",
        "* /runner",
    ),
    "v2": (
        "* /organizations/*/groups/*/users",
        "* /organizations/*/groups/*/remove_users",
        "* /organizations/*/projects",
        "* /organizations/*/users",
        "* /organizations/*/audit-log",
        "* /audit-log",
        "* /github-app",
        "GET /jobs/*",
        "POST /pipeline/search",
        "POST /pipeline/*/cancel",
        "* /agents",
    ),
    "v1.1": (
        "* /project",
        "POST /project",
        "DELETE /project",
        "* /recent-builds",
        "* /user",
    ),
}
"""Version -> methods and templates; `*` is any method or segment, and a longer path belongs too."""


def missing_route(method: str, version: str, path: str, *, beside: bool) -> str | None:
    """Return the message of the 404 for a path below `/api/VERSION` that no operation has.

    Return None where CircleCI has nothing there either, as far as is known. `beside` says that the
    path has an operation of another method: then only a route with this very method counts.
    """
    segments = path.strip("/").split("/")
    verbs = (method,) if beside else (method, "*")
    if not any(_covers(each, verbs, segments) for each in _ROUTES.get(version, ())):
        return None
    return (
        f"The simulator does not have {method} /api/{version}{path}. CircleCI has routes there "
        "that are not simulated."
    )


def _covers(route: str, verbs: tuple[str, ...], segments: list[str]) -> bool:
    verb, _, template = route.partition(" ")
    parts = template.strip("/").split("/")
    fits = all(part in ("*", each) for part, each in zip(parts, segments, strict=False))
    return verb in verbs and len(segments) >= len(parts) and fits
