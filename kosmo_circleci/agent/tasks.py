"""Tasks: calls that take long, which their client polls, answers and cancels by an ID.

A task belongs to the client that made it, is kept for a bounded time, and ends with the server.
What is here lives on the event loop and knows nothing of the protocol.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple, TypeAlias

from kosmo_circleci.agent.running_call import Event, Progress, Question, RunningCall, Settled
from kosmo_circleci.agent.tool_result import ToolResult
from kosmo_circleci.errors import Interrupted, LimitExceeded, ValidationError
from kosmo_circleci.run.listener import Consent
from kosmo_circleci.wording import blanked, printable, shorten

MAX_TASKS: Final = 64
"""How many tasks one server keeps; those that ended first make room."""

MAX_RUNNING: Final = 16
"""How many tasks may run at once, for all clients."""

MAX_RUNNING_OF_ONE: Final = 8
"""How many tasks of one client may run at once."""

RESULT_KEPT_S: Final = 600.0
"""How long a result is kept at least: a task that runs to its limit is kept so much longer."""

_MESSAGE_CHARACTERS: Final = 200

Status: TypeAlias = Literal["working", "input_required", "completed", "failed", "cancelled"]


class TaskLimits(NamedTuple):
    """When a call becomes a task, and how long a task may run, both from the call's arrival."""

    after_s: float = 20.0
    run_s: float = 3600.0

    @property
    def kept_s(self) -> float:
        """How long a task is kept, from its creation."""
        return self.run_s + RESULT_KEPT_S


DEFAULT_LIMITS: Final = TaskLimits()


class Task:
    """One task. `on_change` is called when its status changes.

    `ask` puts a question to the client's user where the server can do so at any time; otherwise the
    client has to come for it: `wait`, then `claim` the question, then `answer` it.
    """

    def __init__(
        self,
        call: RunningCall,
        client: str,
        ask: Callable[["Task", Question], Awaitable[Consent]] | None,
        on_change: Callable[["Task"], Awaitable[None]],
    ) -> None:
        # The ID is good for the result and for answers to questions: it must not be guessed.
        self.task_id: Final = secrets.token_urlsafe(24)
        self.client: Final = client
        self.created_at: Final = datetime.now(UTC)
        self.made_at_s: Final = time.monotonic()
        self.updated_at = self.created_at
        self.message = ""
        self.question: Question | None = None
        self.result: ToolResult | None = None
        self.cancelled = False
        self._call = call
        self._ask, self._on_change = ask, on_change
        self._claimed = False
        self._asking: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._following = asyncio.get_running_loop().create_task(self._follow())

    @property
    def status(self) -> Status:
        """The status, in the words of the protocol; a result that is an error is `failed`."""
        if self.cancelled:
            return "cancelled"
        if self.result is not None:
            return "failed" if self.result.is_error else "completed"
        return "working" if self.question is None else "input_required"

    @property
    def running(self) -> bool:
        """Whether the script may still do something."""
        return self.result is None

    def cancel(self, message: str = "The client cancelled the task.") -> None:
        """End the call; one that has ended stays as it is."""
        if self.result is None and not self.cancelled:
            self.cancelled, self.message = True, message
            self._call.cancel(Interrupted(message))
            self._tell()

    def expire(self) -> None:
        """End the call because the task is not kept any longer."""
        self._call.cancel(LimitExceeded("The task was not kept any longer."))

    async def wait(self) -> None:
        """Wait for the next change."""
        await self._changed.wait()

    def claim(self) -> Question | None:
        """Return the open question to be asked now; None if it is being asked already."""
        if self.question is None or self._claimed:
            return None
        self._claimed = True
        return self.question

    def release(self, question: Question) -> None:
        """Give back a question that was claimed and not asked."""
        if self.question == question:
            self._claimed = False
            self._tell()

    def answer(self, question: Question, consent: Consent) -> None:
        """Answer the open question; an answer to another one, which came too late, is ignored."""
        if self.question == question:
            self._call.answer(question, consent)
            self._settle(question)

    def _settle(self, question: Question) -> None:
        if self.question == question:
            self.question, self._claimed = None, False
            self._tell()

    async def close(self) -> None:
        """Stop following the call, which has been cancelled."""
        for each in (self._asking, self._following):
            if each is not None:
                each.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await each

    async def _follow(self) -> None:
        while self.result is None:
            await self._take(await self._call.next_event())

    async def _take(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.message = shorten(blanked(event.text), _MESSAGE_CHARACTERS)
        elif isinstance(event, Settled):
            self._settle(event.question)
            return
        elif isinstance(event, Question):
            self.question, self._claimed = event, False
            if self._ask is not None:
                self._asking = asyncio.get_running_loop().create_task(self._put(self._ask))
        else:
            self.result, self.question = event, None
            if self._asking is not None:
                self._asking.cancel()
            if not self.cancelled:
                self.message = ""
        self._tell()
        await self._on_change(self)

    async def _put(self, ask: Callable[["Task", Question], Awaitable[Consent]]) -> None:
        question = self.claim()
        if question is not None:
            self.answer(question, await ask(self, question))

    def _tell(self) -> None:
        self.updated_at = datetime.now(UTC)
        self._changed.set()
        self._changed = asyncio.Event()


class Tasks:
    """The tasks of all clients of one server."""

    def __init__(self, limits: TaskLimits) -> None:
        self.limits: Final = limits
        self._tasks: dict[str, Task] = {}

    def has_room(self, client: str) -> bool:
        """Say whether one more task of `client` may run now."""
        self._drop_old()
        running = [each for each in self._tasks.values() if each.running]
        of_one = sum(each.client == client for each in running)
        return len(running) < MAX_RUNNING and of_one < MAX_RUNNING_OF_ONE

    def add(self, task: Task) -> None:
        """Keep a task; the ones that ended first make room."""
        while len(self._tasks) >= MAX_TASKS:
            oldest = next(each for each in self._tasks.values() if not each.running)
            del self._tasks[oldest.task_id]
        self._tasks[task.task_id] = task

    def find(self, task_id: str, client: str) -> Task:
        """Return a task of `client`. Raises `ValidationError`, for those of others too."""
        self._drop_old()
        task = self._tasks.get(task_id)
        if task is None or task.client != client:
            raise ValidationError(
                f"Unknown task '{printable(shorten(task_id))}'. A task is kept for "
                f"{self.limits.kept_s / 60:g} minutes, and as long as the server runs."
            )
        return task

    def of(self, client: str) -> list[Task]:
        """Return the tasks of `client`, oldest first."""
        self._drop_old()
        return [each for each in self._tasks.values() if each.client == client]

    async def close(self) -> None:
        """Forget every task; their calls have been ended."""
        for each in self._tasks.values():
            await each.close()
        self._tasks.clear()

    def _drop_old(self) -> None:
        for each in [*self._expired(time.monotonic())]:
            each.expire()
            del self._tasks[each.task_id]

    def _expired(self, now_s: float) -> Iterator[Task]:
        return (
            each for each in self._tasks.values() if now_s - each.made_at_s > self.limits.kept_s
        )
