"""The generated part of a document: the text between two marker lines."""


class DocumentError(ValueError):
    """A file cannot take its generated part."""


def markers(part: str) -> tuple[str, str]:
    """Return the lines around the generated `part` of a document."""
    return f"<!-- {part}: begin (generated) -->", f"<!-- {part}: end -->"


def between(old: str, part: str, new: str) -> str:
    """Return `old` with `new` between the markers of `part`, each of which occurs there once.

    Raises `DocumentError` where they do not.
    """
    begin, end = markers(part)
    if old.count(begin) != 1 or old.count(end) != 1 or old.index(end) < old.index(begin):
        raise DocumentError(
            f"expected the lines '{begin}' and '{end}', once each and in this order"
        )
    before, _, rest = old.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{new}\n\n{end}{after}"
