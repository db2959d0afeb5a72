"""Calls to MCP servers without a script: in this process, with the outcome of a run."""

import contextlib
import os
import time
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from kosmo_circleci.call.context import RunContext
from kosmo_circleci.caller.caller import Caller
from kosmo_circleci.cli import ask
from kosmo_circleci.cli.call.outcome import run_of_call
from kosmo_circleci.cli.script.execution import TerminalListener
from kosmo_circleci.cli.script.signals import interruptible
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import KosmoError
from kosmo_circleci.files.folders import current_folder, home_folder
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.lua.extension import ExtensionContext
from kosmo_circleci.mcp_client.functions import McpFunctions
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.runtime import Runtime


class ExternalOptions(NamedTuple):
    """`force` lifts the policy, `trust` the trust that a project's servers need."""

    force: bool = False
    trust: bool = False
    timeout_s: float | None = None


Work: TypeAlias = Callable[[McpFunctions, RunContext], JsonValue]


def configured_functions(*, trust: bool = False) -> McpFunctions:
    """Return the MCP servers of the current folder and of the user."""
    return McpFunctions(os.environ, home_folder(os.environ), current_folder(), trust=trust)


def run_external(work: Work, options: ExternalOptions) -> Run:
    """Do `work` with the MCP servers and return its outcome; it can be interrupted.

    Permission questions are put to the person at the terminal. Raises `UsageError`.
    """
    started = time.perf_counter()
    caller: Caller | None = None
    result: JsonValue = None
    fault: KosmoError | None = None
    terminal = TerminalListener(as_json=True, asker=ask.asker())
    with (
        contextlib.closing(Runtime()) as runtime,
        contextlib.closing(configured_functions(trust=options.trust)) as functions,
        interruptible(Deadline(options.timeout_s)) as terminal.deadline,
    ):
        try:
            settings = RunSettings(force=options.force, trust_mcp=options.trust, integrations=False)
            caller = runtime.caller(settings, terminal, terminal.deadline)
            result = work(functions, ExtensionContext(caller))
        except KosmoError as error:
            if error.error_type == "usage":
                raise
            fault = error
    duration_ms = (time.perf_counter() - started) * 1000
    run = run_of_call(caller, result, fault, duration_ms, simulated=False)
    return run._replace(mcp_trust_bypassed=options.trust)
