"""The text of a script as it is run."""


def without_shebang(source: str) -> str:
    """Return the source without a byte order mark; a first line that starts with `#` is emptied."""
    source = source.removeprefix("\ufeff")
    if not source.startswith("#"):
        return source
    _, newline, rest = source.partition("\n")
    return newline + rest
