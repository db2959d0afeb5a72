"""The words of a question -> the words the catalog uses: stems, synonyms of the field, typos."""

import re
from collections.abc import Iterable
from typing import Final

_WORD: Final = re.compile(r"[a-z0-9]+")

_STOP: Final = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "in",
        "on",
        "for",
        "from",
        "by",
        "with",
        "and",
        "or",
        "is",
        "are",
        "was",
        "were",
        "be",
        "do",
        "does",
        "did",
        "i",
        "me",
        "my",
        "we",
        "our",
        "you",
        "it",
        "its",
        "this",
        "that",
        "which",
        "what",
        "how",
        "can",
        "could",
        "should",
        "would",
        "will",
        "please",
        "one",
        "some",
        "any",
        "all",
        "when",
        "where",
        "there",
        "has",
        "have",
        "had",
        "at",
        "as",
        "into",
        "out",
        "up",
        "if",
        "not",
        "no",
        "so",
        "about",
        "his",
        "her",
        "their",
        "them",
        "they",
        "need",
        "want",
        "get",
        "show",
        "find",
        "give",
        "tell",
        "see",
        "let",
    ]
)

# What people say -> what CircleCI calls it. Each word of a question stands for all of its row.
_SYNONYMS: Final[dict[str, str]] = {
    "stop": "cancel", "abort": "cancel", "kill": "cancel", "halt": "cancel", "terminate": "cancel",
    "remove": "delete", "drop": "delete", "destroy": "delete", "erase": "delete", "clear": "delete",
    "unset": "delete", "revoke": "delete",
    "add": "create upsert", "new": "create", "make": "create", "register": "create",
    "set": "upsert update create", "store": "upsert create", "save": "upsert create",
    "put": "upsert", "replace": "upsert update", "rotate": "upsert", "change": "update",
    "edit": "update", "modify": "update", "rename": "update", "enable": "update", "disable": "update",
    "turn": "update", "configure": "update settings",
    "secret": "env var", "secrets": "env var", "credential": "env var", "password": "env var",
    "environment": "env environment", "variable": "var", "envvar": "env var", "variables": "var",
    "build": "pipeline job", "builds": "pipeline job", "run": "trigger pipeline run", "runs": "run pipeline",
    "start": "trigger", "kick": "trigger", "launch": "trigger", "fire": "trigger", "execute": "trigger",
    "restart": "rerun", "retry": "rerun", "again": "rerun", "redo": "rerun",
    "resume": "continue approve", "dynamic": "continue setup",
    "whoami": "current user", "who": "current user", "login": "current user", "account": "user organization",
    "ssh": "checkout key", "deploy": "deploy checkout", "clone": "checkout key",
    "cron": "schedule", "nightly": "schedule", "scheduled": "schedule", "timer": "schedule", "timetable": "schedule",
    "slow": "metric duration", "slowest": "metric test", "duration": "metric", "long": "metric duration",
    "statistics": "metric insight", "stats": "metric insight", "analytics": "insight metric",
    "performance": "metric insight", "rate": "metric", "trend": "insight summary", "trends": "insight summary",
    "unstable": "flaky", "intermittent": "flaky", "unreliable": "flaky", "flake": "flaky",
    "gate": "approve", "hold": "approve", "confirm": "approve", "unblock": "approve", "approval": "approve",
    "file": "artifact", "files": "artifact", "binary": "artifact", "download": "artifact", "report": "artifact test",
    "junit": "test", "result": "test", "results": "test", "failing": "failed test", "spec": "test",
    "repo": "project", "repository": "project", "repositories": "project", "follow": "project",
    "org": "organization", "team": "group organization", "teams": "group", "member": "collaboration",
    "hook": "webhook", "callback": "webhook", "notification": "webhook", "notify": "webhook",
    "yaml": "config", "yml": "config", "configuration": "config", "lint": "compile", "validate": "compile",
    "check": "compile", "fail": "failed job test", "failed": "failed job", "failure": "failed job test",
    "broke": "failed job", "broken": "failed job", "why": "detail test", "log": "detail", "error": "failed detail",
    "last": "list", "latest": "list", "recent": "list", "status": "get", "list": "list", "many": "list",
    "cost": "usage credit", "billing": "usage credit", "spend": "usage credit", "money": "usage credit",
    "rollback": "rollback", "revert": "rollback", "undo": "rollback", "opa": "policy", "rego": "policy",
    "oidc": "oidc claim", "telemetry": "otel", "opentelemetry": "otel", "tracing": "otel",
    "steps": "job", "step": "job", "task": "job", "limit": "restriction", "restrict": "restriction",
    "protect": "restriction", "http": "api", "raw": "api", "request": "api", "endpoint": "api",
}  # fmt: skip


def stem(word: str) -> str:
    """Return a word without its plural or verb ending: `jobs`, `running` -> `job`, `run`."""
    for ending, replacement in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            base = word[: -len(ending)] + replacement
            if ending in ("ing", "ed") and base[-1] == base[-2] and base[-1] not in "sl":
                base = base[:-1]
            return base
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return stem(word[:-1])
    return word.removesuffix("e") if len(word) > 4 else word


def tokens(text: str) -> list[str]:
    """Return the stems of a text's words, in order."""
    return [stem(word) for word in _WORD.findall(text.lower())]


def question(text: str, vocabulary: Iterable[str]) -> dict[str, float]:
    """Return the stems a question asks for, each with its weight.

    A word as it stands weighs 1, what it stands for 0.8, and a word nobody knows counts as the known
    word it is nearest to.
    """
    known = set(vocabulary)
    wanted: dict[str, float] = {}
    for word in _WORD.findall(text.lower().replace("_", " ")):
        if word in _STOP:
            continue
        meant = _SYNONYMS.get(word)
        if meant is None and stem(word) not in known:
            word, meant = _corrected(word, known)
        for other in (meant or "").split():
            wanted[stem(other)] = max(wanted.get(stem(other), 0.0), 0.8)
        wanted[stem(word)] = 1.0
    return wanted


def _corrected(word: str, known: set[str]) -> tuple[str, str | None]:
    import difflib

    near = difflib.get_close_matches(word, {*known, *_SYNONYMS}, n=1, cutoff=0.7)
    if not near:
        near = difflib.get_close_matches(stem(word), known, n=1, cutoff=0.7)
    return (near[0], _SYNONYMS.get(near[0])) if near else (word, None)
