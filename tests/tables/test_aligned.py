"""Rows as aligned columns."""

from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.tables.aligned import aligned, fits

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.lists(TEXT, min_size=3, max_size=3), max_size=5), st.integers(24, 60))
def test_no_line_of_a_table_is_wider_than_the_terminal(cells: list[list[str]], width: int) -> None:
    from rich.cells import cell_len

    shown = aligned(("one", "two", "three"), cells, width)
    assert max(cell_len(line) for line in shown.split("\n")) <= width
    assert len(shown.split("\n")) == 1 + len(cells)


def test_a_table_gives_way_at_its_widest_column_and_only_on_a_terminal() -> None:
    cells = [["1", "x" * 50, "short"]]
    assert aligned(("id", "log", "name"), cells, 30).split("\n")[1] == f"1   {'x' * 18}…  short"
    assert aligned(("id", "log", "name"), cells, None).split("\n")[1] == f"1   {'x' * 50}  short"


def test_a_table_obeys_nothing_that_a_value_says() -> None:
    shown = aligned(("a",), [["\x1b[31mred\u202e"]], None)
    assert shown == "a\n\\x1b[31mred\\u202e"


def test_a_text_fits_where_no_line_is_wider() -> None:
    shown = aligned(("a", "b"), [["漢字", "x"]], None)
    assert (fits(shown, 7), fits(shown, 6)) == (True, False)
