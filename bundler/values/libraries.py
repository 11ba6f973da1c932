"""Values of NumPy, pandas, SciPy and TensorFlow, each by the call that makes it.

None of these is imported here: a value of theirs says that its library is loaded. Arrays are parts like others; who
carries them says where they go.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Mapping
from typing import Any

#: A maker, its positional arguments, its keywords, and where needed what is set on the value afterwards.
Parts = tuple[Any, ...]
_NONE: dict[str, Any] = {}
_COMPRESSED = ("csr", "csc", "bsr")
#: Numbers that two kinds of generators have in store.
_MERSENNE, _PHILOX = 624, 4
#: Rows of a matrix in lists: each takes memory, also where it is empty.
_MOST_ROWS = 10_000_000
_PLAIN = (str, int, float, bool, type(None))


def parts_of(value: Any) -> Parts | None:
    """Return the parts of `value`, or `None` for a value of another kind."""
    root = type(value).__module__.partition(".")[0]
    known = _ROOTS.get(root)
    return None if known is None else known(value)


def _numpy(value: Any) -> Parts | None:
    numpy = sys.modules["numpy"]
    if type(value) is numpy.random.Generator:
        bits = type(value.bit_generator)
        if getattr(numpy.random, bits.__name__, None) is not bits:
            return None
        return "numpy.random.Generator", (value.bit_generator,), _NONE
    if type(value).__name__ in _BITS and isinstance(value, numpy.random.BitGenerator):
        return f"numpy.random.{type(value).__name__}", (0,), _NONE, {"state": value.state}
    if type(value) is numpy.poly1d:
        return "numpy.poly1d", (value.coeffs,), {} if value.variable == "x" else {"variable": value.variable}
    if type(value) is numpy.random.RandomState:
        state = value.get_state(legacy=False)
        is_usual = state["bit_generator"] == "MT19937"
        return ("numpy.random.RandomState", (0,), _NONE, {"set_state": state}) if is_usual else None
    return None


def _tensorflow(value: Any) -> Parts | None:
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return None
    if isinstance(value, tensorflow.DType):
        return "tensorflow.as_dtype", (value.name,), _NONE
    if isinstance(value, tensorflow.TensorShape):
        return "tensorflow.TensorShape", (value.as_list() if value.rank is not None else None,), _NONE
    if type(value).__name__ == "EagerTensor" and value.dtype not in (tensorflow.resource, tensorflow.variant):
        if value.dtype == tensorflow.string:
            plain = value.numpy().tolist()
            return "tensorflow.constant", (plain,), {"dtype": "string", "shape": list(value.shape)}
        return "tensorflow.constant", (value.numpy(),), _NONE
    if type(value) is tensorflow.name_scope and isinstance(value.name, str):
        # Every tf.Module holds one.
        return "tensorflow.name_scope", (value.name,), _NONE
    if isinstance(value, tensorflow.SparseTensor) and isinstance(value.values, tensorflow.Tensor):
        if value.dtype == "string" or not hasattr(value.values, "numpy"):
            return None
        shape = [int(size) for size in value.dense_shape.numpy()]
        parts = {"indices": value.indices.numpy(), "values": value.values.numpy(), "dense_shape": shape}
        return "tensorflow.SparseTensor", (), parts
    if isinstance(value, tensorflow.RaggedTensor) and hasattr(value.row_splits, "numpy"):
        return "tensorflow.RaggedTensor.from_row_splits", (value.values, value.row_splits.numpy()), _NONE
    return None


def _scipy(value: Any) -> Parts | None:
    sparse = sys.modules.get("scipy.sparse")
    name = type(value).__name__
    if sparse is None or getattr(sparse, name, None) is not type(value) or not sparse.issparse(value):
        return None
    maker, shape = f"scipy.sparse.{name}", {"shape": tuple(int(size) for size in value.shape)}
    if value.format in _COMPRESSED:
        return maker, ((value.data, value.indices, value.indptr),), shape
    if value.format == "coo":
        places = value.coords if hasattr(value, "coords") else (value.row, value.col)
        return maker, ((value.data, tuple(places)),), shape
    if value.format == "dia":
        return maker, ((value.data, value.offsets),), shape
    # Lists and dictionaries of entries: the same matrix in the form that is arrays makes it.
    return (maker, (value.tocoo(),), _NONE) if value.format in ("lil", "dok") and value.ndim == 2 else None


def _pandas(value: Any) -> Parts | None:
    pandas = sys.modules["pandas"]
    parts: Parts | None = None
    if type(value) is pandas.Series:
        data = _column(value)
        named = {} if value.name is None else {"name": value.name}
        parts = None if data is None else ("pandas.Series", (data,), {**_index(value), **named})
    elif type(value) is pandas.DataFrame:
        parts = _frame(value)
    elif type(value) is pandas.RangeIndex:
        parts = "pandas.RangeIndex", (value.start, value.stop, value.step), {"name": value.name}
    elif type(value) is pandas.DatetimeIndex and value.tz is None:
        parts = "pandas.DatetimeIndex", (value.to_numpy(),), {"name": value.name, "freq": value.freqstr}
    elif type(value) is pandas.Index:
        data = _column(value)
        parts = None if data is None else ("pandas.Index", (data,), {"name": value.name, "dtype": str(value.dtype)})
    elif type(value) is pandas.Categorical:
        items = (value.codes,)
        parts = "pandas.Categorical.from_codes", items, {"categories": value.categories, "ordered": value.ordered}
    elif type(value) is pandas.Timestamp and value.tz is None:
        parts = "pandas.Timestamp", (value.isoformat(),), _NONE
    elif type(value) is pandas.Timedelta:
        parts = "pandas.Timedelta", (value.isoformat(),), _NONE
    return parts if parts is not None and _comes_back(pandas, parts, value) else None


def _frame(value: Any) -> Parts | None:
    names = list(value.columns)
    if len(set(names)) < len(names) or not all(isinstance(name, str) for name in names):
        return None
    columns = {name: _column(value[name]) for name in names}
    if any(item is None for item in columns.values()):
        return None
    return "pandas.DataFrame", (columns,), _index(value)


def _index(value: Any) -> dict[str, Any]:
    """Return the index as a keyword, where it is not the one that pandas gives by itself."""
    index = value.index
    is_usual = type(index).__name__ == "RangeIndex" and (index.start, index.step, index.name) == (0, 1, None)
    return {} if is_usual and value.shape[0] else {"index": index}


def _column(value: Any) -> Any:
    """Return the data of a series or an index: an array of NumPy's, a categorical, or a list; `None` for others."""
    pandas, numpy = sys.modules["pandas"], sys.modules["numpy"]
    if isinstance(value.dtype, numpy.dtype) and value.dtype.kind in "biufcMm":
        return value.to_numpy()
    if isinstance(value.dtype, pandas.CategoricalDtype):
        return value.array
    plain = value.tolist()
    return plain if all(type(item) in _PLAIN for item in plain) and (plain or value.dtype != object) else None


def _comes_back(pandas: Any, parts: Parts, value: Any) -> bool:
    """Say whether the call gives the value, its types included; pandas finds out some of them by itself."""
    maker, items, keywords = parts
    try:
        again = MAKERS[maker](operator.attrgetter(maker.removeprefix("pandas."))(pandas), *items, **keywords)
    except (ValueError, TypeError, ArithmeticError):
        return False
    if type(again) is not type(value):
        return False
    if type(value) in (pandas.Timestamp, pandas.Timedelta):
        return bool(again == value and again.unit == value.unit)
    if type(value) is pandas.DataFrame:
        same = list(again.dtypes) == list(value.dtypes) and again.columns.equals(value.columns)
        return bool(same and again.columns.name == value.columns.name and again.equals(value) and not value.attrs)
    equal = again.equals(value) and str(again.dtype) == str(value.dtype)
    return bool(equal and getattr(again, "name", None) == getattr(value, "name", None))


_ROOTS: Mapping[str, Callable[[Any], Parts | None]] = {
    "numpy": _numpy,
    "pandas": _pandas,
    "scipy": _scipy,
    "tensorflow": _tensorflow,
}


def _data(maker: Callable[..., Any], *items: Any, **keywords: Any) -> Any:
    """Call a maker of pandas with data: arrays, plain values, and what pandas itself made of such."""
    for item in (*items, *keywords.values()):
        _require_data(item, 0)
    return maker(*items, **keywords)


def _require_data(item: Any, depth: int) -> None:
    root = type(item).__module__.partition(".")[0]
    if depth > 3 or not (isinstance(item, (*_PLAIN, list, tuple, dict)) or root in ("numpy", "pandas")):
        raise TypeError(f"it does not take a {type(item).__name__}")
    for part in [*item, *item.values()] if isinstance(item, dict) else item if isinstance(item, list | tuple) else ():
        _require_data(part, depth + 1)


def _sparse(maker: Callable[..., Any], data: Any, shape: Any = None) -> Any:
    """Make a sparse matrix and check it: SciPy's compiled code takes the places of entries on trust."""
    if shape is None and data.shape[0] > _MOST_ROWS:
        raise ValueError(f"a matrix of {data.shape[0]} rows")
    made = maker(data, shape=shape) if shape is not None else maker(data)
    if made.format in _COMPRESSED:
        made.check_format(full_check=True)
    return made


def _bits(maker: Callable[..., Any], seed: int) -> Any:
    return maker(int(seed))


def _generator(maker: Callable[..., Any], bits: Any) -> Any:
    if not isinstance(bits, sys.modules["numpy"].random.BitGenerator):
        raise TypeError("it takes a bit generator")
    return maker(bits)


def _constant(maker: Callable[..., Any], value: Any, dtype: str | None = None, shape: Any = None) -> Any:
    if shape is not None and math.prod(shape) != sys.modules["numpy"].size(value):
        # One value would fill any shape.
        raise ValueError("a tensor has another number of values than its shape says")
    return maker(value, dtype=dtype, shape=shape)


def _sparse_tensor(maker: Callable[..., Any], indices: Any, values: Any, dense_shape: Any) -> Any:
    """Make a sparse tensor and check it: operations take the places of its entries on trust."""
    numpy = sys.modules["numpy"]
    places, shape = numpy.asarray(indices), numpy.asarray(dense_shape)
    if places.ndim != 2 or places.dtype.kind not in "iu" or places.shape != (numpy.size(values), shape.size):
        raise ValueError("the places of a sparse tensor have another shape than its values")
    if (places < 0).any() or (places >= shape).any():
        raise ValueError("a place lies outside of the sparse tensor")
    return maker(indices, values, dense_shape)


_FORMS = (*_COMPRESSED, "coo", "dia", "lil", "dok")
_SPARSE = tuple(f"{form}_{kind}" for form in _FORMS for kind in ("matrix", "array"))
_BITS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
_PANDAS = (
    *("Series", "DataFrame", "Index", "RangeIndex", "DatetimeIndex"),
    *("Categorical.from_codes", "Timestamp", "Timedelta"),
)
#: How each maker is called.
MAKERS: dict[str, Callable[..., Any]] = {
    "numpy.random.Generator": _generator,
    "numpy.random.RandomState": _bits,
    "numpy.poly1d": lambda maker, items, variable=None: maker(items, variable=variable),
    **{f"numpy.random.{name}": _bits for name in _BITS},
    **{f"pandas.{name}": _data for name in _PANDAS},
    **{f"scipy.sparse.{name}": _sparse for name in _SPARSE},
    "tensorflow.as_dtype": lambda maker, name: maker(str(name)),
    "tensorflow.TensorShape": lambda maker, items: maker(items),
    "tensorflow.constant": _constant,
    "tensorflow.SparseTensor": _sparse_tensor,
    "tensorflow.name_scope": lambda maker, name: maker(str(name)),
    "tensorflow.RaggedTensor.from_row_splits": lambda maker, values, splits: maker(values, splits, validate=True),
}


def _set_state(value: Any, state: Any) -> None:
    value.state = _checked_state(state)


def _set_legacy(value: Any, state: Any) -> None:
    value.set_state(_checked_state(state))


def _checked_state(state: Any) -> dict[str, Any]:
    """Return the state of a generator of numbers, whose compiled code takes the place in its buffer on trust."""
    inner = state["state"]
    places = [(inner, "pos", _MERSENNE), (state, "buffer_pos", _PHILOX)]
    for holder, name, most in places:
        if name in holder and not (isinstance(holder[name], int) and 0 <= holder[name] <= most):
            raise ValueError(f"{name} lies outside of the buffer")
    return dict(state)


#: What is set on a value after it was made.
ATTRIBUTES: dict[tuple[str, str], Callable[[Any, Any], None]] = {
    **{(f"numpy.random.{name}", "state"): _set_state for name in _BITS},
    ("numpy.random.RandomState", "set_state"): _set_legacy,
}
