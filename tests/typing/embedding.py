"""A program that embeds the bridge, as mypy --strict sees it. It is checked, not run."""

from typing import assert_type

from kosmo_circleci import ApiError, Bridge, KosmoError, Limits, Run, RunListener


class Lines(RunListener):
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def output(self, line: str) -> None:
        self._lines.append(line)


def report(bridge: Bridge, code: str) -> str:
    lines: list[str] = []
    run = bridge.run(
        code,
        name="nightly",
        account="work",
        force=True,
        args={"branch": "main"},
        limits=Limits(timeout_s=60.0),
        isolate=True,
        listener=Lines(lines),
    )
    assert_type(run, Run)
    assert_type(run.success, bool)
    assert_type(run.error, str | None)
    assert_type(run.call_count, int)
    assert_type(run.to_json(), str)
    for call in run.call_log:
        lines.append(str(call["http_status"]))
    return "\n".join([run.output, *lines])


def project_name(slug: str) -> str | None:
    with Bridge(simulate=True) as bridge:
        try:
            project = bridge.call("circleci.get_project", {"project_slug": slug})
        except ApiError as error:
            assert_type(error.status, int)
            assert_type(error.retry_after, float | None)
            return None
        except KosmoError as error:
            return error.message
    name = project["name"] if isinstance(project, dict) else None
    return name if isinstance(name, str) else None


def tool_names(bridge: Bridge) -> list[str]:
    assert_type(bridge.read_doc("circleci"), str)
    assert_type(bridge.call_agent_tool("lua_list_docs", {}), str)
    return [str(tool["name"]) for tool in bridge.agent_tools()]
