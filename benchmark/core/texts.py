"""Texts of unknown origin, made safe to show."""

from __future__ import annotations

import unicodedata

_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def visible(text: str) -> str:
    r"""Return a text with control and formatting characters as escapes.

    Escape sequences of terminals, line ends and characters that change the direction of writing
    thus neither act nor hide anything.

    Example:
        >>> print(visible("a\x1b[31m b\n\u202e"))
        a\x1b[31m b\n\u202e
    """
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _INVISIBLE
        else character
        for character in text
    )


def folded(name: str) -> str:
    r"""Return a name without differences that a reader could miss.

    These are case, width, invisible characters, and the kind of hyphens and spaces.

    Example:
        >>> folded(" Single\u2010Best\u200b") == folded("single_best") == "single-best"
        True
    """
    shown = (
        "-" if unicodedata.category(character) in {"Pd", "Zs"} or character == "_" else character
        for character in unicodedata.normalize("NFKC", name).strip()
        if unicodedata.category(character) not in _INVISIBLE
    )
    return "".join(shown).strip("-").casefold()
