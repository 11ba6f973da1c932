"""JSON value <-> frozen dataclass, driven by the dataclass's own annotations.

Every error names its place as a dotted path (``modules[3].member``).
"""

from __future__ import annotations

import dataclasses
import functools
import reprlib
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from bundler.errors import InvalidBundle
from bundler.limits import LIMITS

T = TypeVar("T")

#: A value that JSON can express. Objects keep their keys as `str`.
JSON = Any

#: Marks, in a dataclass field's metadata, a field that is written and asked for although it has a default.
ALWAYS = "always"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Extensible:
    """A part of the manifest. `extra` keeps the fields that it does not declare, and they are written back (I6).

    So an older kbundle does not drop what a newer one said.
    """

    extra: Mapping[str, JSON] = dataclasses.field(default_factory=dict)


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
    for name, field in known.items():
        place = f"{path}.{name}" if path else name
        if name in value:
            arguments[name] = field.read(value[name], place)
        elif field.required:
            raise malformed(place, "a value", "nothing")
    if issubclass(cls, Extensible):
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
        return {name: to_json(item) for name, item in written_fields(instance).items()}
    if isinstance(instance, tuple | list):
        return [to_json(item) for item in instance]
    if isinstance(instance, Mapping):
        return {key: to_json(item) for key, item in instance.items()}
    return instance


def written_fields(instance: object) -> dict[str, object]:
    """Return what is written of one manifest dataclass: its fields as they are, and those that it does not know.

    Raises:
        TypeError: `instance` is not a manifest dataclass.
    """
    written = dict(getattr(instance, "extra", {}))
    for name, field in _fields(type(instance)).items():  # type: ignore[arg-type]  # as above
        value = getattr(instance, name)
        if field.always or value != field.default:
            written[name] = value
    return written


def _default(field: dataclasses.Field[Any]) -> object:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


class _Field(NamedTuple):
    read: Callable[[JSON, str], Any]
    default: object
    always: bool

    @property
    def required(self) -> bool:
        return self.always or self.default is dataclasses.MISSING


@functools.cache
def _fields(cls: type[Any]) -> dict[str, _Field]:
    # Worked out once a class: a manifest may hold ten thousand objects of one.
    hints = typing.get_type_hints(cls)
    return {
        field.name: _Field(_reader(hints[field.name]), _default(field), ALWAYS in field.metadata)
        for field in dataclasses.fields(cls)
        if field.name != "extra"
    }


def _reader(annotation: Any) -> Callable[[JSON, str], Any]:
    """Return the function that reads (value, path) as `annotation` says."""
    origin = typing.get_origin(annotation)
    if origin in (types.UnionType, typing.Union):
        (present,) = (item for item in typing.get_args(annotation) if item is not types.NoneType)
        inner = _reader(present)
        return lambda value, path: None if value is None else inner(value, path)
    if origin is tuple:
        return functools.partial(_read_list, _reader(typing.get_args(annotation)[0]))
    if origin is not None and issubclass(origin, Mapping):
        return functools.partial(_read_object, _reader(typing.get_args(annotation)[1]))
    if annotation is Any:
        return lambda value, _: value
    if dataclasses.is_dataclass(annotation):
        return functools.partial(from_json, typing.cast("type[Any]", annotation))
    return {str: _read_string, bool: _read_bool, int: _read_integer, float: _read_number}[annotation]


def _read_list(read: Callable[[JSON, str], Any], value: JSON, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise malformed(path, "a list", value)
    return tuple([read(item, f"{path}[{index}]") for index, item in enumerate(value)])


def _read_object(read: Callable[[JSON, str], Any], value: JSON, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise malformed(path, "an object", value)
    return {name: read(item, f"{path}.{name}") for name, item in value.items()}


def _read_string(value: JSON, path: str) -> str:
    if not isinstance(value, str):
        raise malformed(path, "a string", value)
    return value


def _read_bool(value: JSON, path: str) -> bool:
    if not isinstance(value, bool):
        raise malformed(path, "true or false", value)
    return value


def _read_integer(value: JSON, path: str) -> int:
    # bool is a subclass of int in Python, but JSON tells them apart.
    if isinstance(value, bool) or not isinstance(value, int):
        raise malformed(path, "an integer", value)
    if abs(value) > LIMITS.integer:
        raise malformed(path, "an integer of at most 63 bits", value)
    return value


def _read_number(value: JSON, path: str) -> float:
    if isinstance(value, int) and not isinstance(value, bool):
        # "1" and "1.0" would be two texts of one number.
        raise malformed(path, "a number with a fraction or an exponent", value)
    if not isinstance(value, float):
        raise malformed(path, "a number", value)
    return value


def _shown(value: object) -> str:
    # reprlib cuts before it writes: the value may be most of a large manifest.
    text = reprlib.repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
