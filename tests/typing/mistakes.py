"""Mistakes that mypy has to find: an `ignore` that is not needed is an error of its own."""

from kosmo_circleci import Bridge, Limits

bridge = Bridge(simulated=True)  # type: ignore[call-arg]
bridge = Bridge("config.yaml")  # type: ignore[call-arg]
run = bridge.run(b"return 1")  # type: ignore[arg-type]
run = bridge.run("return 1", "name")  # type: ignore[call-arg]
run.succes  # type: ignore[attr-defined]  # noqa: B018
run.success = True  # type: ignore[misc]
bridge.call("circleci.get_project", {"project_slug": object()})  # type: ignore[dict-item]
Limits(timeout="1 s")  # type: ignore[call-arg]
