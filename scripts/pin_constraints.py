"""Write tests/constraints.txt: the versions that development, site and release are tested with.

They are what pip chooses today for every extra, in a fresh environment of the oldest Python that is
supported; an installation of the package is not bound by them.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PINNED: Final = ROOT / "tests" / "constraints.txt"
HEAD: Final = "# The versions the tests run with; `make constraints` writes them.\n"
OLDEST: Final = (3, 11)


def main() -> int:
    if sys.version_info[:2] != OLDEST:
        print("error: pin with Python 3.11: a newer one may choose newer packages", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = [f"{folder}/bin/python", "-m", "pip"]
        extras = f"{ROOT}[dev,release,site]"
        subprocess.run([*pip, "install", "--quiet", extras], check=True)
        frozen = subprocess.run(
            [*pip, "list", "--format=freeze"], check=True, capture_output=True, text=True
        ).stdout
    ours = ("kosmo-circleci", "kosmo_circleci", "pip", "setuptools", "wheel")
    lines = [line for line in frozen.splitlines() if line.partition("==")[0] not in ours]
    PINNED.write_text(HEAD + "\n".join(lines) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
