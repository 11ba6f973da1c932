"""Values of Python's own library, each by the call that makes it."""

from __future__ import annotations

import collections
import datetime
import re
from collections.abc import Callable
from typing import Any

#: A maker, its positional arguments, its keywords, and where needed what is set on the value afterwards.
Parts = tuple[Any, ...]
_NONE: dict[str, Any] = {}


def _holder(maker: str) -> Callable[[Any], Parts | None]:
    def parts(value: Any) -> Parts | None:
        named = vars(value)
        return (maker, (), dict(named)) if all(name.isidentifier() for name in named) else None

    return parts


def _datetime(value: datetime.datetime) -> Parts:
    fields = [value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond]
    while len(fields) > 3 and not fields[-1]:
        fields.pop()
    return "datetime.datetime", tuple(fields), _zoned(value)


def _time(value: datetime.time) -> Parts:
    return "datetime.time", (value.hour, value.minute, value.second, value.microsecond), _zoned(value)


def _zoned(value: datetime.datetime | datetime.time) -> dict[str, Any]:
    return {**({"tzinfo": value.tzinfo} if value.tzinfo else {}), **({"fold": 1} if value.fold else {})}


def _timezone(value: datetime.timezone) -> Parts:
    offset, name = value.utcoffset(None), value.tzname(None)
    plain = datetime.timezone(offset).tzname(None)
    return "datetime.timezone", (offset,) if name == plain else (offset, name), _NONE


def _defaultdict(value: collections.defaultdict[Any, Any]) -> Parts:
    return "collections.defaultdict", (value.default_factory, dict(value)), _NONE


def _pattern(value: re.Pattern[Any]) -> Parts:
    flags = value.flags & ~re.UNICODE.value if isinstance(value.pattern, str) else value.flags
    return "re.compile", (value.pattern, flags) if flags else (value.pattern,), _NONE


_PARTS: dict[str, Callable[[Any], Parts | None]] = {
    "argparse.Namespace": _holder("argparse.Namespace"),
    "types.SimpleNamespace": _holder("types.SimpleNamespace"),
    "builtins.mappingproxy": lambda value: ("types.MappingProxyType", (dict(value),), _NONE),
    "builtins.bytearray": lambda value: ("builtins.bytearray", (bytes(value),), _NONE),
    "collections.OrderedDict": lambda value: ("collections.OrderedDict", (list(value.items()),), _NONE),
    "collections.defaultdict": _defaultdict,
    "collections.Counter": lambda value: ("collections.Counter", (dict(value),), _NONE),
    "collections.deque": lambda value: (
        "collections.deque",
        (list(value),) if value.maxlen is None else (list(value), value.maxlen),
        _NONE,
    ),
    "datetime.datetime": _datetime,
    "datetime.date": lambda value: ("datetime.date", (value.year, value.month, value.day), _NONE),
    "datetime.time": _time,
    "datetime.timedelta": lambda value: (
        "datetime.timedelta",
        (value.days, value.seconds, *((value.microseconds,) if value.microseconds else ())),
        _NONE,
    ),
    "datetime.timezone": _timezone,
    "decimal.Decimal": lambda value: ("decimal.Decimal", (str(value),), _NONE),
    "fractions.Fraction": lambda value: ("fractions.Fraction", (value.numerator, value.denominator), _NONE),
    "uuid.UUID": lambda value: ("uuid.UUID", (str(value),), _NONE),
    "re.Pattern": _pattern,
    "zoneinfo.ZoneInfo": lambda value: ("zoneinfo.ZoneInfo", (value.key,), _NONE) if value.key else None,
    "random.Random": lambda value: ("random.Random", (0,), _NONE, {"setstate": value.getstate()}),
    # Whoever asks for a logger by its name gets that one.
    "logging.Logger": lambda value: ("logging.getLogger", (value.name,), _NONE),
    # A path of one system cannot be made on another, and a program means the path of where it runs.
    # The class that the code of a loaded bundle has.
    "pathlib.Path": lambda value: ("pathlib.Path", (value.as_posix(),), _NONE),
    "pathlib.PosixPath": lambda value: ("pathlib.Path", (value.as_posix(),), _NONE),
    "pathlib.WindowsPath": lambda value: ("pathlib.Path", (value.as_posix(),), _NONE),
    "pathlib.PurePosixPath": lambda value: ("pathlib.PurePosixPath", (str(value),), _NONE),
    "pathlib.PureWindowsPath": lambda value: ("pathlib.PureWindowsPath", (str(value),), _NONE),
}
#: Where newer versions of Python say that a class is.
_MOVED = {"pathlib._local.": "pathlib.", "pathlib._abc.": "pathlib."}


def parts_of(place: str, value: Any) -> Parts | None:
    """Return the parts of `value`, whose class is at `place`, or `None` for a value of another kind."""
    for moved, known in _MOVED.items():
        place = place.replace(moved, known)
    parts = _PARTS.get(place)
    return None if parts is None else parts(value)


def _with(*kinds: type | tuple[type, ...], least: int = 1) -> Callable[..., Any]:
    """Return a caller that lets through positional arguments of these types, and no others."""

    def call(maker: Callable[..., Any], *items: Any) -> Any:
        if not least <= len(items) <= len(kinds):
            raise ValueError(f"it takes {len(kinds)} values, not {len(items)}")
        for item, kind in zip(items, kinds, strict=False):
            if not isinstance(item, kind):
                raise TypeError(f"it does not take a {type(item).__name__}")
        return maker(*items)

    return call


def _named(maker: Callable[..., Any], **keywords: Any) -> Any:
    return maker(**keywords)


def _moment(maker: Callable[..., Any], *items: int, tzinfo: Any = None, fold: int = 0) -> Any:
    return maker(*items, tzinfo=tzinfo, fold=fold)


def _default(maker: Callable[..., Any], factory: Any, items: dict[Any, Any]) -> Any:
    if factory is not None and not (isinstance(factory, type) and factory.__module__ in ("builtins", "collections")):
        raise TypeError("only a built-in type makes the defaults")
    return maker(factory, items)


#: How each maker is called.
MAKERS: dict[str, Callable[..., Any]] = {
    "argparse.Namespace": _named,
    "types.SimpleNamespace": _named,
    "types.MappingProxyType": _with(dict),
    "builtins.bytearray": _with(bytes),
    "collections.OrderedDict": _with(list),
    "collections.defaultdict": _default,
    "collections.Counter": _with(dict),
    "collections.deque": _with(list, int),
    "datetime.datetime": _moment,
    "datetime.date": _with(int, int, int, least=3),
    "datetime.time": _moment,
    "datetime.timedelta": _with(int, int, int, least=2),
    "datetime.timezone": _with(datetime.timedelta, str),
    "decimal.Decimal": _with(str),
    "fractions.Fraction": _with(int, int, least=2),
    "uuid.UUID": _with(str),
    "re.compile": _with((str, bytes), int),
    "zoneinfo.ZoneInfo": _with(str),
    "random.Random": _with(int),
    "logging.getLogger": _with(str),
    "pathlib.Path": _with(str),
    "pathlib.PurePosixPath": _with(str),
    "pathlib.PureWindowsPath": _with(str),
}
#: What is set on a value after it was made, by maker and name.
ATTRIBUTES: dict[tuple[str, str], Callable[[Any, Any], None]] = {
    ("random.Random", "setstate"): lambda value, state: value.setstate(state),
}
