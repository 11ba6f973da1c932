"""Arrays of NumPy, and long lists of numbers or texts, as expressions: spelled out, or read from a file if long."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bundler.sources.extract.array_file import as_array, file_name
from bundler.sources.extract.scalars import SCALARS, scalar
from bundler.values import Unsayable

#: Longer arrays lie in the file. Of lists the text is what counts.
_LONG_ARRAY, _LONG_TEXT, _LONGEST_TEXT = 200, 2000, 1 << 20
_NUMBERS = "biufc"


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrayText:
    """Writes the arrays of one value, and keeps those that go into the file.

    Attributes:
        module: the generated module that the file is beside.
        name: what the value is bound to, after which its arrays in the file are called.
        refer: gives the name by which the text has a module.
        expression: gives the expression of plain values.
        kept: the arrays for the file, by name.
    """

    module: str
    name: str
    refer: Callable[[Any], str]
    expression: Callable[[Any], str]
    kept: dict[str, Any] = field(default_factory=dict)

    def of_container(self, value: Any) -> str | None:
        """Return how a long list, tuple or dictionary of numbers or texts comes out of the file, or `None`."""
        if len(value) <= _LONG_ARRAY or len(text := repr(value)) <= _LONG_TEXT:
            return None
        parts = [list(value), list(value.values())] if isinstance(value, dict) else [list(value)]
        arrays = [as_array(part) for part in parts]
        if any(array is None for array in arrays):
            if len(text) > _LONGEST_TEXT:
                raise Unsayable(f"a {type(value).__name__} of {len(value)} items, which is too long for a line of text")
            return None
        read = [f"{self.from_file(array)}.tolist()" for array in arrays]
        if isinstance(value, dict):
            return f"dict(zip({', '.join(read)}))"
        return read[0] if isinstance(value, list) else f"{type(value).__name__}({read[0]})"

    def of(self, value: Any) -> str | None:
        """Return the expression of an array, scalar or dtype of NumPy, or `None` for something else.

        Raises:
            Unsayable: it is of Python objects, or has a dtype that no file holds.
        """
        numpy: Any = sys.modules.get("numpy")
        if numpy is None or type(value).__module__.partition(".")[0] not in ("numpy", "ml_dtypes"):
            return None
        if isinstance(value, numpy.dtype):
            if value.names or value.hasobject or value.isbuiltin == 2:
                raise Unsayable(f"the dtype {value}")
            return f'{self.refer(numpy)}.dtype("{value.str}")'
        if type(value) is numpy.datetime64 or type(value) is numpy.timedelta64:
            plain = str(value) if type(value) is numpy.datetime64 else int(value.astype("int64"))
            unit, count = numpy.datetime_data(value.dtype)
            step = unit if count == 1 else f"{count}{unit}"
            return f'{self.refer(numpy)}.{type(value).__name__}({scalar(plain)}, "{step}")'
        if isinstance(value, numpy.generic) and value.dtype.isbuiltin == 1 and value.dtype.kind in (*_NUMBERS, "SU"):
            return f"{self.refer(numpy)}.{type(value).__name__}({scalar(value.item())})"
        return self._array(value, numpy) if type(value) is numpy.ndarray else None

    def _array(self, value: Any, numpy: Any) -> str:
        if value.dtype.hasobject:
            plain = value.tolist()
            if value.ndim == 1 and all(type(item) in SCALARS for item in plain):
                return f"{self.refer(numpy)}.array({self.expression(plain)}, dtype=object)"
            raise Unsayable("an array of Python objects")
        is_short = 0 < value.size <= _LONG_ARRAY and value.dtype.isbuiltin == 1 and value.dtype.kind in _NUMBERS
        if not is_short:
            return self.from_file(value)
        text = self.expression(value.tolist())
        name = value.dtype.name if value.dtype.isnative else value.dtype.str
        return f'{self.refer(numpy)}.array({text}, dtype="{name}")'

    def from_file(self, array: Any) -> str:
        """Return the expression that reads `array` from the file.

        Raises:
            Unsayable: it has a dtype that no file holds.
        """
        if array.dtype.isbuiltin == 2 or array.dtype.names or array.dtype.kind not in f"{_NUMBERS}SUMm":
            raise Unsayable(f"an array of {array.dtype}")
        if array.dtype.kind in "Mm":
            # Dates are numbers of days, seconds or less.
            return f'{self.from_file(array.view("int64"))}.view("{array.dtype.str}")'
        key = self.name if self.name not in self.kept else f"{self.name}_{len(self.kept)}"
        self.kept[key] = array
        numpy, path = self.refer(sys.modules["numpy"]), self.refer(pathlib)
        file = f'{path}.Path(__file__).with_name("{file_name(self.module)}")'
        return f'{numpy}.load({file}, allow_pickle=False)["{key}"]'
