"""The lines that a run prints and logs: masked, counted, kept if asked to, and passed on."""

from collections import deque
from typing import Final

from kosmo_circleci.errors import LimitExceeded
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.listener import RunListener

MAX_LOG_LINES: Final = 1000
"""How many lines of `log` the envelope keeps, the last ones."""


class OutputFull(LimitExceeded):
    """The printed text passed its limit; the run ends."""


class LimitedOutput:
    """What a script prints and logs, together up to `limit_bytes` of UTF-8 text."""

    def __init__(
        self, limit_bytes: int, mask: Mask, listener: RunListener, *, keep: bool = True
    ) -> None:
        self._keep = keep
        self._limit_bytes = limit_bytes
        self._left = limit_bytes
        self._mask = mask
        self._listener = listener
        self._text = bytearray()  # a list of 16 million empty lines would take a gigabyte
        self._log: deque[str] = deque(maxlen=MAX_LOG_LINES)

    def write_line(self, text: str) -> None:
        """Take one `print`; raises `OutputFull` when the output has grown too long."""
        line = self._mask.text(text)
        raw = self._counted(line)
        if self._keep:
            self._text += raw
        self._listener.output(line)

    def log_line(self, text: str) -> None:
        """Take one `log`; raises `OutputFull` when the output has grown too long."""
        line = self._mask.text(text)
        self._counted(line)
        self._log.append(line)
        self._listener.log(line)

    def _counted(self, line: str) -> bytes:
        raw = line.encode("utf-8", "surrogatepass") + b"\n"
        self._left -= len(raw)
        if self._left < 0:
            raise OutputFull(
                f"The script printed more than {self._limit_bytes:,} bytes. "
                "Print less, or return the value (Python: Limits(output_bytes=…))."
            )
        return raw

    def reset(self) -> None:
        """Start afresh for the next script."""
        self._left = self._limit_bytes
        self._text.clear()
        self._log.clear()

    def log(self) -> tuple[str, ...]:
        """Return the last lines of `log`."""
        return tuple(self._mask.text(line) for line in self._log)

    def text(self) -> str:
        """Return all printed lines, joined by newlines."""
        # Once more: a secret may have been printed before the call that made it one.
        return self._mask.text(self._text[:-1].decode("utf-8", "surrogatepass"))
