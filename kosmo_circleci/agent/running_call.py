"""One call of a tool, carried out on a thread of its own while the protocol is served.

The thread tells what happens as events: progress, a question for the client's user, the result. A
question may be answered within the same request (elicitation) or by a later one (`input_required`);
the call waits for it on its thread and does not know the difference.
"""

import asyncio
import contextlib
import contextvars
import queue
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from kosmo_circleci.agent.clients import Client
from kosmo_circleci.agent.tool_result import ToolCall, ToolResult
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import KosmoError, LimitExceeded
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.listener import Consent

PATIENCE_S: Final = 600.0
"""How long a question stays open; then the answer is no."""

_LOOK_EVERY_S: Final = 0.05


class Progress(NamedTuple):
    """The call waits for what `text` says."""

    text: str


class Question(NamedTuple):
    """The call continues once `text` is answered; `number` counts those of one call."""

    text: str
    number: int


class Settled(NamedTuple):
    """The call continues: `question` was answered, or waited for too long."""

    question: Question


Event: TypeAlias = Progress | Question | Settled | ToolResult


class ActiveTime(Deadline):
    """The time limit of a call, which does not run while a person is being asked."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._active_limit_s = seconds
        self._since = time.monotonic()
        self._active_s = 0.0
        self._paused = False

    def extend(self, seconds: float) -> None:
        """Let the call take `seconds` in all, if that is more than it has."""
        self._active_limit_s = max(self._active_limit_s, seconds)

    def pause(self) -> None:
        """Stop the clock."""
        self._active_s += time.monotonic() - self._since
        self._paused = True

    def resume(self) -> None:
        """Let the clock run again."""
        self._since, self._paused = time.monotonic(), False

    def sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.check()
            super().sleep(min(left, _LOOK_EVERY_S))

    def reason(self) -> KosmoError | None:
        running_s = 0.0 if self._paused else time.monotonic() - self._since
        if self._active_s + running_s >= self._active_limit_s:
            self.cancel(
                LimitExceeded(
                    f"The run took longer than {self._active_limit_s:g} s. A person can raise the "
                    "limit with `kosmo mcp:serve --timeout SECONDS`."
                )
            )
        return super().reason()


class Turn:
    """A call's turn to compute, one of `turns`. Safe for several threads."""

    def __init__(self, turns: threading.Semaphore) -> None:
        self._turns = turns
        self._lock = threading.Lock()
        self._held = False
        self._needed = True

    def take(self) -> None:
        """Wait for a turn, unless none is needed any more."""
        if not self._needed:
            return
        self._turns.acquire()
        with self._lock:
            self._held = True
        if not self._needed:
            self.give_back()

    def give_back(self) -> None:
        """Let another call have the turn."""
        with self._lock:
            held, self._held = self._held, False
        if held:
            self._turns.release()

    def waive(self) -> None:
        """Compute without a turn from now on."""
        self._needed = False
        self.give_back()


class RunningCall:
    """A call under way. Made and followed on the event loop; its work runs elsewhere.

    `turns` bounds how many calls compute at once; one that waits for an answer has no turn. `mask`
    hides tokens in errors. `on_end` is called on the loop.
    """

    def __init__(
        self,
        work: Callable[[ToolCall], ToolResult],
        mask: Callable[[Client], Mask],
        deadline: ActiveTime,
        turns: threading.Semaphore,
        *,
        client: Client,
        can_ask: bool,
        on_end: Callable[["RunningCall"], None],
    ) -> None:
        self._work, self._mask = work, mask
        self._on_end = on_end
        self._client = client
        self._deadline = deadline
        self._turn = Turn(turns)
        self._can_ask = can_ask
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._questions = 0
        self._answers: queue.SimpleQueue[tuple[int, Consent]] = queue.SimpleQueue()
        self._ended = asyncio.Event()
        # The span of the request is a context variable: what the call does belongs to it.
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._run,), name="kosmo-tool", daemon=True).start()

    async def next_event(self) -> Event:
        """Return what happens next; after a `ToolResult` nothing does."""
        return await self._events.get()

    def answer(self, question: Question, consent: Consent) -> None:
        """Answer a question; it counts for no other one, however late it comes."""
        self._answers.put((question.number, consent))

    def become_task(self, limit_s: float) -> None:
        """Continue without a turn, for `limit_s` in all: no request waits for the answer."""
        self._deadline.extend(limit_s)
        self._turn.waive()

    def cancel(self, reason: KosmoError) -> None:
        """End the call. Its result, an error, is still an event."""
        self._deadline.cancel(reason)

    async def wait(self) -> None:
        """Wait until the thread has ended."""
        await self._ended.wait()

    def _run(self) -> None:
        self._turn.take()
        try:
            result = self._outcome()
        finally:
            self._turn.give_back()
        self._tell(result)
        self._on_loop(self._end)

    def _end(self) -> None:
        self._ended.set()
        self._on_end(self)

    def _outcome(self) -> ToolResult:
        call = ToolCall(
            self._deadline,
            lambda text: self._tell(Progress(text)),
            self._ask if self._can_ask else None,
            self._client,
        )
        try:
            self._deadline.check()
            return self._work(call)
        except KosmoError as error:
            return ToolResult.failed(error).masked(self._mask(self._client))
        except Exception as error:
            # A fault of ours: the client gets an answer, standard error the trace.
            traceback.print_exc()
            message = f"internal error: {type(error).__name__}: {error}"
            result = ToolResult(message, {"type": "runtime", "message": message}, is_error=True)
            return result.masked(self._mask(self._client))

    def _ask(self, text: str) -> Consent:
        self._deadline.pause()
        self._turn.give_back()
        self._questions += 1
        question = Question(text, self._questions)
        try:
            self._tell(question)
            return self._answer_in_time(question)
        finally:
            self._tell(Settled(question))
            self._turn.take()
            self._deadline.resume()

    def _answer_in_time(self, question: Question) -> Consent:
        until = time.monotonic() + PATIENCE_S
        # The supervisor, which watches the deadline, ends a run that was cancelled.
        while time.monotonic() < until and self._deadline.reason() is None:
            try:
                number, consent = self._answers.get(timeout=_LOOK_EVERY_S)
            except queue.Empty:
                continue
            if number == question.number:
                return consent
        return "no"

    def _tell(self, event: Event) -> None:
        self._on_loop(lambda: self._events.put_nowait(event))

    def _on_loop(self, action: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it the request
            self._loop.call_soon_threadsafe(action)
