"""Objects that occur more than once in an encoded value: said once, and named where they come again.

``{"__kbundle__": "shared", "number": 1, "value": ...}`` at the first place, and the same without ``value`` afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bundler.keras_io.adapt.tags import TAG

WORD = "shared"


def numbered(encoded: Any, shared: Sequence[Any]) -> Any:
    """Return `encoded`, in which the parts `shared` are the same Python object wherever they stand."""
    if not shared:
        return encoded
    numbers: dict[int, int] = {}
    ids = {id(item) for item in shared}

    def walked(value: Any) -> Any:
        if id(value) in numbers:
            return {TAG: WORD, "number": numbers[id(value)]}
        if id(value) in ids:
            numbers[id(value)] = number = len(numbers) + 1
            return {TAG: WORD, "number": number, "value": inner(value)}
        return inner(value)

    def inner(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walked(item) for key, item in value.items()}
        return [walked(item) for item in value] if isinstance(value, list) else value

    return walked(encoded)
