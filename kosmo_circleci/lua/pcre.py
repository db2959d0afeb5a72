r"""PCRE2 patterns as PyPI's `regex` reads them (its VERSION0): one pass, no engine, no state kept.

Source of the rules: pcre2pattern and pcre2syntax of PCRE2 10.43, with UTF and UCP on. What `regex`
reads as PCRE does is copied; what it reads otherwise is rewritten; what it cannot do is refused.
Three readings are kept wider than PCRE2's: lookbehinds of any length, `[\w-.]` with a plain hyphen
(Perl's reading; an error in PCRE2), and property names that only `regex` knows (`\p{gc=Lu}`).
Comments, the `x` flag and positional flags (`a(?i)b`) are gone from the result, so that it means
the same in every release of `regex`.
"""

import re
from typing import Final

from kosmo_circleci.lua.pcre_syntax import Translation


def translate(pattern: str, flags: str = "") -> Translation:
    """Return the pattern as `regex` must read it. `flags`: letters of "imsx".

    Time grows with the length of the pattern alone. Raises `PatternError`.
    """
    if "x" in flags or ("m" in flags and "^" in pattern) or _SPECIAL.search(pattern):
        # Loaded for the patterns that need it: its tables take milliseconds to build.
        from kosmo_circleci.lua.pcre_translator import Translator

        return Translator(pattern, flags).run()
    return Translation(pattern, flags)


_SPECIAL: Final = re.compile(
    r"""\\(?![\W_dDwWsSbBAnrtfa]|[1-7](?![0-9]))
    |\[[:.=] | \(\*|\(\?(?![:=!>]|<[=!]) | \{(?![0-9]{1,4}(?:,[0-9]{0,4})?\})
    |(?:[$^]|\\[bBA])[*+?{]""",
    re.VERBOSE,
)
"""What may mean something else to `regex`; all the rest is copied unread."""
