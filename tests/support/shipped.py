"""Running a ready-made workflow as `--workflow NAME` does: in this process, simulated."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from kosmo_circleci import Bridge, Run
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.transport import SimulatorTransport
from kosmo_circleci.simulator.world import World
from kosmo_circleci.transport.wire import WireRequest, WireResponse
from kosmo_circleci.workflows.header import parse

FOLDER: Final = Path(__file__).parents[2] / "lua_docs" / "workflows"

ORG: Final = "gh/example-org"
REPO: Final = "gh/example-org/example-repo"
OTHER: Final = "gh/example-org/another-repo"

ALLOWED: Final[dict[str, JsonValue]] = {
    "integrations": {"circleci": {"permissions": {"read": "allow", "write": "allow"}}}
}

HERE: Final = {"project_slug": REPO, "branch": "main"}


class Refusing(SimulatorTransport):
    """A simulated CircleCI that answers 403 to each request that contains one of `parts`.

    A part is of the method and the URL's path: `PUT /api/v2/context/`. `methods` are those of all
    requests that were sent.
    """

    def __init__(self, *, has_v3: bool = True) -> None:
        super().__init__(has_v3=has_v3)
        self.parts: Sequence[str] = ()
        self.methods: set[str] = set()

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        self.methods.add(request.method)
        line = f"{request.method} {request.url.removeprefix('https://circleci.com')}"
        if any(part in line for part in self.parts):
            body = b'{"message": "Permission denied."}'
            return WireResponse(403, {"content-type": "application/json"}, body)
        return super().send(request, time_left_s=time_left_s)


class Simulation(NamedTuple):
    """A simulated CircleCI in which writes need no permission."""

    bridge: Bridge
    transport: Refusing

    @property
    def world(self) -> World:
        """What the simulation knows, to look into and to change."""
        return self.transport.world

    def refuse(self, *parts: str) -> None:
        """Answer 403 from now on to requests that contain one of `parts`."""
        self.transport.parts = parts

    def call(self, function: str, **arguments: Any) -> Any:
        """Call one function and return its answer."""
        return self.bridge.call(function, arguments)


def simulation(*, has_v3: bool = True) -> Simulation:
    """Return a new simulated CircleCI; without API v3 it is a CircleCI Server."""
    transport = Refusing(has_v3=has_v3)
    return Simulation(
        Bridge(simulate=True, config=ALLOWED, environ={}, transport=transport), transport
    )


def run_workflow(
    circleci: Simulation,
    name: str,
    /,
    plan: Path | None = None,
    files: Path | None = None,
    **arguments: Any,
) -> Run:
    """Run a shipped workflow with arguments as `--arg` gives them, or as JSON values.

    With `plan`, its writes are listed in that file and not made; `files` is that of `--files`.

    The header checks and converts them. No other function may have written than it names.
    """
    code = (FOLDER / f"{name}.lua").read_text("utf-8")
    header = parse(code, name)
    args = header.bound(arguments, lambda: HERE)
    run = circleci.bridge.run(code, name=name, args=args, plan=plan, files=files)
    written = {
        call["tool"].removeprefix("circleci_") for call in run.call_log if call["kind"] == "write"
    }
    assert written <= set(header.writes or ())
    return run


def write_count(run: Run) -> int:
    """Return how many writes a run has made."""
    return sum(call["effect"] == "done" for call in run.call_log)


def add_context(circleci: Simulation, name: str, *variables: str) -> str:
    """Add a context with these variables, and return its id."""
    owner = {"slug": ORG, "type": "organization"}
    context_id = str(circleci.call("create_context", name=name, owner=owner)["id"])
    for variable in variables:
        circleci.call(
            "upsert_context_env_var",
            context_id=context_id,
            env_var_name=variable,
            value=f"old-value-of-{variable}",
        )
    return context_id
