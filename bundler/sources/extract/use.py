"""Who reads a name, for messages and for the place of what is made for it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from bundler.sources.extract.draft import Order
from bundler.sources.extract.namespace_texts import Unit
from bundler.sources.extract.segments import first_line


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
