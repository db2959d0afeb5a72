"""Bridge: the door for Python programs. A facade; `runtime.py` does the work."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from kosmo_circleci.catalog.lookup import resolve
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.limits import FILES_LIMIT_BYTES, Limits
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import RunListener
from kosmo_circleci.run.options import module_folders, settings_of
from kosmo_circleci.run.settings import RunSettings, Unknown
from kosmo_circleci.runtime import Runtime
from kosmo_circleci.script.modules import Modules, folder_of_script
from kosmo_circleci.transport.wire import Transport

if TYPE_CHECKING:
    from kosmo_circleci.check.report import Report
    from kosmo_circleci.config.configuration import Configuration
    from kosmo_circleci.fleet.rows import Row


class Bridge:
    """CircleCI for Lua scripts, and the same functions for Python.

    Configuration comes from the environment, the configuration file and the official CLI's file, as
    the documentation says. `config` is a path (used in place of `$KOSMO_CONFIG`), a mapping shaped
    like that file (used in place of every other source), or a `Configuration` that has been read.
    `simulate=True` talks to the embedded simulator: no token, no network; one bridge is one
    simulated world. `transport` replaces the HTTP client and stays the caller's to close. `environ`
    replaces the process's environment for accounts, configuration and MCP servers; proxies and
    certificates are always the process's.

    Safe to use from several threads: each run has its own Lua state, the connection pool is shared.
    Nothing is read, imported or connected before it is needed. Close it, or use it as a context
    manager.
    """

    def __init__(
        self,
        *,
        config: "str | Path | Mapping[str, JsonValue] | Configuration | None" = None,
        simulate: bool = False,
        environ: Mapping[str, str] | None = None,
        transport: Transport | None = None,
    ) -> None:
        config = Path(config) if isinstance(config, str) else config
        self._runtime = Runtime(
            config=config, simulate=simulate, environ=environ, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. A closed bridge opens new ones if it is used again."""
        self._runtime.close()

    def run(
        self,
        code: str,
        *,
        name: str = "script",
        account: str = "default",
        force: bool = False,
        trust_mcp: bool = False,
        args: Mapping[str, JsonValue] | None = None,
        limits: Limits | None = None,
        journal: str | Path | None = None,
        resume: bool | str = False,
        unknown: Unknown | None = None,
        replay: str | Path | None = None,
        plan: str | Path | None = None,
        apply: str | Path | None = None,
        files: str | Path | None = None,
        files_limit: int = FILES_LIMIT_BYTES,
        lua_path: Sequence[str | Path] = (),
        isolate: bool = False,
        listener: RunListener | None = None,
        deadline: Deadline | None = None,
    ) -> Run:
        """Run a Lua script and return its outcome. Whatever the script does, this returns.

        `name` precedes error lines; `account` is the one the bare `app.integrations.circleci.*`
        uses; `force` lifts the read/write policy, `trust_mcp` the trust that MCP servers need;
        `args` is the script's `args` table. `listener` hears how the run proceeds and answers
        permission questions; what it raises ends the run and is raised here. `deadline` lets
        another thread end the run. A configuration that cannot be used is a `Run` with
        `error_type` "configuration".

        `journal` is a file in which the run is recorded; `resume` continues its newest run of that
        `name` that has not succeeded, or the run whose id it is; `unknown` ("stop", "repeat",
        "skip") says what becomes of a write whose answer was lost. `replay` answers every call from
        a recorded run. `plan` is where the writes are listed instead of being sent, `apply` such a
        file whose writes are made. What does not go together raises `UsageError`.

        `files` is the folder whose files the script may read and write, of which it may write
        `files_limit` bytes; `lua_path` are folders from which it may `require` modules. A folder
        that is not there raises `UsageError`.

        `isolate=True` runs the script in a process of its own that is killed at its limits: the
        mode for code that is not trusted. In-process, a single C call of Lua (a pattern that never
        ends, a huge `table.move`) cannot be interrupted.
        """
        if not isinstance(code, str):
            raise TypeError(f"Bridge.run: code is Lua text (str), got {type(code).__name__}")
        settings = settings_of(
            name=name,
            account=account,
            force=force,
            trust_mcp=trust_mcp,
            args=args,
            limits=limits,
            journal=journal,
            resume=resume,
            unknown=unknown,
            replay=replay,
            plan=plan,
            apply=apply,
            files=files,
            files_limit=files_limit,
            lua_path=lua_path,
        )
        return self._run(code, settings, isolate, listener, deadline)

    def _run(
        self,
        code: str,
        settings: RunSettings,
        isolate: bool,
        listener: RunListener | None,
        deadline: Deadline | None,
    ) -> Run:
        run = self._runtime.run_isolated if isolate else self._runtime.run
        return run(code, settings, listener, deadline)

    def run_file(self, path: str | Path, **options: Any) -> Run:
        """Run a Lua file; `options` are those of `run`. Raises `OSError` if it cannot be read.

        Its modules are looked for in the file's own folder first, then in those of `lua_path`. What
        its header declares holds as on the command line: `args` are checked, converted and given
        defaults, and other functions than those of `@writes` may not write. Raises `UsageError` for
        arguments that do not fit, and `ConfigurationError` where a default needs a git checkout.
        """
        from kosmo_circleci.workflows.header import parse

        code = Path(path).read_bytes().decode("utf-8", "surrogateescape")
        own = folder_of_script(os.fspath(path))
        further = module_folders(options.pop("lua_path", ()))
        lua_path = further if own is None else (own, *further)
        isolate, listener, deadline = (
            options.pop(name, None) for name in ("isolate", "listener", "deadline")
        )
        settings = settings_of(**({"name": str(path)} | options | {"lua_path": lua_path}))
        header = parse(code, settings.name)
        args = header.bound(
            settings.args, lambda: self._runtime.surroundings.defaults(settings.account)
        )
        settings = settings._replace(args=args, writes=header.writes)
        return self._run(code, settings, bool(isolate), listener, deadline)

    def map(
        self,
        code: str,
        items: Iterable[JsonValue],
        *,
        executor: str = "processes",
        jobs: int | None = None,
        rate_per_hour: float | None = 5000.0,
        deadline: Deadline | None = None,
        **options: Any,
    ) -> "Iterator[Row]":
        """Run a script once for each item and yield the rows, as they end.

        The script has the item as `item` and its place, from 1, as `item_index`. `executor` is
        `processes`, `threads`, `dask:ADDRESS` or `module:factory`; `jobs` items run at once;
        `rate_per_hour` requests are shared by all of them (None: no limit). `options` are those of
        `run` that are plain data. Items are read as they are needed. Local executors run with this
        bridge's configuration and its simulated world; workers elsewhere read their own. Raises
        `UsageError` and `ConfigurationError`.
        """
        from kosmo_circleci.fleet.inputs import Item
        from kosmo_circleci.fleet.run import FleetSettings, default_jobs, opened

        fleet = FleetSettings(jobs or default_jobs(), rate_per_hour, executor)
        settings = settings_of(**options)
        with opened(
            code, settings, fleet, base=self._runtime, deadline=deadline or Deadline()
        ) as running:
            yield from running.rows(Item(index, item) for index, item in enumerate(items, 1))

    async def run_async(self, code: str, **options: Any) -> Run:
        """Run a script without blocking the event loop; `options` are those of `run`.

        Cancelling the task cancels the run, which has ended when the cancellation is delivered.
        """
        from kosmo_circleci.run.asynchronous import in_thread

        deadline = options.pop("deadline", None)
        return await in_thread(
            deadline, lambda deadline: self.run(code, deadline=deadline, **options)
        )

    def call(
        self,
        function: str,
        arguments: Mapping[str, JsonValue] | None = None,
        *,
        account: str | None = None,
        force: bool = False,
        deadline: Deadline | None = None,
    ) -> Any:
        """Call one function and return its decoded answer.

        `function` is any accepted spelling: `get_pipeline`, `circleci.work.get_pipeline`, …; an
        account in it and `account` must not differ. Raises `ValidationError`, `PermissionDenied`,
        `ConfigurationError`, `NetworkError` or `ApiError`.
        """
        resolved = resolve(self._runtime.catalog, function, account)
        if not isinstance(arguments, Mapping | None):
            raise ValidationError(
                f"{resolved.function.name}: the arguments are an object of names and values, "
                f"got {type(arguments).__name__}",
                function_name=resolved.function.name,
            )
        return self._runtime.call(
            resolved, dict(arguments or {}), force=force, deadline=deadline or Deadline()
        )

    async def call_async(self, function: str, *arguments: Any, **options: Any) -> Any:
        """Call one function without blocking the event loop; parameters are those of `call`."""
        from kosmo_circleci.run.asynchronous import in_thread

        deadline = options.pop("deadline", None)
        return await in_thread(
            deadline, lambda deadline: self.call(function, *arguments, deadline=deadline, **options)
        )

    def check(
        self, code: str, *, name: str = "script", lua_path: Sequence[str | Path] = ()
    ) -> "Report":
        """Return what is wrong with a script, as far as it can be known without running it.

        `name` precedes the findings; with `lua_path`, folders of modules, those that are in none of
        them are findings. Raises `ConfigurationError`, also without the extra `check`.
        """
        from kosmo_circleci.check.check import check

        folders = module_folders(lua_path)
        accounts = tuple(self._runtime.configuration.accounts)
        modules = Modules(folders) if folders else None
        return check(code, name, self._runtime.catalog, accounts, modules)

    def read_doc(self, page: str) -> str:
        """Return a documentation page as Markdown. Raises `ValidationError` for an unknown one."""
        from kosmo_circleci.docs import pages

        return pages.read(page, self._runtime.catalog, self._runtime.surroundings.workflows())

    def list_docs(self) -> str:
        """Return the names of all pages, one a line."""
        from kosmo_circleci.docs import pages

        return pages.listing(self._runtime.catalog, self._runtime.surroundings.workflows())

    def search_docs(self, query: str) -> str:
        """Return the functions whose meaning is nearest to `query`: at most ten lines."""
        from kosmo_circleci.docs import search

        workflows = self._runtime.surroundings.workflows()
        return search.search(query, self._runtime.catalog, workflows=workflows)

    def agent_tools(self) -> list[dict[str, JsonValue]]:
        """Return the tools an agent host offers its model: name, description, input_schema."""
        from kosmo_circleci.agent import tools

        return tools.definitions()

    def call_agent_tool(self, name: str, arguments: Mapping[str, JsonValue]) -> str:
        """Carry out one of `agent_tools()` as the model asked, and return the text for it."""
        from kosmo_circleci.agent import tools

        return tools.dispatch(self, name, arguments)
