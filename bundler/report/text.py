"""Plain text for a terminal, from facts that a stranger wrote.

Every string of a bundle passes `shown` before it is printed: a name with escape sequences could otherwise repaint
the screen of the person who is deciding about the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_UNITS = ("B", "kB", "MB", "GB", "TB")


def shown(text: object, most: int = 400) -> str:
    """Return `text` with everything unprintable spelled out as an escape, so that it cannot steer a terminal.

    What is longer than `most` characters is cut, and says so.
    """
    whole = str(text)
    cut = f"... ({len(whole) - most} more)" if len(whole) > most else ""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in whole[:most]) + cut


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
