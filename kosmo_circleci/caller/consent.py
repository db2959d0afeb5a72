"""Whether a call may be made: the script's header, the policy, and what a person has answered."""

from typing import TYPE_CHECKING

from kosmo_circleci.call import permission
from kosmo_circleci.call.permission import Allowed, MustAsk, PermissionRequest, Policy
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.listener import RunListener
from kosmo_circleci.run.settings import RunSettings

if TYPE_CHECKING:
    from kosmo_circleci.call.journal import RunJournal


class Consents:
    """The permissions of one session; an answer holds for a function of an account."""

    def __init__(
        self, settings: RunSettings, policy: Policy, listener: RunListener, mask: Mask
    ) -> None:
        self._settings = settings
        self._policy = policy
        self._listener = listener
        self._mask = mask
        self._answers: dict[tuple[str, str], bool] = {}

    def continue_with(self, settings: RunSettings) -> None:
        """Take what the header of the next script allows; answers stay with `keep_consent` only."""
        self._settings = self._settings._replace(writes=settings.writes)
        if not settings.keep_consent:
            self._answers.clear()

    def permit(
        self, request: PermissionRequest, journal: "RunJournal | None", deadline: Deadline
    ) -> bool:
        """Return if the call may be made; True where `force` lifted a rule that stood against it.

        A write that a resumed run answers from its record is not asked for. Raises
        `PermissionDenied`, or the deadline's reason if the run ended at the question.
        """
        self.check_declared(request)
        if journal is not None and request.kind in journal.decides:
            return False
        decision = permission.decide(request.kind, self._policy, force=self._settings.force)
        if isinstance(decision, Allowed):
            return decision.bypassed
        consent = None
        if isinstance(decision, MustAsk):
            if journal is not None and request.recorded and journal.reserve(request.recorded()):
                return False
            consent = self._consent(request, deadline)
            if consent:
                return False
        raise permission.refusal(
            request.kind, decision, request.call_path, request.name, refused=consent is False
        )

    def check_declared(self, request: PermissionRequest) -> None:
        """Raise `PermissionDenied` for a write that the script's header does not allow."""
        writes = self._settings.writes
        if request.kind == "write" and writes is not None and request.name not in writes:
            raise permission.undeclared(request.call_path, request.name, writes)

    def _consent(self, request: PermissionRequest, deadline: Deadline) -> bool | None:
        """Return the answer of a person, None where no person can be asked."""
        key = (request.account, request.name)
        if key in self._answers:
            return self._answers[key]
        answer = self._listener.ask(self._mask.text(request.question()))
        deadline.check()
        if answer is None:
            return None
        if answer == "once":
            return True
        self._answers[key] = answer == "run"
        return self._answers[key]
