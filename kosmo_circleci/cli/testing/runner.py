"""Test files in Lua: which tests they have, and how each one ends.

Every test gets a Lua state and a simulated CircleCI of its own, as new as on its first day; nothing
of the machine is read. The file itself runs before each of its tests.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from kosmo_circleci.cli.script.signals import interruptible
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted, UsageError
from kosmo_circleci.files.folders import NO_HOME
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.limits import Limits
from kosmo_circleci.lua.session import Session
from kosmo_circleci.run.envelope import Run, failure
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.runtime import Runtime
from kosmo_circleci.script.modules import folder_of_script

PATTERN: Final = "*_test.lua"
WHOLE_FILE: Final = "(file)"
"""The name of the result of a file that cannot be loaded, or has no tests."""

_EXPECT: Final = Path(__file__).with_name("expect.lua")
_NAMES: Final = """
local names = {}
for name, value in pairs(_G) do
  if name:find("^test_") and type(value) == "function" then names[#names + 1] = name end
end
return json.array(names)
"""


class Result(NamedTuple):
    """How one test ended. `duration_s` includes making its world."""

    file: str
    name: str
    run: Run
    duration_s: float


class Runner:
    """Runs tests within `limits` each. `accounts` are further accounts of the simulated CircleCI.

    Only tests whose name has `part` in it are run. Modules are in the folder of the test's file,
    and in those of `lua_path`.
    """

    def __init__(
        self,
        limits: Limits,
        accounts: Sequence[str] = (),
        part: str = "",
        lua_path: Sequence[str] = (),
    ) -> None:
        self._limits = limits
        self._deadline = Deadline()
        self._part = part
        self._lua_path = tuple(lua_path)
        entries: dict[str, JsonValue] = {name: {"token": f"token-of-{name}"} for name in accounts}
        policy: JsonValue = {"read": "allow", "write": "allow"}
        self._config: dict[str, JsonValue] = {
            "integrations": {"circleci": {"permissions": policy, "accounts": entries}}
        }

    def results(self, files: Sequence[Path]) -> Iterator[Result]:
        """Yield the results as the tests end; after a signal there are no more."""
        with interruptible(self._deadline):
            for file in files:
                for result in self._results(file, _read(file)):
                    yield result
                    if self._deadline.reason() is not None:
                        return

    @property
    def signal_number(self) -> int | None:
        """The signal that ended the tests, if one did."""
        reason = self._deadline.reason()
        return reason.signal_number if isinstance(reason, Interrupted) else None

    def _results(self, file: Path, code: str) -> Iterator[Result]:
        began = time.perf_counter()
        run = self._in_session(file, code, lambda session: session.run(_NAMES))
        names = _in_order(run.result, code) if run.success else []
        if run.success and not names:
            text = "no global function has a name that begins with test_"
            run = failure(f"{file}: {text}", "validation", simulated=True)
        if not run.success:
            yield Result(str(file), WHOLE_FILE, run, time.perf_counter() - began)
        for name in names:
            if self._part in name:
                yield self._test(file, code, name)

    def _test(self, file: Path, code: str, name: str) -> Result:
        began = time.perf_counter()

        run = self._in_session(
            file, code, lambda session: session.run(f"{name}()", deadline=self._limited())
        )
        if not run.success and run.error is None:
            text = f"{file}: {name} ended with exit({run.script_exit_code})"
            run = run._replace(error=text, error_type="runtime")
        return Result(str(file), name, run, time.perf_counter() - began)

    def _in_session(self, file: Path, code: str, use: Callable[[Session], Run]) -> Run:
        """Return what `use` does in a new world where the file has run, or the file's failure."""
        nowhere = {"HOME": str(NO_HOME)}
        runtime = Runtime(config=self._config, simulate=True, environ=nowhere, folder=NO_HOME)
        own = folder_of_script(str(file))
        lua_path = (*(() if own is None else (own,)), *self._lua_path)
        settings = RunSettings(name=str(file), limits=self._limits, lua_path=lua_path)
        with (
            closing(runtime),
            closing(runtime.session(settings, deadline=self._limited())) as session,
        ):
            prepared = session.run(_EXPECT.read_text("utf-8"), "expect")
            if not prepared.success:  # Only a signal or a tiny limit keeps it from running.
                return prepared
            loaded = session.run(code)
            return use(session) if loaded.success else loaded

    def _limited(self) -> Deadline:
        return self._deadline.limited(self._limits.timeout_s)


def find_files(names: Sequence[Path]) -> list[Path]:
    """Return the named files, and those of a folder that are called `*_test.lua`.

    Raises `UsageError` for what does not exist, and where there is no file.
    """
    files: list[Path] = []
    for name in names:
        if name.is_dir():
            files += sorted(name.rglob(PATTERN))
        elif name.exists():
            files.append(name)
        else:
            raise UsageError(f"{name}: No such file or directory. Name test files or folders.")
    if not files:
        raise UsageError(f"There is no test file. Their names end in {PATTERN.removeprefix('*')}.")
    return list(dict.fromkeys(files))


def _in_order(names: Sequence[str], code: str) -> list[str]:
    """Return the names in the order in which the text has them."""

    def place(name: str) -> tuple[int, str]:
        match = re.search(rf"\b{re.escape(name)}\b", code)
        return (len(code) if match is None else match.start()), name

    return sorted(names, key=place)


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}. Name test files or folders.") from None
