"""Which names there are; hostile ones are in `sandbox/attacks/folders/files.lua`."""

import pytest

from kosmo_circleci.confined.names import Refused, parts_of


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (b"a", ("a",)),
        (b"a/b.txt", ("a", "b.txt")),
        (b"./a//./b", ("a", "b")),
        (b"...", ("...",)),
        (b" a b ", (" a b ",)),
        (b".hidden", (".hidden",)),
        (b"a~", ("a~",)),
        (b"a/~", ("a", "~")),
        ("ä/日本語".encode(), ("ä", "日本語")),
        (b"-rf", ("-rf",)),
        (b"con:1|2?*<>\"'", ("con:1|2?*<>\"'",)),
    ],
)
def test_a_relative_name_has_parts(name: bytes, parts: tuple[str, ...]) -> None:
    assert parts_of(name) == parts


@pytest.mark.parametrize("name", [b"", b".", b"./", b"a/", b"a/.", b"..", b"a/../b", b"/a", b"~"])
def test_what_names_no_file_inside_is_refused(name: bytes) -> None:
    with pytest.raises(Refused):
        parts_of(name)
