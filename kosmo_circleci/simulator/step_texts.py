"""What the steps of the simulated jobs print: progress bars, colours, and why something failed.

Each text is that of one command on a terminal: `\\r` redraws a line, `\\x1b[…m` colours it.
"""

from typing import Final, NamedTuple

_GREEN, _RED, _BOLD, _DIM, _PLAIN = (f"\x1b[{code}m" for code in ("32", "31", "1", "2", "0"))
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"

ASSERTION: Final = "AssertionError: expected 200, got 500"
"""Why the failing test fails; the message of its result as well."""

TEST_FILE: Final = "tests/test_account.py"
FAILING_TEST: Final = "test_login"

HEALTH_CHECK: Final = (
    "Error: deployment of web to production failed: the new version did not become healthy "
    "within 120 s (3 of 3 health checks answered 503)"
)
"""Why a failing deployment fails."""


class Texts(NamedTuple):
    """What a step prints, and of that the part about its error (`condensed`)."""

    stdout: str = ""
    stderr: str = ""
    condensed: str = ""


def spin_up(image: str) -> Texts:
    """Return what the step prints that starts the container."""
    bar = "".join(
        f"\r{image}: {_DIM}downloading{_PLAIN} {percent:3}%" for percent in range(0, 101, 20)
    )
    return Texts(
        "Build-agent version 1.0.0-simulated\n"
        "System information:\n Kernel Version: 6.8.0 (simulated)\n"
        f"Starting container {image}\n{bar}\n{image}:\n  using image {image}@sha256:5e8c7a91\n"
    )


def environment() -> Texts:
    """Return what the step prints that lists the variables."""
    return Texts(
        "Using build environment variables:\n  BASH_ENV=/tmp/.bash_env\n  CI=true\n"
        "  CIRCLECI=true\n"
    )


def checkout(revision: str) -> Texts:
    """Return what `checkout` prints."""
    counts = "".join(f"\rReceiving objects: {percent:3}%" for percent in (1, 25, 50, 75, 100))
    return Texts(
        f"Cloning git repository\nHEAD is now at {revision[:7]} Example commit\n",
        f"Cloning into '.'...\n{counts}, done.\n",
    )


def install() -> Texts:
    """Return what `pip install` prints, with its progress bar."""
    bar = "".join(
        f"\r   {_GREEN}{'━' * done:40}{_PLAIN} {done * 31:4}/1240 kB" for done in range(0, 41, 5)
    )
    return Texts(
        "Collecting httpx==0.27.2 (from -r requirements.txt (line 1))\n"
        "  Downloading httpx-0.27.2-py3-none-any.whl (1.2 MB)\n"
        f"{_HIDE_CURSOR}{bar}{_SHOW_CURSOR}\n"
        "Installing collected packages: httpx\nSuccessfully installed httpx-0.27.2\n"
    )


def lint(*, fails: bool) -> Texts:
    """Return what the linter prints."""
    if not fails:
        return Texts(f"{_GREEN}All checks passed!{_PLAIN}\n")
    finding = (
        f"{_BOLD}src/account.py{_PLAIN}:14:9: {_RED}F841{_PLAIN} "
        "Local variable `user` is assigned to but never used\n"
    )
    return Texts(finding + "Found 1 error.\n", condensed=finding)


def tests(names: tuple[str, ...], *, fails: bool) -> Texts:
    """Return what pytest prints for the tests `names`, of which `FAILING_TEST` may fail."""
    count = len(names)
    head = (
        f"{_BOLD}{' test session starts ':=^80}{_PLAIN}\n"
        f"platform linux -- Python 3.12.4, pytest-8.3.3\ncollected {count} items\n\n"
    )
    rows = "".join(
        f"{TEST_FILE}::{name} {_verdict(fails and name == FAILING_TEST)}"
        f"{_DIM}{f'[{place * 100 // count:3}%]':>12}{_PLAIN}\n"
        for place, name in enumerate(names, start=1)
    )
    if not (fails and FAILING_TEST in names):
        return Texts(head + rows + f"\n{_GREEN}{f' {count} passed ':=^80}{_PLAIN}\n")
    failure = _failure()
    return Texts(head + rows + failure, condensed=failure)


def build_image() -> Texts:
    """Return what `docker build` prints, with its progress on standard error."""
    layers = "".join(f"\r#7 exporting layers {percent:3}%" for percent in range(0, 101, 10))
    return Texts(
        "#1 [internal] load build definition from Dockerfile\n#5 [2/3] COPY . /app\n"
        f"{layers}\n#8 naming to docker.io/library/web done\n"
    )


def deploy(*, fails: bool) -> Texts:
    """Return what the deployment script prints; if it fails, the reason is on standard error."""
    head = "Pushing web to the registry... done\nRolling out to production:\n"
    dots = "".join(f"\r  waiting for health checks{'.' * count}" for count in range(1, 4))
    if not fails:
        return Texts(f"{head}{dots} {_GREEN}healthy{_PLAIN}\nDeployed.\n")
    end = f"{dots} {_RED}unhealthy{_PLAIN}\nRolled back to the version before.\n"
    return Texts(head + end, f"{HEALTH_CHECK}\n", condensed=end)


def plain(name: str, *, fails: bool) -> Texts:
    """Return what any other command prints."""
    if not fails:
        return Texts(f"{name}: {_GREEN}done{_PLAIN}\n")
    line = f"{name}: {_RED}failed{_PLAIN}\n"
    return Texts(line, f"{name}: exited with status 1\n", condensed=line)


def killed(silence: str) -> str:
    """Return the line by which the build agent ends the output of a step it killed."""
    return f"\nToo long with no output (exceeded {silence}): context deadline exceeded\n"


def uploads(what: str, path: str) -> Texts:
    """Return what `store_test_results` and `store_artifacts` print."""
    return Texts(f"Uploading {what} from {path}\n  * {path}\nUploaded.\n")


def _verdict(failed: bool) -> str:
    return f"{_RED}FAILED{_PLAIN}" if failed else f"{_GREEN}PASSED{_PLAIN}"


def _failure() -> str:
    return (
        f"\n{' FAILURES ':=^80}\n{_RED}{_BOLD}{f' {FAILING_TEST} ':_^80}{_PLAIN}\n\n"
        f"    def {FAILING_TEST}():\n"
        '        response = client.post("/login", json={"user": "ada"})\n'
        '>       assert response.status_code == 200, f"expected 200, got {response.status_code}"\n'
        f"{_RED}E       {ASSERTION}{_PLAIN}\n\n{TEST_FILE}:17: AssertionError\n"
        f"{' short test summary info ':=^80}\n"
        f"{_RED}FAILED{_PLAIN} {TEST_FILE}::{_BOLD}{FAILING_TEST}{_PLAIN} - {ASSERTION}\n"
    )
