"""Constants: how much memory they become, and which of them only a kernel can read."""

from __future__ import annotations

import math

from bundler.audit.graph import rules
from bundler.audit.graph.collected import Collected
from bundler.formats.saved_model import wire
from bundler.formats.saved_model.wire import Span
from bundler.limits import LIMITS

#: The bytes of an element by `DataType`. The texts, the handles and what is stored in half bytes are not here.
EXACT = {
    1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 8: 8, 9: 8, 10: 1, 11: 1, 12: 1, 13: 4, 14: 2, 15: 2, 16: 2, 17: 2, 18: 16,
    19: 2, 22: 4, 23: 8,
}  # fmt: skip
HANDLE, VARIANT = 20, 21
#: An element of a text takes this in memory; so does a handle at least.
_LARGE = 32


def look_at(data: bytes, spans: list[Span], collected: Collected, where: dict[int, str]) -> None:
    """Look at every TensorProto of a SavedModel; `where` says which node one is in, by its first byte."""
    total = 0
    for span in spans:
        found = wire.read(
            data, span, "TensorProto", only=("dtype", "tensor_shape", "resource_handle_val", "variant_val")
        )
        inside = where.get(span.start)
        kind = found.get("dtype", 0) % 100
        if kind in (HANDLE, VARIANT) or "resource_handle_val" in found or "variant_val" in found:
            collected.add(rules.OPAQUE_CONSTANT, "a handle of a resource, or a value of type variant", inside)
        count = elements(data, found.get("tensor_shape"))
        if count is None:
            collected.add(rules.MALFORMED, "a constant whose shape has no size", inside)
            continue
        size = count * EXACT.get(kind, _LARGE)
        if size > LIMITS.graph_constant:
            collected.add(rules.TOO_LARGE, f"a constant of {size} bytes (the cap is {LIMITS.graph_constant})", inside)
        else:
            total += size
    if total > LIMITS.graph_constants:
        collected.add(rules.TOO_LARGE, f"constants of {total} bytes together (the cap is {LIMITS.graph_constants})")


def elements(data: bytes, shape: Span | None) -> int | None:
    """Return how many elements a tensor of a shape has, or nothing where the shape leaves that open."""
    if shape is None:
        return 1
    found = wire.read(data, shape, "TensorShapeProto")
    dimensions: list[int] = [
        wire.read(data, span, "TensorShapeProto.Dim").get("size", 0) for span in found.get("dim", [])
    ]
    # TensorFlow's own cap on the rank, which also keeps the product small.
    if found.get("unknown_rank") or min(dimensions, default=0) < 0 or len(dimensions) > 254:
        return None
    return math.prod(dimensions)
