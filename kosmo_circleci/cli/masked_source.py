"""A script's text for a report: readable, without the secrets that stand in it."""

import re
from collections.abc import Iterable
from typing import Final

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.masking import MASK, Mask

_STRING: Final = r"""(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\[(=*)\[.*?\]\1\])"""
_LITERAL: Final = re.compile(_STRING, re.DOTALL)
_TELLTALE: Final = r"\w*(?:secret|token|password|passwd|credential|private|api_?key)\w*"


def masked_source(source: str, tokens: Iterable[str], catalog: Catalog) -> str:
    """Return a script with `***` in place of secrets written into it.

    Hidden are the accounts' `tokens` wherever they stand; strings given to a parameter that the
    manifest marks as secret, by name or by position; and strings given to a name that says it holds
    a secret. Where a string stands decides, not what the run did with it: a script that failed
    before its first call is masked the same.
    """
    text = Mask(tokens).text(source)
    names = {each.name for f in catalog.functions() for each in f.parameters if each.secret}
    by_name = re.compile(
        rf"(\b(?:{'|'.join(sorted(names))}|{_TELLTALE})\b[\"'\]\s]*=(?!=)\s*)(\{{[^{{}}]*\}}|{_STRING_2})",
        re.DOTALL | re.IGNORECASE,
    )
    text = by_name.sub(lambda found: found[1] + _hidden(found[2]), text)
    functions = sorted(
        f.name for f in catalog.functions() if any(each.secret for each in f.parameters)
    )
    by_position = re.compile(rf"(\b(?:{'|'.join(functions)})\s*)\(([^{{}}()]*)\)", re.DOTALL)
    return by_position.sub(lambda found: f"{found[1]}({_hidden(found[2])})", text)


def _hidden(text: str) -> str:
    return _LITERAL.sub(f'"{MASK}"', text)


# The same with its own group number: two groups stand in front of it in `by_name`.
_STRING_2: Final = _STRING.replace("(=*)", "(=*)").replace(r"\1", r"\3")
