"""Why a value cannot go into a generated module, and what to do instead."""

from __future__ import annotations

import ast
import functools
import io
from dataclasses import dataclass, replace

from bundler.sources.extract.constant_values import type_name
from bundler.sources.extract.draft import Order
from bundler.sources.extract.namespace_texts import Unit
from bundler.sources.extract.segments import first_line

_PART = (
    "make it in the __init__ of the class that uses it, and keep it as an attribute; a loss that needs a part of the "
    "model goes into compute_loss() of the model's class; an optimizer that needs one cannot travel: compile with "
    "another one before packing"
)


def refusal(name: str, value: object, use: NameUse, why: str = "") -> str:
    """Return the problem for the author: where, what uses which value, its type, and the remedy.

    `why` says what in the value cannot be carried: ``at logger of type ...``.
    """
    place = f"{use.where}: " if use.where else ""
    if name == "__file__":
        return (
            f"{place}{use.what} uses __file__, the place of the script on this machine; move the definition to a "
            "module, whose data files travel with it"
        )
    if type(value).__module__.startswith(("IPython", "ipykernel")) or name == "get_ipython":
        return (
            f"{place}{use.what} uses {name!r} of the notebook (a magic or a shell line is one, too); take it out of "
            "the definition"
        )
    inside = f" ({why})" if why else ""
    remedy = _PART if "the packed model" in why else _remedy(value)
    kind = type_name(value)
    article = "an" if kind[:1] in "aeiouAEIOU" else "a"
    return f"{place}{use.what} uses {name!r}, {article} {kind}, which cannot be written as a constant{inside}; {remedy}"


def _remedy(value: object) -> str:
    roots = {base.__name__ for base in type(value).__mro__ if base.__module__.partition(".")[0] == "keras"}
    if roots & {"Layer", "Model", "Metric", "Optimizer"}:
        return "make it in the __init__ of the class that uses it, and keep it as an attribute"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return (
            "write small ones as a list, pass it to __init__ and return it from get_config(), or keep it as a "
            "weight (add_weight) of the layer"
        )
    if isinstance(value, functools.partial):
        return "write a named function (def ...) that makes the call"
    if isinstance(value, io.IOBase):
        return "read the file in a module whose data files travel with it, or keep what it holds as a weight"
    return (
        "make it inside the definition, pass it to __init__ and return it from get_config(), or move the code to a "
        "module"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class NameUse:
    """`what` reads a name at `where`; `node` is its definition, and `order` the place of that."""

    what: str
    where: str
    order: Order = (-1, 0, 1)
    unit: Unit | None = None
    node: ast.AST | None = None

    @classmethod
    def at(cls, unit: Unit, node: ast.stmt | ast.Lambda, what: str) -> NameUse:
        """Return the use by the definition or statement `node`."""
        first = first_line(node) if isinstance(node, ast.stmt) else node.lineno
        return cls(what=what, where=unit.at(node.lineno), order=(unit.order, first, 1), unit=unit, node=node)

    def line(self, line: int) -> NameUse:
        """Return the same use, at another line of its text."""
        return replace(self, where=self.unit.at(line)) if self.unit is not None else self

    @property
    def before(self) -> Order:
        """The place right before it."""
        return (self.order[0], self.order[1], 0)

    @property
    def after(self) -> Order:
        """The place right after it."""
        return (self.order[0], self.order[1], 2)
