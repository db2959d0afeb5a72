"""`files.*`: what scripts read, write, list and download. Attacks are in sandbox/."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from kosmo_circleci import Bridge, Limits

ARTIFACTS = """
local circleci = app.integrations.circleci
local job = {project_slug = "gh/example-org/example-repo", job_number = 102}
local artifacts = circleci.list_job_artifacts(job).items
"""


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    with Bridge(simulate=True) as shared:
        yield shared


def content(folder: Path) -> dict[str, str]:
    return {
        str(each.relative_to(folder)): each.read_text()
        for each in folder.rglob("*")
        if each.is_file()
    }


def test_files_are_written_appended_read_and_listed(bridge: Bridge, tmp_path: Path) -> None:
    code = """
    files.write("reports/2025/jan.csv", "a,b\\n")
    files.append("reports/2025/jan.csv", "1,2\\n")
    files.append("log/run.txt", "started\\n")
    files.write("reports/2025/jan.csv", files.read("reports/2025/jan.csv") .. "3,4\\n")
    return {files.list(), files.list("**/*.csv"), files.list("*.csv"), files.list("reports/**")}
    """
    run = bridge.run(code, files=tmp_path)
    jan = "reports/2025/jan.csv"
    assert run.result == [["log/run.txt", jan], [jan], [], [jan]]
    assert content(tmp_path) == {"log/run.txt": "started\n", jan: "a,b\n1,2\n3,4\n"}
    assert (run.call_count, run.writes.done) == (0, 0)


def test_a_list_that_is_empty_is_an_array(bridge: Bridge, tmp_path: Path) -> None:
    assert bridge.run("return json.encode(files.list())", files=tmp_path).result == "[]"


WRONG_CALLS: Final = {
    "files.read('a/b')": "files.read: 'a/b' does not exist",
    "files.raed('a')": "attempt to call a nil value (field 'raed'): files.raed does not exist. "
    "Did you mean files.read?",
    "files.read()": "files.read: argument 1 must be a string, got nothing",
    "files.list(3)": "files.list: argument 1 must be a string, got number",
    "files.download({url = 3}, 'x')": "files.download: argument 1 must be a URL, or an artifact of "
    "list_job_artifacts (a table with a url), got a table",
    "files.download('https://example.com/')": "files.download: argument 2 must be a string, got "
    "nothing",
    "files.download('https://example.com/', '../x')": "files.download: '../x' has '..' in it, and "
    "a name cannot lead out of the folder",
}


@pytest.mark.parametrize("code", WRONG_CALLS)
def test_a_wrong_call_is_an_error_of_the_script(code: str, bridge: Bridge, tmp_path: Path) -> None:
    run = bridge.run(code, files=tmp_path)
    error = f"script:1: {WRONG_CALLS[code]}"
    assert (run.error_type, run.error, run.call_count) == ("runtime", error, 0)


def test_an_artifact_of_v2_and_one_of_v3_are_downloaded(bridge: Bridge, tmp_path: Path) -> None:
    code = (
        ARTIFACTS
        + """
    local function fetch(each, index) return files.download(each, "v2/" .. index) end
    local sizes = flow.map(artifacts, fetch)
    for artifact in flow.each(circleci.list_job_artifacts_v3, {job_id = args.job_id}) do
      files.download(artifact, "v3/" .. artifact.attributes.path)
    end
    return sizes
    """
    )
    find = "return app.integrations.circleci.list_workflow_jobs('failed-workflow-uuid').items[1].id"
    job_id = bridge.run(find).result
    run = bridge.run(code, files=tmp_path, args={"job_id": job_id})
    assert run.error is None
    written = content(tmp_path)
    sizes = [(tmp_path / f"v2/{number}").stat().st_size for number in range(1, 7)]
    assert sizes == run.result
    assert any(name.startswith("v3/") for name in written)
    downloads = [each for each in run.call_log if each["function"] == "files.download"]
    assert {(each["kind"], each["effect"], each["status"]) for each in downloads} == {
        ("read", "none", "ok")
    }


def test_a_url_that_the_simulator_does_not_have_is_an_api_error(
    bridge: Bridge, tmp_path: Path
) -> None:
    code = (
        "local ok, e = pcall(files.download, 'https://example.com/x', 'y') return e.type, e.status"
    )
    assert bridge.run(code, files=tmp_path).result == ["api", 404]
    assert content(tmp_path) == {}


def test_with_a_plan_files_are_real_and_what_a_planned_write_would_make_is_not_fetched(
    bridge: Bridge, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    code = (
        ARTIFACTS
        + """
    files.write("before.txt", "x")
    files.download(artifacts[1], "real")
    local pipeline = circleci.trigger_pipeline("gh/example-org/example-repo")
    return files.download("https://example.com/" .. pipeline.id, "planned"), files.list()
    """
    )
    run = bridge.run(code, files=folder, plan=tmp_path / "plan.json")
    assert (run.error, run.result) == (None, [0, ["before.txt", "real"]])


def test_a_resumed_run_downloads_again_and_a_replay_does_not_download(
    bridge: Bridge, tmp_path: Path
) -> None:
    folder, journal = tmp_path / "files", tmp_path / "runs.db"
    folder.mkdir()
    code = ARTIFACTS + "files.download(artifacts[1], 'file') if args.fail then error('no') end"
    options = {"name": "s", "files": folder, "journal": journal}
    assert bridge.run(code, args={"fail": True}, **options).error == "s:5: no"  # type: ignore[arg-type]
    (folder / "file").unlink()
    run = bridge.run(code, resume=True, **options)  # type: ignore[arg-type]
    assert run.error is None
    assert [each["function"] for each in run.call_log] == ["files.download"]
    assert list(content(folder)) == ["file"]

    replayed = bridge.run(code, name="s", files=folder, replay=journal)
    assert replayed.error_type == "journal"
    assert "files.download cannot be replayed" in str(replayed.error)


def test_a_file_larger_than_the_memory_limit_is_refused_before_it_is_read(
    bridge: Bridge, tmp_path: Path
) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    run = bridge.run("files.read('large')", files=tmp_path, limits=Limits(memory_bytes=1 << 24))
    assert run.error == (
        "script:1: files.read: 'large' has 1099511627776 bytes, more than the memory limit of 16M. "
        "Raise it with --memory-limit SIZE (Python: Limits(memory_bytes=…))."
    )
    assert run.error_type == "limit"


@pytest.mark.parametrize("isolate", [False, True])
def test_the_limit_counts_what_a_run_writes_and_not_what_failed(
    isolate: bool, bridge: Bridge, tmp_path: Path
) -> None:
    code = """
    files.write("a", ("x"):rep(40))
    pcall(files.write, "b", ("x"):rep(61))
    files.append("a", ("x"):rep(40))
    files.write("c", ("x"):rep(20))
    local ok, e = pcall(files.append, "a", "x")
    return e.type, files.list()
    """
    run = bridge.run(code, files=tmp_path, files_limit=100, isolate=isolate)
    assert run.result == ["limit", ["a", "c"]]


def test_a_folder_is_that_of_the_run_and_its_path_stays_unknown(
    bridge: Bridge, tmp_path: Path
) -> None:
    code = "local _, e = pcall(files.read, 'x') return tostring(e) .. json.encode(files.list())"
    run = bridge.run(code, files=tmp_path)
    assert str(tmp_path) not in json.dumps(run.result)
    assert bridge.run("return files").result is None
