"""Texts of unknown origin, made safe to show."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable
from typing import Any, TextIO

_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_LACKING = "t2sbench.escape"  # handler of characters that an encoding lacks
# Progress bars of other packages begin with a carriage return.
_BETWEEN = re.compile(r"(?!\A\r)[^\n\t]+")

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def visible(text: str) -> str:
    r"""Return a text with control and formatting characters as escapes.

    Escape sequences of terminals, line ends and characters that change the direction of writing
    thus neither act nor hide anything. JSON remains JSON: its encoder has escaped the characters
    below U+0020, and the others take its form.

    Example:
        >>> print(visible("a\x1b[31m b\n\u202e"))
        a\x1b[31m b\n\u202e
    """
    if text.isprintable():
        return text
    return "".join(
        _escaped(character) if unicodedata.category(character) in _INVISIBLE else character
        for character in text
    )


def _escaped(character: str) -> str:
    """Escape of a character: that of Python below U+007F, that of JSON above."""
    if ord(character) < 0x7F:
        return character.encode("unicode_escape").decode()
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def _escape_lacking(error: UnicodeError) -> tuple[str, int]:
    """Escape characters that an encoding lacks, as ``backslashreplace`` does."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_escaped, lacking)), error.end


codecs.register_error(_LACKING, _escape_lacking)


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


class VisibleStream:
    r"""Text stream that shows control characters as escapes; line ends and tabs remain.

    Characters that the stream's encoding lacks become escapes, too. The stream has no ``buffer``:
    bytes would pass unseen.

    Args:
        stream: The stream to write to.

    Example:
        >>> import io
        >>> stream = VisibleStream(io.StringIO())
        >>> print("name:\t\x1b[2J", file=stream)
        >>> stream.stream.getvalue()
        'name:\t\\x1b[2J\n'
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write a text; return its length."""
        shown = text if text.isprintable() else _BETWEEN.sub(lambda part: visible(part[0]), text)
        encoding = self.stream.encoding or "utf-8"
        self.stream.write(shown.encode(encoding, _LACKING).decode(encoding))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts one after the other."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - attributes of streams
        if name == "buffer":
            raise AttributeError(name)
        return getattr(self.stream, name)


def duration(seconds: float) -> str:
    """A duration in its largest unit.

    Example:
        >>> duration(40), duration(5400), duration(0.2)
        ('40 s', '1.5 h', '0 s')
    """
    for size, unit in _UNITS:
        if seconds >= size:
            value = seconds / size
            return f"{value:.0f} {unit}" if value >= 10 or size == 1 else f"{value:.1f} {unit}"
    return "0 s"
