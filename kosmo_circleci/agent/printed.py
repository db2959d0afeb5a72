"""What a script prints, kept as far as it can be shown."""

from kosmo_circleci.agent import cut
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask


class PrintedLines:
    """The first prints of a script; of the rest only the size is kept.

    A script may print 16 MiB of short lines: as a list they would take thirty times as much.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._kept_bytes = 0
        self._dropped_bytes = 0

    def add(self, line: str) -> None:
        """Take what one `print` wrote."""
        size = len(line.encode("utf-8", "surrogatepass")) + 1
        # Twice what is shown: masking makes lines shorter.
        if self._kept_bytes > 2 * cut.LIMIT_BYTES:
            self._dropped_bytes += size
        else:
            self._lines.append(line)
            self._kept_bytes += size

    def shown(self, limit_bytes: int, mask: Mask) -> dict[str, JsonValue]:
        """Return `output` of at most `limit_bytes`, masked, and `output_cut` if that is not all."""
        if not self._lines:
            return {}
        # A line that was printed before its secret was one is masked here.
        printed = cut.printed([mask.text(line) for line in self._lines], limit_bytes)
        left_out_bytes = printed.left_out_bytes + self._dropped_bytes
        if not left_out_bytes:
            return {"output": printed.text}
        return {
            "output": printed.text,
            "output_cut": f"The output has {left_out_bytes:,} bytes more than can be shown. "
            "Print less, or return the value that matters.",
        }
