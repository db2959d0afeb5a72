"""Blocking work for asyncio hosts: in a thread, and cancelled with its task."""

import asyncio
import contextvars
from collections.abc import Callable
from typing import TypeVar

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted

T = TypeVar("T")


async def in_thread(deadline: Deadline | None, work: Callable[[Deadline], T]) -> T:
    """Return what `work(deadline)` returns, computed in a thread of the loop's executor.

    When the task is cancelled, the deadline is, and the cancellation is delivered once the work has
    ended: everything that waits, waits through the deadline. The work sees the task's context
    variables, among them the current span.
    """
    deadline = Deadline() if deadline is None else deadline.child()
    run = contextvars.copy_context().run
    future = asyncio.get_running_loop().run_in_executor(None, run, work, deadline)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        deadline.cancel(Interrupted("The task that ran this was cancelled."))
        await asyncio.wait([future])
        if not future.cancelled():
            future.exception()  # retrieved, or the loop would log it
        raise
