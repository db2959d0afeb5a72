"""What is released beside the package: pins, the container, the project's own CI, the orb."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kosmo_circleci import Bridge

ROOT: Final = Path(__file__).parents[2]
PYPROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT: Final = PYPROJECT["project"]
EXTRAS: Final[dict[str, list[str]]] = PROJECT["optional-dependencies"]
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text("utf-8")
CONFIG_TEXT: Final = (ROOT / ".circleci" / "config.yml").read_text("utf-8")
CONFIG: Final = yaml.safe_load(CONFIG_TEXT)
ORB: Final = yaml.safe_load((ROOT / ".circleci" / "orb.yml").read_text("utf-8"))
MAKEFILE: Final = (ROOT / "Makefile").read_text("utf-8")
PYTHONS: Final = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
PARAMETER: Final = re.compile(r"<< parameters\.(\w+) >>")

RUN: Final = ORB["commands"]["run_workflow"]


def pins() -> dict[str, str]:
    lines = (ROOT / "tests" / "constraints.txt").read_text("utf-8").splitlines()
    rows = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in rows}


def requirements() -> list[Requirement]:
    texts = [*PROJECT["dependencies"], *(each for extra in EXTRAS.values() for each in extra)]
    parsed = [Requirement(text) for text in texts]
    return [each for each in parsed if each.name != PROJECT["name"]]


def test_every_requirement_is_pinned_for_the_tests() -> None:
    pinned = pins()
    missing = [
        str(each)
        for each in requirements()
        if not each.specifier.contains(pinned.get(canonicalize_name(each.name), "0"))
    ]
    assert missing == [], "run `make constraints` with Python 3.11"


def test_on_an_index_the_readme_has_no_link_to_a_file_of_the_repository() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    hook = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    assert re.findall(r"\]\((?!https?:|#)", text)
    for each in hook["substitutions"]:
        text = re.sub(each["pattern"], each["replacement"], text)
    assert re.findall(r"\]\((?!https?:|#)", text) == []


def test_the_container_runs_kosmo_as_an_ordinary_user_on_a_supported_python() -> None:
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["kosmo"]
    assert DOCKERFILE.rstrip().endswith('ENTRYPOINT ["kosmo"]')
    assert set(re.findall(r"^FROM python:([\d.]+)-slim", DOCKERFILE, re.MULTILINE)) <= set(PYTHONS)
    (extras,) = re.findall(r"\.whl\)\[([a-z,]+)\]", DOCKERFILE)
    assert set(extras.split(",")) <= set(EXTRAS)
    assert len(DOCKERFILE.splitlines()) <= 20


def test_the_container_is_built_from_what_a_wheel_needs() -> None:
    kept = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    assert sorted(kept) == ["LICENSE", "README.md", "kosmo_circleci", "lua_docs", "pyproject.toml"]
    assert [name for name in kept if not (ROOT / name).exists()] == []


def _has_builder() -> bool:
    """Say whether there is a Docker daemon, and the base image, so that no registry is asked."""
    base = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)[-1]
    docker = shutil.which("docker")
    return (
        docker is not None
        and (
            subprocess.run([docker, "image", "inspect", base], capture_output=True, check=False)
        ).returncode
        == 0
    )


@pytest.mark.skipif(not _has_builder(), reason="needs a Docker daemon with the base image")
def test_the_container_is_built_and_runs() -> None:
    subprocess.run(["docker", "build", "--tag", "kosmo-test", ROOT], check=True, timeout=600)
    done = subprocess.run(
        ["docker", "run", "--rm", "kosmo-test", "run", "--simulate", "-w", "why_did_it_fail"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "Pipeline" in done.stdout


def test_ci_runs_targets_that_exist_on_every_supported_python() -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    scripts = CONFIG_TEXT + (ROOT / ".ci" / "run").read_text("utf-8")
    assert set(re.findall(r"make ([a-z]+)$", scripts, re.MULTILINE)) <= targets
    (matrix,) = [
        each["test"]["matrix"]["parameters"]
        for each in CONFIG["workflows"]["checks"]["jobs"]
        if isinstance(each, dict)
    ]
    assert matrix == {"version": PYTHONS}


def test_the_configuration_and_one_that_uses_the_orb_compile() -> None:
    orb = {key: ORB[key] for key in ("commands", "jobs", "executors")}
    job = {"kosmo/run": {"workflow": "why_did_it_fail"}}
    inline = {"version": 2.1, "orbs": {"kosmo": orb}, "workflows": {"main": {"jobs": [job]}}}
    with Bridge(simulate=True, environ={}) as bridge:
        for text in (CONFIG_TEXT, yaml.safe_dump(inline)):
            answer: Any = bridge.call("circleci.compile_config", {"config_yaml": text})
            assert answer["errors"] == []


def test_the_orb_names_only_parameters_that_it_declares() -> None:
    for each in [*ORB["commands"].values(), *ORB["jobs"].values(), *ORB["executors"].values()]:
        assert set(PARAMETER.findall(yaml.safe_dump(each))) == set(each["parameters"])
    job = ORB["jobs"]["run"]
    (passed,) = [each["run_workflow"] for each in job["steps"] if "run_workflow" in each]
    assert passed.keys() == RUN["parameters"].keys()
    assert {name: job["parameters"][name]["default"] for name in passed} == {
        name: each["default"] for name, each in RUN["parameters"].items()
    }


def test_the_examples_of_the_orb_use_what_it_has() -> None:
    for example in ORB["examples"].values():
        for workflow in example["usage"]["workflows"].values():
            for job in workflow["jobs"]:
                assert (
                    job["kosmo/run"].keys() - {"context"} <= ORB["jobs"]["run"]["parameters"].keys()
                )


def test_the_examples_of_the_orb_run_workflows_that_exist() -> None:
    text = yaml.safe_dump(ORB["examples"])
    names = re.findall(r"workflow: (\w+)$", text, re.MULTILINE)
    assert names
    assert [n for n in names if not (ROOT / "lua_docs" / "workflows" / f"{n}.lua").exists()] == []


def orb_step(tmp_path: Path, **arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the step of the orb as CircleCI does: parameters put in, in bash -eo pipefail."""
    values = {name: str(each["default"]).lower() for name, each in RUN["parameters"].items()}
    values |= {"token": "CIRCLECI_TOKEN"} | arguments

    def put_in(text: Any) -> str:
        return PARAMETER.sub(lambda match: values[match[1]], str(text))

    step = RUN["steps"][0]["run"]
    environment = {name: put_in(text) for name, text in step["environment"].items()}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", put_in(step["command"])],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_orb_runs_a_file_with_arguments_and_keeps_the_results(tmp_path: Path) -> None:
    (tmp_path / "hello.lua").write_text("return args.greeting .. ', ' .. args.name\n")
    lines = "greeting=Good day\nname=$(touch evil) \"q\" 'x'\n"
    done = orb_step(tmp_path, file="hello.lua", arguments=lines, simulate="true")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Good day, $(touch evil) \"q\" 'x'\n"
    results = tmp_path / "kosmo-results"
    assert (results / "output.txt").read_text() == done.stdout
    assert "<html" in (results / "report.html").read_text("utf-8")
    assert not (tmp_path / "evil").exists()


def test_a_workflow_that_fails_fails_the_step_of_the_orb(tmp_path: Path) -> None:
    (tmp_path / "write.lua").write_text(
        "app.integrations.circleci.cancel_workflow('workflow-uuid')"
    )
    refused = orb_step(tmp_path, file="write.lua", simulate="true")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "is a write: the policy asks before writes" in refused.stderr
    tokenless = orb_step(tmp_path, workflow="why_did_it_fail", arguments="project=gh/a/b")
    assert tokenless.returncode == 1
    assert "has no CircleCI token" in tokenless.stderr


def test_the_orb_runs_a_ready_made_workflow_that_may_write(tmp_path: Path) -> None:
    done = orb_step(tmp_path, workflow="trigger_and_watch", force="true", simulate="true")
    assert (done.returncode, done.stderr) == (0, "")
