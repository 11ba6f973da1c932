"""Constants: how much memory they become, and which of them only a kernel can read."""

from __future__ import annotations

from bundler.audit.graph import rules, wire
from bundler.audit.graph.collected import Collected
from bundler.audit.graph.wire import Span
from bundler.limits import LIMITS

#: The bytes of an element by `DataType`, where it is not 8 at most. 101 and more are references to the same types.
_WIDE = {18: 16, 7: 32}
_WIDTH = {1: 4, 3: 4, 4: 1, 5: 2, 6: 1, 10: 1, 11: 1, 12: 1, 13: 4, 14: 2, 15: 2, 16: 2, 17: 2, 19: 2, 22: 4, **_WIDE}
_HANDLE, _VARIANT = 20, 21


def look_at(data: bytes, spans: list[Span], collected: Collected, where: dict[int, str]) -> None:
    """Look at every TensorProto of a SavedModel; `where` says which node one is in, by its first byte."""
    total = 0
    for span in spans:
        found = wire.read(
            data, span, "TensorProto", only=("dtype", "tensor_shape", "resource_handle_val", "variant_val")
        )
        inside = where.get(span.start)
        kind = found.get("dtype", 0) % 100
        if kind in (_HANDLE, _VARIANT) or "resource_handle_val" in found or "variant_val" in found:
            collected.add(rules.OPAQUE_CONSTANT, "a handle of a resource, or a value of type variant", inside)
        size = _size(data, found.get("tensor_shape"), _WIDTH.get(kind, 8))
        if size is None:
            collected.add(rules.MALFORMED, "a constant whose shape has no size", inside)
            continue
        if size > LIMITS.graph_constant:
            collected.add(rules.TOO_LARGE, f"a constant of {size} bytes (the cap is {LIMITS.graph_constant})", inside)
        else:
            total += size
    if total > LIMITS.graph_constants:
        collected.add(rules.TOO_LARGE, f"constants of {total} bytes together (the cap is {LIMITS.graph_constants})")


def _size(data: bytes, shape: Span | None, width: int) -> int | None:
    """Return the bytes of a tensor of a shape, or nothing where the shape has no size."""
    if shape is None:
        return width
    found = wire.read(data, shape, "TensorShapeProto")
    dimensions = [wire.read(data, span, "TensorShapeProto.Dim").get("size", 0) for span in found.get("dim", [])]
    # The same length as TensorFlow's own cap, which also keeps the product small.
    if found.get("unknown_rank") or min(dimensions, default=0) < 0 or len(dimensions) > 254:
        return None
    size = width
    for dimension in dimensions:
        size *= dimension
    return size
