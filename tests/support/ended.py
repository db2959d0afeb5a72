"""What a command of `kosmo` left behind."""

import json
from typing import Any, NamedTuple


class Ended(NamedTuple):
    """Exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        assert self.out.count("\n") == 1, self
        return json.loads(self.out)
