"""One budget of requests for all processes of a machine: a token bucket and pauses, in a file.

How it works. The file is an array of slots, one for each account (a hash of its origin and name);
a slot holds the bucket's tokens, when they were counted, and until when the account is paused. A
process locks the file for the few microseconds in which it reads and writes a slot (`flock`, which
the system releases when a process dies), so no process has to serve the others, and a killed one
takes nothing with it. Times are `time.monotonic`, which is one clock for the whole machine.
"""

import contextlib
import fcntl
import hashlib
import os
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from kosmo_circleci.call.model import Account
from kosmo_circleci.deadline import Deadline

Sleep = Callable[[Deadline, float], None]

DEFAULT_RATE_PER_HOUR: Final = 5000.0
"""What CircleCI's documentation gives as the limit of one token (CircleCI docs, "API v2 intro")."""

_SLOTS: Final = 128
_SLOT: Final = struct.Struct("=16sddd")
_HEAD: Final = struct.Struct("=8sdd")
_MAGIC: Final = b"kosmobu1"


class _Slot(NamedTuple):
    key: bytes
    tokens: float
    counted_at: float
    paused_until: float


class Budget:
    """The requests that all processes with the same `path` may send. Safe for several threads."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Use the budget that `create` has written. Raises `OSError`."""
        self.path = path
        self._clock = clock
        head: tuple[bytes, float, float] = _HEAD.unpack(path.read_bytes()[: _HEAD.size])
        magic, self._per_s, self._capacity = head
        if magic != _MAGIC:
            raise OSError(0, "not a budget of requests", str(path))

    @staticmethod
    def create(path: Path, rate_per_hour: float | None) -> None:
        """Write a new budget: `rate_per_hour` requests for each account, None for any number.

        The file is for this user alone. The bucket holds the requests of one hour, and is full at
        the beginning.
        """
        rate = rate_per_hour or 0.0
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(_HEAD.pack(_MAGIC, rate / 3600, max(rate, 1.0)))
            file.write(bytes(_SLOT.size * _SLOTS))

    def acquire(self, account: Account, deadline: Deadline, sleep: Sleep) -> None:
        """Wait until a request of `account` may be sent. Raises the deadline's reason."""
        while (wait_s := self._take(account)) > 0:
            sleep(deadline, wait_s)

    def pause(self, account: Account, seconds: float) -> None:
        """Hold back the account's requests in every process: CircleCI has answered 429."""
        with self._locked(account) as (slot, write):
            until = max(slot.paused_until, self._clock() + seconds)
            write(slot._replace(paused_until=until))

    def _take(self, account: Account) -> float:
        """Take one token and return 0, or return the seconds until it is worth asking again."""
        with self._locked(account) as (slot, write):
            now = self._clock()
            if slot.paused_until > now:
                return slot.paused_until - now
            if self._per_s == 0:
                return 0.0
            tokens = min(self._capacity, slot.tokens + (now - slot.counted_at) * self._per_s)
            if tokens < 1:
                return (1 - tokens) / self._per_s
            write(slot._replace(tokens=tokens - 1, counted_at=now))
            return 0.0

    @contextlib.contextmanager
    def _locked(self, account: Account) -> Iterator[tuple[_Slot, Callable[[_Slot], None]]]:
        """Yield the account's slot and what writes it back; no other process has the file."""
        name = f"{account.origin}\0{account.name}".encode()
        key = hashlib.blake2b(name, digest_size=16).digest()
        # Opened each time: `flock` belongs to an open file, which threads would share.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            offset, slot = self._find(descriptor, key)

            def write(changed: _Slot) -> None:
                os.pwrite(descriptor, _SLOT.pack(*changed), offset)

            yield slot, write
        finally:
            os.close(descriptor)

    def _find(self, descriptor: int, key: bytes) -> tuple[int, _Slot]:
        offset = _HEAD.size
        for offset in range(_HEAD.size, _HEAD.size + _SLOT.size * _SLOTS, _SLOT.size):
            slot = _Slot(*_SLOT.unpack(os.pread(descriptor, _SLOT.size, offset)))
            if slot.key == key:
                return offset, slot
            if not any(slot.key):
                return offset, _Slot(key, self._capacity, self._clock(), 0.0)
        raise OSError(0, f"more than {_SLOTS} accounts share one budget", str(self.path))
