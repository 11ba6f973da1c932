"""HTML in which a stranger's text cannot become markup: a plain `str` is escaped wherever it goes in.

Only `tag` makes `Markup`, and only from names, attributes and links that stand in our own code; so what a bundle says
is text or the value of a harmless attribute, and nothing else.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence

from bundler.report.terminal_text import escape_of, is_seen

#: What `tag` may make. Nothing here loads, runs or sends anything.
_ELEMENTS = """
    html head meta title style body header main nav section h1 h2 h3 p ul li dl dt dd div span a b small
    code bdi br ins del table thead tbody tr th td details summary footer svg g path rect text tspan
"""
_ELEMENT_SET = frozenset(_ELEMENTS.split())
_VOID = frozenset({"meta", "br"})
_ATTRIBUTES = """
    class id href lang charset name content http-equiv dir colspan scope role aria-label data-label title
    open viewBox width height x y rx d text-anchor preserveAspectRatio direction unicode-bidi
"""
# In a title a tag is not a tag, and in a drawing an element of HTML ends the drawing: their text is without elements.
_TEXT_ONLY = frozenset({"title", "text"})
_ATTRIBUTE_SET = frozenset(_ATTRIBUTES.split())
_LINK = re.compile(r"#[A-Za-z0-9-]+")
#: Marks that may stand on one letter; more of them would climb over the lines above.
_MARKS = 3
_PLAIN_LENGTH = 2_000


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def spelled(text: object, most: int = _PLAIN_LENGTH, *, keep: str = "") -> Markup:
    """Return `text` for a page: escaped, and with each character that nobody would see as a visible escape.

    Args:
        text: as a stranger wrote it.
        most: characters that are shown; what is cut says so.
        keep: unseen characters that stay as they are.
    """
    whole = str(text)
    cut = f'<span class="esc">... ({len(whole) - most:,} more)</span>' if len(whole) > most else ""
    part = whole[:most]
    if part.isascii() and part.isprintable():
        return Markup(html.escape(part) + cut)
    pieces = (
        html.escape(char) if seen else f'<span class="esc">{escape_of(char)}</span>' for char, seen in _read(part, keep)
    )
    return Markup("".join(pieces) + cut)


def plain(text: object, most: int = _PLAIN_LENGTH) -> str:
    """Return `text` as `spelled` shows it, without elements: for attributes and drawings; not escaped for HTML."""
    whole = str(text)
    cut = f"... ({len(whole) - most:,} more)" if len(whole) > most else ""
    return "".join(char if seen else escape_of(char) for char, seen in _read(whole[:most], "")) + cut


def _read(text: str, keep: str) -> Iterator[tuple[str, bool]]:
    """Yield each character, and whether it may be shown as it is."""
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char)[0] == "M" else 0
        yield char, char in keep or (is_seen(char) and marks <= _MARKS)


def tag(element: str, *children: str | None, **attributes: str | int | float | bool | None) -> Markup:
    """Return an element.

    Args:
        element: its name.
        children: `Markup` as it is, other strings escaped; `None` is left out.
        attributes: by name, with ``_`` for ``-`` and at the end of a word of Python; `None` and `False` are left out.

    Raises:
        ValueError: the name of the element or of an attribute is none of ours, or a link leaves the page.
    """
    if element not in _ELEMENT_SET:
        raise ValueError(element)
    parts = [f"<{element}"]
    for key, value in attributes.items():
        name = key.rstrip("_").replace("_", "-")
        if name not in _ATTRIBUTE_SET or (name == "href" and not _LINK.fullmatch(str(value))):
            raise ValueError(f"{name}={value!r}")
        if value is None or value is False:
            continue
        parts.append(f" {name}" if value is True else f' {name}="{html.escape(plain(value))}"')
    parts.append(">")
    if element not in _VOID:
        for child in children:
            if isinstance(child, Markup):
                parts.append(child)
            elif child is not None:
                parts.append(html.escape(plain(child)) if element in _TEXT_ONLY else spelled(child))
        parts.append(f"</{element}>")
    return Markup("".join(parts))


def join(*parts: str | None, by: str = "") -> Markup:
    """Return `parts` one after the other; what is no `Markup` is escaped."""
    return Markup(by.join(part if isinstance(part, Markup) else spelled(part) for part in parts if part is not None))


def words(text: object, most: int = _PLAIN_LENGTH) -> Markup:
    """Return text of the bundle's in its own direction, so that it cannot reorder what stands beside it."""
    return tag("bdi", spelled(text, most))


def name(text: object, most: int = 200) -> Markup:
    """Return a name of the bundle's, letter by letter in the order in which they are stored."""
    return tag("bdi", tag("code", spelled(text, most)))


def table(
    headings: Sequence[str], rows: Sequence[Sequence[str | None]], *, ids: list[str] | None = None, class_: str = ""
) -> Markup:
    """Return a table that becomes a list on a narrow screen; an empty cell is left out there.

    Args:
        headings: of the columns.
        rows: cells, as children of `tag`.
        ids: an anchor for each row.
        class_: of the table.
    """
    body = [
        tag(
            "tr",
            *(
                tag("td", tag("div", cell), data_label=heading, class_=None if cell else "none")
                for heading, cell in zip(headings, row, strict=True)
            ),
            id=ids[index] if ids else None,
        )
        for index, row in enumerate(rows)
    ]
    head = tag("thead", tag("tr", *(tag("th", heading, scope="col") for heading in headings)))
    return tag("table", head, tag("tbody", *body), class_=class_ or None)


def folded(title: Markup | str, *children: str | None, opened: bool = False, **attributes: str | None) -> Markup:
    """Return what a click on `title` unfolds; on paper it is open."""
    return tag("details", tag("summary", title), *children, open=opened, **attributes)
