"""Flags of absl in generated modules: a class with the values of this run that the definitions read."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from bundler.sources.extract.constant_values import is_plain, type_name, written
from bundler.sources.extract.draft import Item
from bundler.sources.extract.extracted import NotExtractable
from bundler.sources.extract.refusals import NameUse

_HOLDERS = ("FlagValues", "FlagHolder")


def is_flags(value: object) -> bool:
    """Say whether `value` holds flags of absl: ``flags.FLAGS``, or what ``flags.DEFINE_...`` returned."""
    return any(base.__module__.startswith("absl.flags") and base.__name__ in _HOLDERS for base in type(value).__mro__)


def holder(name: str, use: NameUse) -> Item:
    """Return the statement that binds `name` to a holder without values."""
    text = f'class {name}:\n    """The flags of the run that made this model."""'
    return Item(names=(name,), text=text, order=use.before)


def values_read(name: str, value: Any, use: NameUse) -> Iterator[Item]:
    """Yield the statements that set what the definition of `use` reads of the flags `value` by `name`.

    Raises:
        NotExtractable: it does something else with them, or the value of one cannot stand in source.
    """
    if use.node is None:
        return
    read = [item for item in ast.walk(use.node) if isinstance(item, ast.Attribute) and _is(item.value, name)]
    inside = {id(item.value) for item in read}
    for node in ast.walk(use.node):
        if _is(node, name) and id(node) not in inside:
            raise NotExtractable(
                f"{use.where}: {use.what} hands on {name!r}, the flags of this run; read them one by one "
                f"({name}.learning_rate), or pass what is needed to __init__ and return it from get_config()"
            )
    known = _values(value)
    for attribute in sorted({item.attr for item in read}):
        if attribute not in known or not is_plain(known[attribute]):
            found = f"a {type_name(known[attribute])}" if attribute in known else "no flag of this run"
            raise NotExtractable(
                f"{use.where}: {use.what} uses '{name}.{attribute}', {found}, which cannot be "
                "written as a constant; pass it to __init__ and return it from get_config()"
            )
        text = f"{name}.{attribute} = {written(known[attribute])}"
        yield Item(names=(), text=text, order=use.before, at_once=frozenset({name}), every=frozenset({name}))


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _values(value: Any) -> Mapping[str, Any]:
    """Return the values by flag; of a single flag its value and default, and nothing before flags were parsed."""
    if hasattr(value, "flag_values_dict"):
        return dict(value.flag_values_dict())
    try:
        return {"value": value.value, "default": value.default, "name": value.name}
    except Exception:  # noqa: BLE001 - absl's own error for flags that were not parsed
        return {}
