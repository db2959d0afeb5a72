"""What a program may import, and what importing costs."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import kosmo_circleci

# Each costs between 10 and 700 ms to import.
HEAVY = (
    "httpcore",
    "httpx",
    "regex",
    "keyring",
    "mcp",
    "yaml",
    "click",
    "lupa",
    "waitress",
    "prompt_toolkit",
)


def loaded_by(program: str, *, home: Path, **environ: str) -> set[str]:
    """Return which of `HEAVY` are loaded once `program` has run in a fresh interpreter."""
    report = f"import sys, json; print(json.dumps([n for n in {HEAVY!r} if n in sys.modules]))"
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", f"{textwrap.dedent(program)}\n{report}"],
        capture_output=True,
        text=True,
        timeout=30,
        env={**kept, "HOME": str(home), "CIRCLECI_TOKEN": "token-for-tests", **environ},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_public_names_are_these() -> None:
    assert sorted(kosmo_circleci.__all__) == [
        "ApiError",
        "Bridge",
        "ConfigurationError",
        "KosmoError",
        "LimitExceeded",
        "Limits",
        "NetworkError",
        "PermissionDenied",
        "Run",
        "RunListener",
        "ValidationError",
        "__version__",
    ]


@pytest.mark.parametrize("name", kosmo_circleci.__all__)
def test_a_public_name_is_there_and_called_so(name: str) -> None:
    value = getattr(kosmo_circleci, name)
    assert isinstance(value, str) if name == "__version__" else value.__name__ == name


def test_any_other_name_is_an_error_that_says_so() -> None:
    with pytest.raises(AttributeError, match="module 'kosmo_circleci' has no attribute 'Brigde'"):
        _ = kosmo_circleci.Brigde  # type: ignore[attr-defined]


def test_importing_the_package_loads_nothing_of_it(tmp_path: Path) -> None:
    program = """
        import kosmo_circleci, sys
        own = [name for name in sys.modules if name.startswith("kosmo_circleci.")]
        assert own == ["kosmo_circleci.version"], own
    """
    assert loaded_by(program, home=tmp_path) == set()


def test_reading_documentation_loads_no_library(tmp_path: Path) -> None:
    program = """
        from kosmo_circleci import Bridge
        with Bridge() as bridge:
            bridge.read_doc("circleci.get_pipeline")
            bridge.list_docs()
            bridge.search_docs("cancel a running job")
    """
    assert loaded_by(program, home=tmp_path) == set()


def test_a_script_that_reads_documentation_loads_lua_alone(tmp_path: Path) -> None:
    program = """
        from kosmo_circleci import Bridge
        with Bridge() as bridge:
            run = bridge.run('print(docs.read("circleci.get_pipeline"))')
            assert run.success, run.error
    """
    assert loaded_by(program, home=tmp_path) == {"lupa"}


def test_the_command_loads_click_for_documentation_and_lua_in_the_scripts_process(
    tmp_path: Path,
) -> None:
    program = """
        import contextlib, io
        from kosmo_circleci.cli.main import main
        code = 'print(docs.read("circleci.get_pipeline"))'
        with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
            main(["integrations:lua", "--eval", code])
    """
    lua_in_this_process = set() if hasattr(os, "fork") else {"lupa"}
    assert loaded_by(program, home=tmp_path) == {"click"} | lua_in_this_process


def test_a_call_loads_httpcore_and_nothing_that_it_does_not_use(tmp_path: Path) -> None:
    # Nobody listens on port 1, so the call fails; the deadline spares the further attempts.
    program = """
        from kosmo_circleci import Bridge, Limits
        with Bridge() as bridge:
            code = "return app.integrations.circleci.get_current_user()"
            run = bridge.run(code, limits=Limits(timeout_s=0.1))
            assert run.call_count == 1, run.error
    """
    environ = {"CIRCLECI_BASE_URL": "http://127.0.0.1:1"}
    assert loaded_by(program, home=tmp_path, **environ) == {"lupa", "httpcore"}


def test_yaml_is_loaded_where_there_is_a_configuration_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("integrations: {}\n")
    program = "from kosmo_circleci.runtime import Runtime; Runtime().configuration"
    assert loaded_by(program, home=tmp_path, KOSMO_CONFIG=str(file)) == {"yaml"}
    assert loaded_by(program, home=tmp_path) == set()
