"""Plain text for a terminal, from facts that a stranger wrote.

Every string of a bundle passes `shown` before it is printed: a name with escape sequences could otherwise repaint
the screen of the person who is deciding about the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

_UNITS = ("B", "kB", "MB", "GB", "TB")
# Characters that `str.isprintable` lets pass and that no reader sees: fillers, joiners, variation selectors.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0").union(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
# What ends a line of Python. `str.splitlines` knows more ends, with which an attacker shifts every line number.
_LINE_END = re.compile(r"\r\n|\r|\n")


def shown(text: object, most: int = 400) -> str:
    """Return `text` with everything that is not seen spelled out as an escape, so that it cannot steer a terminal.

    What is longer than `most` characters is cut, and says so.
    """
    whole = str(text)
    cut = f"... ({len(whole) - most} more)" if len(whole) > most else ""
    return "".join(char if is_seen(char) else escape_of(char) for char in whole[:most]) + cut


def is_seen(char: str) -> bool:
    """Say whether a reader sees `char` where it stands, and nothing else because of it."""
    return char.isprintable() and char not in _UNSEEN


def escape_of(char: str) -> str:
    """Return the escape by which Python writes `char`."""
    return ascii(char)[1:-1]


def lines_of(source: str) -> list[str]:
    """Return the lines of a Python source, numbered as Python numbers them (the first one is 1)."""
    return _LINE_END.split(source)


class SourceLines:
    """The lines of sources by member; each is split once, and only if one of its lines is asked for."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._split: dict[str, list[str]] = {}

    def at(self, member: str, line: int | None) -> str | None:
        """Return a line without the blanks around it, or `None` where there is none to show."""
        if line is None or member not in self._sources:
            return None
        if member not in self._split:
            self._split[member] = lines_of(self._sources[member])
        lines = self._split[member]
        return lines[line - 1].strip() or None if 1 <= line <= len(lines) else None


def size_text(size: int) -> str:
    """Return a size in bytes as a person reads it, in powers of 1000."""
    value = float(size)
    for unit in _UNITS:
        if value < 999.5 or unit == _UNITS[-1]:
            break
        value /= 1000
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"


def table(rows: Iterable[Sequence[object]], *, indent: str = "  ", right: Sequence[int] = ()) -> list[str]:
    """Return `rows` as lines with aligned columns; the columns in `right` are flush right."""
    cells = [[shown(cell) for cell in row] for row in rows]
    if not cells:
        return []
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = []
    for row in cells:
        padded = [
            cell.rjust(widths[column]) if column in right else cell.ljust(widths[column])
            for column, cell in enumerate(row)
        ]
        lines.append((indent + "  ".join(padded)).rstrip())
    return lines
