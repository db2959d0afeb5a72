"""Opening the journal of a run. What writes it is loaded by a run that has one."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from kosmo_circleci.caller.caller import Caller
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.run.settings import JournalSettings
from kosmo_circleci.script.modules import Modules

if TYPE_CHECKING:
    from kosmo_circleci.journal.session import JournalSession
    from kosmo_circleci.lua.clock import Clock


class JournalOpener(NamedTuple):
    """Opens the journals of the scripts of one session. `modules` are those the scripts load."""

    account: str
    caller: Caller
    clock: "Clock"
    modules: Modules
    simulated: bool

    def open(
        self, settings: JournalSettings, code: str, name: str, args: Mapping[str, JsonValue]
    ) -> "JournalSession":
        """Return the journal of one run of a script. Raises `JournalError`."""
        from kosmo_circleci.journal.lifecycle import Start
        from kosmo_circleci.journal.session import JournalSession, Subject
        from kosmo_circleci.run.lost_writes import decide

        caller = self.caller
        subject = Subject(
            Start(name, code, self.account, self.simulated),
            args,
            caller.mask,
            load_catalog(),
            self.clock.now_s,
            partial(decide, caller.listener),
            self.modules,
        )
        return JournalSession(settings, subject)
