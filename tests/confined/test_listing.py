"""Globs: which files match, and which folders are opened to find them."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kosmo_circleci.confined.folder import Folder
from kosmo_circleci.confined.listing import names

FILES = [
    *("a.csv", "b.txt", ".hidden", "reports/a.csv", "reports/b.csv", "reports/2025/a.csv"),
    *("reports/2025/jan/a.csv", "other/a.csv", "a/a/a/a.csv", "[x].txt", "star*.txt"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    path = tmp_path_factory.mktemp("listing")
    for name in FILES:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("x")
    (path / "empty").mkdir()
    opened = Folder(str(path))
    yield opened
    opened.close()


def matches(folder: Folder, pattern: str) -> set[str]:
    listed = list(names(folder, pattern.encode(), lambda: None))
    assert len(listed) == len(set(listed))
    return set(listed)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("**", set(FILES)),
        ("**/*", set(FILES)),
        ("**/**/*", set(FILES)),
        ("*", {"a.csv", "b.txt", ".hidden", "[x].txt", "star*.txt"}),
        ("*.csv", {"a.csv"}),
        ("**/a.csv", {each for each in FILES if each.split("/")[-1] == "a.csv"}),
        ("reports/*.csv", {"reports/a.csv", "reports/b.csv"}),
        ("reports/**", {each for each in FILES if each[:8] == "reports/"}),
        (
            "reports/**/a.csv",
            {each for each in FILES if each.startswith("reports/") and "/a." in each},
        ),
        ("**/2025/**", {"reports/2025/a.csv", "reports/2025/jan/a.csv"}),
        ("*/*/*.csv", {"reports/2025/a.csv"}),
        ("r?ports/[ab].csv", {"reports/a.csv", "reports/b.csv"}),
        ("reports/[!a].csv", {"reports/b.csv"}),
        ("[[]x].txt", {"[x].txt"}),
        ("star[*].txt", {"star*.txt"}),
        ("reports", set()),
        ("a.csv/**", set()),
        ("./reports//a.csv", {"reports/a.csv"}),
        ("nothing/**", set()),
        ("A.CSV", set()),
    ],
)
def test_a_pattern_matches_these_files(pattern: str, expected: set[str], folder: Folder) -> None:
    assert matches(folder, pattern) == expected


def test_folders_that_cannot_lead_to_a_match_are_not_looked_into(folder: Folder) -> None:
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1

    assert list(names(folder, b"other/*.csv", look)) == ["other/a.csv"]
    top = 9  # the entries of the folder itself
    assert looks == top + 1


PARTS = st.lists(st.sampled_from(["a", "*", "**", "?", "reports", "*.csv"]), min_size=1, max_size=5)


@given(PARTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_pattern_means_what_it_means_with_doubled_stars_taken_apart(
    folder: Folder, parts: list[str]
) -> None:
    """`x/**/y` is `x/y` or `x/*/**/y`: the law that defines `**`."""
    if parts[-1] == "**":
        parts = [*parts, "*"]
    whole = matches(folder, "/".join(parts))
    if "**" not in parts:
        return
    place = parts.index("**")
    none = matches(folder, "/".join(parts[:place] + parts[place + 1 :]))
    more = matches(folder, "/".join([*parts[:place], "*", *parts[place:]]))
    assert whole == none | more
