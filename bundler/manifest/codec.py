"""JSON value <-> frozen dataclass, driven by the dataclass's own annotations.

Every error names its place as a dotted path (``modules[3].member``). Fields that a class does not declare are kept
in its ``extra`` mapping and written back (I6), so that an older kbundle does not drop what a newer one said.
"""

from __future__ import annotations

import dataclasses
import functools
import reprlib
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from bundler.errors import InvalidBundle
from bundler.limits import LIMITS

T = TypeVar("T")

#: A value that JSON can express. Objects keep their keys as `str`.
JSON = Any

#: Marks, in a dataclass field's metadata, a field that is written and asked for although it has a default.
ALWAYS = "always"


def malformed(path: str, expected: str, found: object) -> InvalidBundle:
    """Return the error for a manifest value at `path` that is not what the format asks for."""
    return InvalidBundle(
        "the manifest has the wrong value here",
        place=f"manifest.json: {path or '(top level)'}",
        expected=expected if len(expected) <= 200 else f"{expected[:197]}...",
        found=_shown(found),
        hint="ask the author for a new bundle; this one was not written by kbundle, or was changed since",
    )


def from_json(cls: type[T], value: JSON, path: str = "") -> T:
    """Read `value` as the dataclass `cls`.

    Raises:
        InvalidBundle: a field is missing or has the wrong type; `place` is the dotted path.
    """
    if not isinstance(value, dict):
        raise malformed(path, "an object", value)
    arguments: dict[str, Any] = {}
    known = _fields(cls)  # type: ignore[arg-type]  # mypy takes a class variable for unhashable
    for name, (annotation, required) in known.items():
        place = f"{path}.{name}" if path else name
        if name in value:
            arguments[name] = _read(annotation, value[name], place)
        elif required:
            raise malformed(place, "a value", "nothing")
    arguments["extra"] = {name: item for name, item in value.items() if name not in known}
    instance = cls(**arguments)
    check = getattr(instance, "check", None)
    if check is not None:
        check(path)
    return instance


def to_json(instance: object) -> JSON:
    """Return the JSON value of a manifest dataclass; `from_json` reads it back to an equal instance.

    A field that holds its default is left out, so that one instance has one text.
    """
    if dataclasses.is_dataclass(instance) and not isinstance(instance, type):
        written = {
            field.name: to_json(getattr(instance, field.name))
            for field in dataclasses.fields(instance)
            if field.name != "extra" and (ALWAYS in field.metadata or getattr(instance, field.name) != _default(field))
        }
        return {**getattr(instance, "extra", {}), **written}
    if isinstance(instance, tuple | list):
        return [to_json(item) for item in instance]
    if isinstance(instance, Mapping):
        return {key: to_json(item) for key, item in instance.items()}
    return instance


def _default(field: dataclasses.Field[Any]) -> object:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


@functools.cache
def _fields(cls: type[Any]) -> dict[str, tuple[Any, bool]]:
    hints = typing.get_type_hints(cls)
    return {
        field.name: (hints[field.name], ALWAYS in field.metadata or _default(field) is dataclasses.MISSING)
        for field in dataclasses.fields(cls)
        if field.name != "extra"
    }


def _read(annotation: Any, value: JSON, path: str) -> Any:
    origin = typing.get_origin(annotation)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        (inner,) = (item for item in typing.get_args(annotation) if item is not types.NoneType)
        return _read(inner, value, path)
    if origin is tuple:
        if not isinstance(value, list):
            raise malformed(path, "a list", value)
        item = typing.get_args(annotation)[0]
        return tuple(_read(item, entry, f"{path}[{index}]") for index, entry in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise malformed(path, "an object", value)
        return value
    if dataclasses.is_dataclass(annotation):
        return from_json(typing.cast("type[Any]", annotation), value, path)
    # bool is a subclass of int in Python, but JSON tells them apart.
    if annotation is int and (isinstance(value, bool) or not isinstance(value, int)):
        raise malformed(path, "an integer", value)
    if annotation is int and abs(value) > LIMITS.integer:
        raise malformed(path, "an integer of at most 63 bits", value)
    if annotation is float and isinstance(value, int) and not isinstance(value, bool):
        # "1" and "1.0" would be two texts of one number.
        raise malformed(path, "a number with a fraction or an exponent", value)
    if annotation is not int and not isinstance(value, annotation):
        word = {str: "a string", bool: "true or false", float: "a number"}[annotation]
        raise malformed(path, word, value)
    return value


def _shown(value: object) -> str:
    # reprlib cuts before it writes: the value may be most of a large manifest.
    text = reprlib.repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
