"""What the cursor stands on: a path, a parameter of a call, a bare name, or nothing."""

import pytest

from kosmo_circleci.cli.script.lua_words import Word, word_before

GET = "app.integrations.circleci.get_pipeline"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Word(0, "")),
        ("pri", Word(0, "pri")),
        ("x = pri", Word(4, "pri")),
        ("app.", Word(4, "", "app")),
        ("return app.integrations.cir", Word(24, "cir", "app.integrations")),
        ("dump(app . integrations . cir", Word(26, "cir", "app.integrations")),
        (f"{GET}{{pipe", Word(len(GET) + 1, "pipe", "", GET)),
        (f"{GET}({{ ", Word(len(GET) + 3, "", "", GET)),
        (f"{GET} {{a = 1, b", Word(len(GET) + 9, "b", "", GET, frozenset({"a"}))),
        ("f{a = {b = 1, c = 2}, d", Word(22, "d", "", "f", frozenset({"a"}))),
        ("f{a = g{b = 1, c", Word(15, "c", "", "g", frozenset({"b"}))),
        ('f{a = "{", b', Word(11, "b", "", "f", frozenset({"a"}))),
        ("f{\n  a = 1, -- {\n  b", Word(19, "b", "", "f", frozenset({"a"}))),
        ("f{a = b", Word(6, "b")),  # a value, not a key
        ("f{a == b, c", Word(10, "c", "", "f")),
        ("x = {a", Word(5, "a")),  # a table of nobody's
        ("f(a, b", Word(5, "b")),
        ("f{g(a, b", Word(7, "b")),
        ("f{a.b", Word(4, "b", "f{a"[2:])),
    ],
)
def test_the_word_under_the_cursor(text: str, expected: Word) -> None:
    assert word_before(text) == expected


@pytest.mark.parametrize(
    "text",
    ['x = "app.', "x = 'it\\'s", "x = [[app.", "x = [==[ ]] app.", "-- app.", "--[[ a\n app."],
)
def test_nothing_is_completed_inside_a_string_or_a_comment(text: str) -> None:
    assert word_before(text) is None


@pytest.mark.parametrize(
    "text", ['x = "a" .. app.', "x = [[a]] app.", "--[[ a ]] app.", "-- a\napp."]
)
def test_behind_a_string_or_a_comment_it_is(text: str) -> None:
    word = word_before(text)
    assert word is not None
    assert (word.text, word.table) == ("", "app")
