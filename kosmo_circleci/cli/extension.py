"""circleci-lua — the official CLI's way to an extension: `circleci lua workflow.lua`.

The official CLI starts `circleci-<name>` with its token and host in `CIRCLE_TOKEN` and
`CIRCLE_HOST`, which configure the account `default` here. Everything behind the name is passed on.
"""

import sys
from typing import NoReturn

from kosmo_circleci.cli import main as kosmo


def main() -> NoReturn:
    """Run `kosmo integrations:lua` with the arguments of this process, and exit."""
    sys.argv.insert(1, "integrations:lua")
    kosmo.main()
