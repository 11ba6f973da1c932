"""Numbers, texts and the like as text."""

from __future__ import annotations

from typing import Any

from bundler.sources.extract.constant_values import written

SCALARS = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis))


def scalar(value: Any) -> str:
    """Return the text of a number or text; a NaN and an infinity have no literal."""
    if type(value) is float and (value != value or value in (float("inf"), float("-inf"))):
        return f'float("{value!r}")'
    if type(value) is complex and any(part in repr(value) for part in ("nan", "inf")):
        return f"complex({scalar(value.real)}, {scalar(value.imag)})"
    return "..." if value is Ellipsis else written(value)
