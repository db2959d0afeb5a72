"""One call as a command makes it, and its outcome in the form of a script's."""

import time
from collections.abc import Mapping

from kosmo_circleci.caller.caller import Caller
from kosmo_circleci.caller.log import CallLog
from kosmo_circleci.catalog.lookup import Resolved
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted, KosmoError
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import RunListener
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.runtime import Runtime
from kosmo_circleci.telemetry.tracing import traced


def run_call(
    runtime: Runtime,
    resolved: Resolved,
    arguments: Mapping[str, JsonValue],
    *,
    force: bool,
    listener: RunListener,
) -> Run:
    """Call one function and return its outcome, masked."""

    def perform(settings: RunSettings, listener: RunListener) -> Run:
        return _run_call(runtime, resolved, arguments, settings, listener)

    name = resolved.function.name
    settings = RunSettings(name=name, force=force)
    return traced(settings, listener, perform, simulated=runtime.simulate, title=f"call {name}")


def _run_call(
    runtime: Runtime,
    resolved: Resolved,
    arguments: Mapping[str, JsonValue],
    settings: RunSettings,
    listener: RunListener,
) -> Run:
    started = time.perf_counter()
    caller: Caller | None = None
    result: JsonValue = None
    fault: KosmoError | None = None
    try:
        caller = runtime.caller_of(resolved, settings.force, listener, Deadline())
        caller.traceparent = settings.traceparent
        result = caller.call_resolved(resolved, arguments)
    except KosmoError as error:
        fault = error
    duration_ms = (time.perf_counter() - started) * 1000
    return run_of_call(caller, result, fault, duration_ms, simulated=runtime.simulate)


def run_of_call(
    caller: Caller | None,
    result: JsonValue,
    fault: KosmoError | None,
    duration_ms: float,
    *,
    simulated: bool,
) -> Run:
    """Return the outcome of one call as that of a script; `caller` None if it never began."""
    mask = caller.mask if caller else Mask()
    result_mask = caller.result_mask if caller else mask
    log = caller.log if caller else CallLog(RunListener(), mask)
    return Run(
        success=fault is None,
        result_json=encode(result_mask.json(result)),
        error=mask.text(fault.message) if fault else None,
        error_type=fault.error_type if fault else None,
        execution_time_ms=duration_ms,
        call_count=log.call_count,
        call_records=tuple(log.records),
        writes=log.writes,
        permission_bypassed=log.permission_bypassed,
        simulated=simulated,
        signal_number=fault.signal_number if isinstance(fault, Interrupted) else None,
    )
