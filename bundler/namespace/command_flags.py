"""`absl.flags` as a bundle has it: flags of its own, at their defaults.

absl has one table of flags a process, which is the host's. A bundle that defines a flag gets a bare holder, and what
the values of its author's run were is recorded by value, as for `argparse`.
"""

from __future__ import annotations

import enum
import types
from collections.abc import Callable, Iterator
from typing import Any

from bundler.namespace.guard import Guard
from bundler.namespace.shield import shielded
from bundler.namespace.source_texts import exact

_TRUE, _FALSE = ("true", "t", "1", "yes", "y"), ("false", "f", "0", "no", "n")
#: What only says how flags are read from a command line, of which a bundle has none.
_RULES = (
    "mark_flag_as_required mark_flags_as_required mark_flags_as_mutual_exclusive mark_bool_flags_as_mutual_exclusive"
    " register_validator register_multi_flags_validator declare_key_flag adopt_module_key_flags disclaim_key_flags"
).split()


def flags_of(guard: Guard) -> dict[str, Any]:
    """Return what one bundle finds in `absl.flags`, by dotted name."""

    class FlagValues(types.SimpleNamespace):
        """Holds the value of each flag as an attribute."""

        def __getitem__(self, name: str) -> Any:
            return holder(name=exact(name), value=vars(self)[exact(name)])

        def __contains__(self, name: object) -> bool:
            return name in vars(self)

        def __iter__(self) -> Iterator[str]:
            return iter(vars(self))

        def flag_values_dict(self) -> dict[str, Any]:
            return dict(vars(self))

        def is_parsed(self) -> bool:
            return True

        def mark_as_parsed(self) -> None:
            """As absl has it, where flags were set without a command line."""

    kind: Any = shielded(guard, FlagValues)
    holder: Any = shielded(guard, type("FlagHolder", (types.SimpleNamespace,), {}))
    values = kind()

    def defined(read: Callable[[Any, Any], Any]) -> Callable[..., Any]:
        def define(name: str, default: Any = None, given: Any = None, *_: Any, **options: Any) -> Any:
            name = exact(name)
            if guard.tables.interpreter_name(name) or name in guard.tables.targets or hasattr(FlagValues, name):
                guard.require("reflection", f"defines the flag {name}")
            value = None if default is None else read(default, options.get("enum_class", given))
            setattr(values, name, value)
            return holder(name=name, value=value, default=value)

        return define

    def unchanged(*_: Any, **__: Any) -> Callable[[Any], Any]:
        return lambda function: function

    found: dict[str, Any] = {f"DEFINE_{name}": defined(read) for name, read in _KINDS.items()}
    found |= dict.fromkeys(_RULES, does_nothing)
    found |= dict.fromkeys(("validator", "multi_flags_validator"), unchanged)
    found |= {"FLAGS": values, "FlagValues": kind}
    return {f"absl.flags.{name}": value for name, value in found.items()}


def does_nothing(*_: Any, **__: Any) -> None:
    """Take the place of a rule about a command line, or of a call that sets what is the host's to set."""


def _truth(value: Any, _: Any) -> bool:
    text = exact(value).lower() if isinstance(value, str) else value
    if text in _TRUE or text is True or text == 1:
        return True
    if text in _FALSE or text is False or text == 0:
        return False
    raise ValueError(f"{value!r} must be true or false")


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple | set) else [value]


def _member(value: Any, kind: Any) -> Any:
    return value if isinstance(value, enum.Enum) else kind[exact(value)]


#: How absl makes the value of a flag of its default, by the kind of flag; the second argument is that of enumerations.
_KINDS: dict[str, Callable[[Any, Any], Any]] = {
    "string": lambda value, _: exact(value) if isinstance(value, str) else str(value),
    "integer": lambda value, _: int(value),
    "float": lambda value, _: float(value),
    "bool": _truth,
    "boolean": _truth,
    "enum": lambda value, _: value,
    "enum_class": _member,
    "list": lambda value, _: (
        [item.strip() for item in exact(value).split(",")] if isinstance(value, str) else list(value)
    ),
    "spaceseplist": lambda value, _: exact(value).split() if isinstance(value, str) else list(value),
    "multi_string": lambda value, _: _several(value),
    "multi_integer": lambda value, _: [int(item) for item in _several(value)],
    "multi_float": lambda value, _: [float(item) for item in _several(value)],
    "multi_enum": lambda value, _: _several(value),
    "multi_enum_class": lambda value, kind: [_member(item, kind) for item in _several(value)],
}
