"""RunSettings: everything a run is told, as plain data that travels to its process.

To add an option of a run, add a field here and read it where it takes effect.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.limits import FILES_LIMIT_BYTES, Limits

Unknown: TypeAlias = Literal["stop", "repeat", "skip"]
"""What becomes of a write of a resumed run that was sent and whose answer was lost."""


class JournalSettings(NamedTuple):
    """What is recorded of a run, and what it is answered from: names of files.

    `file` is a journal; with `resume` its newest run of the script that has not succeeded is
    continued, or `run_id`. `replay` is a journal that answers every call. `plan` is where the
    writes are listed instead of being sent, `apply` a plan whose writes are made.
    """

    file: str | None = None
    resume: bool = False
    run_id: str | None = None
    unknown: Unknown = "stop"
    replay: str | None = None
    plan: str | None = None
    apply: str | None = None


NO_JOURNAL: Final = JournalSettings()


class RunSettings(NamedTuple):
    """How a script is run, wherever it runs.

    `name` precedes error lines: `eval`, `stdin`, a file's path. `account` is the one the bare
    `app.integrations.circleci.*` uses. `force` lifts the read/write policy, `trust_mcp` the trust
    that the MCP servers of a project need. `args` is the script's table of that name.
    `integrations` False leaves out `app.integrations`, `mcp` False the MCP servers. `pretty` asks
    for a result that people read. With `keep_output` False the printed lines go to the listener
    only, and `Run.output` stays empty. `keep_state` keeps the Lua state: the next script with it
    finds this one's globals, and with `keep_consent` it may do what a person has allowed. `results`
    are JSON texts by the IDs under which a server keeps them: the script's `results`; None where
    nothing is kept, and there is no such table. In a `rehearsal` what is done to the simulated
    CircleCI needs no permission. `mask_source` asks for `Run.masked_source`. `secrets` are values
    to mask from the beginning. `journal` says whether the run is recorded, replayed, planned or
    applied. With `item_index` the script has the globals
    `item` and `item_index`. `writes` are the only functions that may write, None for no such limit.
    `files` is the folder whose files the script may use, `files_limit` how many bytes it may write
    there. `lua_path` are the folders of its modules (both absolute); without one, and without
    `modules`, there is no `require`. `modules` travel with the script to where those folders are
    not: {name: (path, text)}.
    With `here` False the current folder and the user's files are not the caller's: `circleci.here`
    refuses, and the documentation has the shipped workflows only. `workflows_trust_bypassed` tells
    that the script is a workflow of a project that is not trusted.
    `traceparent` is the span that the run belongs to, as W3C Trace Context writes it; what runs the
    script gets that of the run itself. It is "" for calls that begin a trace, None for no trace.
    """

    name: str = "script"
    account: str = "default"
    force: bool = False
    trust_mcp: bool = False
    args: Mapping[str, JsonValue] = MappingProxyType({})
    limits: Limits = Limits()
    integrations: bool = True
    mcp: bool = True
    pretty: bool = False
    keep_output: bool = True
    keep_state: bool = False
    keep_consent: bool = False
    mask_source: bool = False
    rehearsal: bool = False
    results: Mapping[str, str] | None = None
    secrets: tuple[str, ...] = ()
    journal: JournalSettings = NO_JOURNAL
    item: JsonValue = None
    item_index: int | None = None
    writes: tuple[str, ...] | None = None
    files: str | None = None
    files_limit: int = FILES_LIMIT_BYTES
    lua_path: tuple[str, ...] = ()
    modules: Mapping[str, tuple[str, str]] | None = None
    here: bool = True
    traceparent: str | None = None
    workflows_trust_bypassed: bool = False

    def to_json(self) -> dict[str, JsonValue]:
        """Return the settings as JSON; `from_json` gives them back."""
        changed: dict[str, JsonValue] = {
            "args": dict(self.args),
            "limits": self.limits._asdict(),
            "secrets": list(self.secrets),
            "results": None if self.results is None else dict(self.results),
            "journal": self.journal._asdict(),
            "writes": None if self.writes is None else list(self.writes),
            "lua_path": list(self.lua_path),
            "modules": {name: [*module] for name, module in (self.modules or {}).items()},
        }
        return self._asdict() | changed

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "RunSettings":
        """Return the settings that `to_json` wrote."""
        modules = {name: tuple(module) for name, module in value["modules"].items()}
        structured = {
            "limits": Limits(**value["limits"]),
            "secrets": tuple(value["secrets"]),
            "journal": JournalSettings(**value["journal"]),
            "writes": None if value["writes"] is None else tuple(value["writes"]),
            "lua_path": tuple(value["lua_path"]),
            "modules": modules or None,
        }
        return cls(**(value | structured))


class RuntimeSettings(NamedTuple):
    """How a process that runs scripts builds its runtime.

    `config` is what `Configuration.to_plain` returned; None means that the process reads the
    environment and the files itself. `environ` None is the process's own. With `shares_world` the
    simulated CircleCI is the supervisor's: requests travel to it. `budget` is the file of the
    requests that several processes share, see `transport/budget.py`. `folder` is the current folder
    of the program that runs scripts; None is the process's own.
    """

    simulate: bool = False
    config: Mapping[str, JsonValue] | None = None
    environ: Mapping[str, str] | None = None
    shares_world: bool = False
    budget: str | None = None
    folder: str | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """Return the settings as JSON; the constructor takes it back by name."""
        return {
            "simulate": self.simulate,
            "config": None if self.config is None else dict(self.config),
            "environ": None if self.environ is None else dict(self.environ),
            "shares_world": self.shares_world,
            "budget": self.budget,
            "folder": self.folder,
        }
