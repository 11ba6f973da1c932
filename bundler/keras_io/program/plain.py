"""Values in a form that two processes can compare: JSON, equal exactly where the values are."""

from __future__ import annotations

import enum
import functools
import hashlib
import itertools
import re
import types
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from bundler.values import taken_apart

#: The name of a function or class: its module and qualified name as the bundle has them, or `None` for one that has
#: none that means the same elsewhere.
NameOf = Callable[[Any], str | None]


class NotPlain(Exception):
    """The value cannot be compared; the message says of what type it is."""


#: How functions are told: by their name in the bundle, or by their code where they have none.
NAMED, CODE = "named", "code"
#: What a bundle has in the place of a power, which asks when it is used.
STUB = "stub"
#: The name of what stays behind, since the model does not need it.
GONE = "left"
#: What cannot be compared, in the place where it stands, by the name of its class.
OPAQUE = "object"
_STUBS, _GUARDS = "bundler.namespace.stubs", "<kbundle: "
#: Longer arrays and texts are compared by their digest.
_WHOLE = 256
_DEPTH = 16
#: Values that are looked through for those that cannot be compared.
_OPAQUE_MOST = 1_000


def plain(value: Any, name_of: NameOf, depth: int = _DEPTH) -> Any:
    """Return the comparable form of `value`: numbers, texts, containers, arrays, functions and classes by their name.

    A list and a tuple of the same values are the same here, since Keras's containers and JSON do not tell them apart.

    Raises:
        NotPlain: it is none of these, or holds something that is not.
    """
    if depth == 0:
        raise NotPlain("nested too deep")
    return _form(value, name_of, functools.partial(plain, name_of=name_of, depth=depth - 1))


def with_opaque(value: Any, name_of: NameOf) -> Any:
    """Return the comparable form of `value`, in which whatever cannot be compared stands by the name of its class.

    So a value is seen to be something else altogether: `None` for the model that a program put there later. Where
    there are many values (the samples of a data set, objects that hold each other), the whole stands so.
    """
    seen = itertools.count()

    def described(item: Any) -> Any:
        if next(seen) == _OPAQUE_MOST:
            raise _TooMany
        try:
            return _form(item, name_of, described)
        except NotPlain:
            return {OPAQUE: type(item).__name__}

    try:
        return described(value)
    except (_TooMany, RecursionError):
        try:
            return plain(value, name_of)
        except NotPlain:
            return {OPAQUE: type(value).__name__}


class _TooMany(Exception):
    """A value holds more than is looked through."""


def _form(value: Any, name_of: NameOf, inner: Callable[[Any], Any]) -> Any:
    """Return the comparable form of a value, with those of what is in it by `inner`."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        # A member that is a text or a number, too, equals it.
        is_both = isinstance(value, str | int | float)
        return inner(value.value) if is_both else {"enum": type(value).__qualname__, "name": value.name}
    if isinstance(value, int | float | complex):
        # A NaN equals itself here, and 1 is not 1.0.
        return {type(value).__name__: repr(value)} if type(value) in (int, float, complex) else _scalar(value)
    if isinstance(value, str):
        return str(value) if len(value) <= _WHOLE else {"text": _digest(value.encode("utf-8", "surrogatepass"))}
    if isinstance(value, bytes):
        return {"bytes": _digest(value)}
    if isinstance(value, Mapping):
        return {"dict": sorted(([inner(key), inner(item)] for key, item in value.items()), key=repr)}
    if isinstance(value, set | frozenset):
        return {"set": sorted((inner(item) for item in value), key=repr)}
    if isinstance(value, list | tuple):
        return [inner(item) for item in value]
    if isinstance(value, range | slice):
        return {type(value).__name__: [repr(item) for item in (value.start, value.stop, value.step)]}
    if isinstance(value, PurePath):
        return {"path": str(value)}
    if isinstance(value, re.Pattern):
        return {"pattern": repr(value.pattern), "flags": value.flags}
    if isinstance(value, functools.partial):
        return {"partial": inner(value.func), "arguments": inner(value.args), "keywords": inner(value.keywords)}
    if isinstance(value, types.MethodType):
        return {"method": value.__name__, "of": inner(type(value.__self__))}
    if type(value).__module__ == _STUBS or _is_guarded(value):
        return {STUB: value.__name__}
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType) or _is_ufunc(value):
        name = name_of(value)
        if name is not None:
            return {NAMED: name}
        if isinstance(value, types.FunctionType):
            return {CODE: _code(value.__code__)}
        raise NotPlain(f"a {type(value).__name__} without a name of its own")
    try:
        return _array(value)
    except NotPlain:
        made = taken_apart(value)
        if made is None:
            raise
        # Two that are made by the same call are equal.
        return {"made": made.maker, "of": [inner(part) for part in (made.items, made.keywords, made.attributes)]}


def _is_guarded(value: Any) -> bool:
    """Say whether `value` is what a bundle sees of the framework's function, which asks first and has its name."""
    return isinstance(value, types.FunctionType) and value.__code__.co_filename.startswith(_GUARDS)


def is_renamed(value: Any) -> bool:
    """Say whether a function has the name of another one, which `functools.wraps` gives it."""
    return isinstance(value, types.FunctionType) and value.__module__ != value.__globals__.get("__name__")


def same_form(one: Any, other: Any) -> bool:
    """Say whether the author's comparable form `one`, and `other`, may be of one value.

    A function's name and its code are not compared, a stub may stand for any function, and what cannot be compared
    for anything but numbers, texts and containers. A registry lacks the entries of what stays behind.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        if OPAQUE in one or OPAQUE in other:
            return {*one, *other} <= {OPAQUE, NAMED, CODE, STUB}
        if {*one, *other} <= {NAMED, CODE, STUB}:
            return one == other or {*one} != {*other}
        if one.keys() == other.keys() == {"dict"}:
            return _same_entries(one["dict"], other["dict"])
        return one.keys() == other.keys() and all(same_form(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        if len(one) > len(other):
            one = [item for item in one if not mentions_gone(item)]
        return len(one) == len(other) and all(same_form(*pair) for pair in zip(one, other, strict=True))
    return type(one) is type(other) and bool(one == other)


def _same_entries(one: list[Any], other: list[Any]) -> bool:
    mine, theirs = ({repr(key): item for key, item in entries} for entries in (one, other))
    return theirs.keys() <= mine.keys() and all(
        same_form(item, theirs[key]) if key in theirs else mentions_gone(item) for key, item in mine.items()
    )


def mentions_gone(form: Any) -> bool:
    """Say whether a comparable form names something that stays behind."""
    parts = form.values() if isinstance(form, dict) else form if isinstance(form, list) else ()
    return (isinstance(form, dict) and GONE in form) or any(map(mentions_gone, parts))


def with_gone(form: Any, stays: Callable[[str], bool]) -> Any:
    """Return a comparable form that tells the names that do not `stays` as what is left behind."""
    if isinstance(form, dict):
        name = form.get(NAMED)
        if isinstance(name, str) and len(form) == 1 and not stays(name):
            return {GONE: name}
        return {key: with_gone(item, stays) for key, item in form.items()}
    return [with_gone(item, stays) for item in form] if isinstance(form, list) else form


def _code(code: types.CodeType) -> str:
    """Return a digest of what a function does, without the places of its text."""
    constants = [_code(item) if isinstance(item, types.CodeType) else repr(item) for item in code.co_consts]
    return _digest(repr((code.co_code, constants, code.co_names, code.co_varnames)).encode())


def _array(value: Any) -> Any:
    root = type(value).__module__.partition(".")[0]
    if root == "keras" and type(value).__name__.endswith("DTypePolicy"):
        return {"policy": value.name}
    if root == "tensorflow" and type(value).__name__ in ("DType", "TensorShape"):
        return {type(value).__name__: str(value)}
    if root == "tensorflow" and type(value).__name__ == "EagerTensor":
        return {"tensor": _array(value.numpy())}
    if root in ("numpy", "ml_dtypes"):
        return _scalar(value)
    raise NotPlain(f"a {type(value).__qualname__}")


def _scalar(value: Any) -> Any:
    import numpy as np

    if isinstance(value, np.dtype):
        return {"dtype": value.name}
    if isinstance(value, np.generic | np.ndarray) and not np.asarray(value).dtype.hasobject:
        array = np.ascontiguousarray(value)
        return {"array": array.dtype.name, "shape": list(array.shape), "sha256": _digest(array.tobytes())}
    if isinstance(value, np.ndarray):
        return {"objects": repr(value.tolist())[:_WHOLE]}
    raise NotPlain(f"a {type(value).__qualname__}")


def _is_ufunc(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "numpy" and type(value).__name__ == "ufunc"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
