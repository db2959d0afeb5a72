"""JsonValue -> Lua values. The way back is JSON text, written by prelude/json.lua.

What a Lua table cannot say goes beside it as marks: which tables are arrays, which keys are null,
which tables stand for integers of more than 64 bits. Only nil, booleans, numbers, byte strings and
tables cross: anything else would be userdata with readable attributes.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from kosmo_circleci.jsonvalue import JsonValue

Answer: TypeAlias = tuple[Any, ...]
"""What a host function gives to Lua: a value, and marks for `adopt` where it needs them."""

_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**63 - 1

_MOST_BYTES: Final = 2**62  # more than any machine has, and what the C type can hold

# What tables take in Lua 5.4 on 64 bits (ltable.c). Strings are not counted: they are no larger
# than the text they came in.
_TABLE_BYTES: Final = 56
_ITEM_BYTES: Final = 16
_MEMBER_BYTES: Final = 24


def lua_bytes(text: str) -> bytes:
    """Return the bytes of a Lua string; lone surrogates survive as three bytes each."""
    return text.encode("utf-8", "surrogatepass")


def typed_bytes(text: str) -> bytes:
    """Return the bytes of a text from a command line or a file, those that are not UTF-8 included.

    Python has such bytes as the surrogates U+DC80 to U+DCFF; any other one survives as three bytes.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return lua_bytes(text)


def python_text(raw: bytes) -> str:
    """Return the text of a Lua string; bytes that are not UTF-8 become U+FFFD."""
    return raw.decode("utf-8", "replace")


class LuaValues:
    """Builds Lua values in one Lua state, whose memory is limited to `memory_bytes`.

    Where Lua cannot allocate, it jumps to the nearest `pcall` of the script. While the host is at
    work, that `longjmp` crosses frames of Python and corrupts the interpreter. So the
    limit is lifted while Python builds, and in force while Lua runs; what would pass it by far is
    refused before it is built.
    """

    def __init__(self, lua: Any, memory_bytes: int) -> None:
        self._lua = lua
        self._memory_bytes = min(memory_bytes, _MOST_BYTES)

    def lift(self) -> None:
        """Lift the limit: the first step of every host function, and before Lua is called."""
        self._lua.set_max_memory(0)

    @property
    def bound(self) -> Callable[[], None]:
        """Sets the limit again: the first step of Lua when a host function has returned.

        No function of Python, where a signal could raise: nothing would catch that.
        """
        return partial(self._lua.set_max_memory, self._memory_bytes)

    def make_room(self, size_bytes: int) -> None:
        """Raise `MemoryError` where Lua's memory has no room for a string of that size."""
        if self._lua.get_memory_used() + size_bytes > self._memory_bytes:
            self._lua.gccollect()
            if self._lua.get_memory_used() + size_bytes > self._memory_bytes:
                raise MemoryError

    def build(self, value: JsonValue) -> tuple[Any, Any]:
        """Return the Lua value, and the marks the prelude's `adopt` takes (None if none).

        Raises `MemoryError` for a value that Lua's memory has no room for.
        """
        try:
            return self._built(value)
        except MemoryError:
            self._lua.gccollect()  # what a script no longer uses counts until it is collected
            return self._built(value)

    def _built(self, value: JsonValue) -> tuple[Any, Any]:
        marks = _Marks(self._lua, self._room_bytes())
        return marks.build(value), marks.table()

    def _room_bytes(self) -> int:
        return int(self._memory_bytes - self._lua.get_memory_used())

    def strings(self, texts: list[str]) -> Any:
        """Return a Lua list of strings."""
        return self._lua.table_from([lua_bytes(text) for text in texts])

    def records(self, names: Sequence[bytes], rows: Iterable[Sequence[bytes]]) -> tuple[Any, Any]:
        """Return a list with a table for each row, its values by `names`, and the list's marks.

        Raises `MemoryError` for rows that Lua's memory has no room for.
        """
        row_bytes = _TABLE_BYTES + _ITEM_BYTES + _MEMBER_BYTES * len(names)
        room_bytes, tables = self._room_bytes(), []
        for row in rows:
            room_bytes -= row_bytes
            if room_bytes < 0:
                self._lua.gccollect()
                room_bytes = self._room_bytes() - row_bytes
                if room_bytes < 0:
                    raise MemoryError
            tables.append(self._lua.table_from(dict(zip(names, row, strict=True))))
        table = self._lua.table_from(tables)
        return table, self.array_marks(table)

    def mapping(self, members: dict[Any, Any]) -> Any:
        """Return a Lua table; keys and values already are Lua values (bytes, numbers, tables)."""
        return self._lua.table_from(members)

    def array_marks(self, table: Any) -> Any:
        """Return the marks that make one table an array, even when it is empty."""
        new = self._lua.table_from
        return new({b"arrays": new([table]), b"nulls": new([]), b"bigs": new([])})

    def list(self, values: list[Any]) -> Any:
        """Return a Lua list of values that already are Lua values."""
        return self._lua.table_from(values)


class _Marks:
    def __init__(self, lua: Any, room_bytes: int) -> None:
        self._new = lua.table_from
        self._room_bytes = room_bytes
        self._arrays: list[Any] = []
        self._nulls: list[Any] = []
        self._bigs: list[Any] = []

    def build(self, value: JsonValue) -> Any:
        if isinstance(value, str):
            return lua_bytes(value)
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, int):
            return value if _INT_MIN <= value <= _INT_MAX else self._big(value)
        if isinstance(value, list):
            return self._array(value)
        return self._object(value)

    def table(self) -> Any:
        if not (self._arrays or self._nulls or self._bigs):
            return None
        lists = {b"arrays": self._arrays, b"nulls": self._nulls, b"bigs": self._bigs}
        return self._new({name: self._new(items) for name, items in lists.items()})

    def _take(self, size_bytes: int) -> None:
        self._room_bytes -= size_bytes
        if self._room_bytes < 0:
            raise MemoryError

    def _array(self, items: list[JsonValue]) -> Any:
        self._take(_TABLE_BYTES + _ITEM_BYTES * len(items))
        table = self._new([self.build(item) for item in items])
        self._arrays.append(table)
        for index, item in enumerate(items, 1):
            if item is None:
                self._nulls += (table, index)
        return table

    def _object(self, members: dict[str, JsonValue]) -> Any:
        self._take(_TABLE_BYTES + _MEMBER_BYTES * len(members))
        table = self._new({lua_bytes(k): self.build(v) for k, v in members.items()})
        for name, value in members.items():
            if value is None:
                self._nulls += (table, lua_bytes(name))
        return table

    def _big(self, value: int) -> Any:
        table = self._new({})
        self._bigs += (table, str(value).encode())
        return table
