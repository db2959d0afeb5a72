"""Build what is released and try it as a user: `python scripts/check_release.py`.

Needs the extra `release`. Leaves in dist/ the wheel, the source archive and a CycloneDX list of
what an installed wheel consists of. Nothing is uploaded.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import Any, Final

from kosmo_circleci.version import __version__

ROOT: Final = Path(__file__).parent.parent
DIST: Final = ROOT / "dist"
NAME: Final = f"kosmo_circleci-{__version__}"
NOT_IN_A_WHEEL: Final = ("tests/", "scripts/")
TRIED: Final = (
    ("kosmo", "--version"),
    ("kosmo", "docs", "circleci.trigger_pipeline"),
    ("kosmo", "workflows:list"),
    ("kosmo", "run", "--simulate", "--force", "--workflow", "trigger_and_watch"),
    ("circleci-lua", "--help"),
    ("python", "-c", "from kosmo_circleci import Bridge; print(Bridge(simulate=True).list_docs())"),
)
"""What must work where nothing but the wheel is installed."""


class ReleaseError(Exception):
    """What was built is not what is to be released."""


def main() -> int:
    if importlib.util.find_spec("cyclonedx_py") is None:
        print("error: needs the extra 'release'; run `make release`", file=sys.stderr)
        return 2
    try:
        wheel, source = build()
        check_contents(wheel, source)
        with tempfile.TemporaryDirectory() as folder:
            programs = install(wheel, Path(folder) / "installed")
            try_out(programs, Path(folder))
            bill_of_materials(programs / "python")
    except (ReleaseError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for path in sorted(DIST.iterdir()):
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes")
    return 0


def build() -> tuple[Path, Path]:
    """Return the wheel and the source archive; the wheel is built from the archive."""
    shutil.rmtree(DIST, ignore_errors=True)
    _run(sys.executable, "-m", "build", "--outdir", str(DIST), str(ROOT))
    wheel, source = DIST / f"{NAME}-py3-none-any.whl", DIST / f"{NAME}.tar.gz"
    _run(sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(source))
    return wheel, source


def check_contents(wheel: Path, source: Path) -> None:
    """Raise `ReleaseError` where a file of the package or of lua_docs/ is missing, or one too many.

    The source archive must have everything else, so that its tests can be run.
    """
    package = _files(ROOT / "kosmo_circleci", "kosmo_circleci")
    documents = _files(ROOT / "lua_docs", "lua_docs")
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    _compare(wheel, package | {f"kosmo_circleci/{name}" for name in documents}, inside)
    with tarfile.open(source) as archive_of_source:
        names = {name.partition("/")[2] for name in archive_of_source.getnames()}
    tests = _files(ROOT / "tests", "tests") | _files(ROOT / "scripts", "scripts")
    expected = package | documents | tests | {"README.md", "LICENSE", "Makefile", "SECURITY.md"}
    _compare(source, expected, names & expected)


def _files(folder: Path, name: str) -> set[str]:
    return {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _compare(archive: Path, expected: set[str], inside: set[str]) -> None:
    for what, names in (("lacks", expected - inside), ("should not have", inside - expected)):
        if names:
            raise ReleaseError(f"{archive.name} {what} {', '.join(sorted(names))}")


def install(wheel: Path, environment: Path) -> Path:
    """Return the folder of programs of a fresh environment that has the wheel and what it needs."""
    venv.create(environment)
    programs = environment / "bin"
    python = str(programs / "python")
    _run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", str(wheel))
    return programs


def try_out(programs: Path, folder: Path) -> None:
    """Run the commands of `TRIED`, and the demonstration with its envelope, outside the checkout.

    Raises `ReleaseError` for one that fails, writes to standard error, or prints nothing.
    """
    for program, *arguments in TRIED:
        done = _quiet(programs, folder, program, *arguments)
        if done.returncode or done.stderr or not done.stdout:
            shown = " ".join([program, *arguments])
            raise ReleaseError(f"{shown}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    envelope: Any = json.loads(
        _quiet(
            programs,
            folder,
            *("kosmo", "run", "--simulate", "--workflow", "why_did_it_fail", "--json"),
        ).stdout
    )
    if not envelope["success"] or not envelope["result"]:
        raise ReleaseError(f"why_did_it_fail: {envelope['error']}")


def _quiet(
    programs: Path, folder: Path, program: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(programs / program), *arguments],
        cwd=folder,
        env={"HOME": str(folder), "PATH": os.defpath, "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def bill_of_materials(python: Path) -> None:
    """Write what the installed wheel consists of as CycloneDX, JSON."""
    out = DIST / f"{NAME}.cdx.json"
    _run(
        *(sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"),
        *("--pyproject", str(ROOT / "pyproject.toml"), "--output-file", str(out), str(python)),
    )
    document: Any = json.loads(out.read_text("utf-8"))
    if "lupa" not in {each["name"] for each in document["components"]}:
        raise ReleaseError(f"{out.name} does not list what kosmo needs")
    document["metadata"]["component"]["version"] = __version__  # Not in pyproject.toml.
    out.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def _run(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True, timeout=900, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
