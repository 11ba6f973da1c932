"""A generated module while it is put together, and its text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bundler.sources.extract.constant_values import interchangeable

#: Text, line: where an item stood; items that have no text of their own stand right before their first user.
Order = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Item:
    """One statement of a generated module.

    Attributes:
        names: what it binds.
        text: its source, at the left margin, without a final line end.
        order: where it stood.
        is_import: it belongs to the head of the module.
        is_definition: blank lines go around it.
        at_once: the names that it reads when it runs.
        every: all names that it, or the functions in it, read.
    """

    names: tuple[str, ...]
    text: str
    order: Order
    is_import: bool = False
    is_definition: bool = False
    at_once: frozenset[str] = frozenset()
    every: frozenset[str] = frozenset()


@dataclass(kw_only=True, slots=True, eq=False)
class Draft:
    """One module in the making.

    `bound` has the value that each of its names stands for; `promised` what its definitions read, builtins included,
    also where the statement that binds it is still to come.
    """

    name: str
    docstring: str
    reason: str
    bound: dict[str, object] = field(default_factory=dict)
    promised: dict[str, object] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    lazy_annotations: bool = False
    #: The names of the other generated modules that it imports from.
    imports_from: set[str] = field(default_factory=set)
    #: Arrays that its text reads from the file beside it, by name.
    arrays: dict[str, Any] = field(default_factory=dict)

    def takes(self, name: str, value: object) -> bool:
        """Say whether `name` can stand for `value` here, beside what the module has and what it was promised."""
        return all(name not in names or interchangeable(names[name], value) for names in (self.bound, self.promised))

    def add(self, item: Item) -> None:
        """Take a statement in, once."""
        if all((other.order, other.text) != (item.order, item.text) for other in self.items):
            self.items.append(item)

    def text(self) -> str:
        """Return the module: docstring, imports, then the rest in its own order, each after what it needs."""
        head = [f'"""{self.docstring}"""']
        if self.lazy_annotations:
            head += ["", "from __future__ import annotations"]
        imports = sorted((item for item in self.items if item.is_import), key=lambda item: item.order)
        if imports:
            head.append("")
            for text in dict.fromkeys(item.text for item in imports):
                apart = "\n" in text or "\n" in head[-1]
                head += ["", text] if apart and head[-1] else [text]
        parts = ["\n".join(head)]
        before: Item | None = None
        for item in self._sorted(item for item in self.items if not item.is_import):
            wide = item.is_definition or before is None or before.is_definition
            if wide and not (before is None and not item.is_definition):
                parts.append("\n\n\n")
            elif before is None:
                parts.append("\n\n")
            else:
                parts.append("\n")
            parts.append(item.text)
            before = item
        return "".join(parts) + "\n"

    def _sorted(self, items: Iterable[Item]) -> list[Item]:
        ordered = sorted(items, key=lambda item: item.order)
        by_name = {name: item for item in ordered for name in item.names}
        done: dict[int, Item] = {}
        seen: set[tuple[int, bool]] = set()

        def place(item: Item, *, called: bool) -> None:
            """Place `item`; one that is called at once needs all names that its functions read, too."""
            if (id(item), called) in seen:
                return
            seen.add((id(item), called))
            for name in sorted(item.at_once, key=lambda name: by_name[name].order if name in by_name else item.order):
                if name in by_name and by_name[name] is not item:
                    place(by_name[name], called=True)
            # A constant that was set later reads better above the first definition that uses it.
            for name in sorted(item.every & set(by_name), key=lambda name: by_name[name].order):
                if not by_name[name].is_definition and not by_name[name].at_once & set(by_name):
                    place(by_name[name], called=False)
            if id(item) not in done:
                done[id(item)] = item
            if called:
                for name in sorted(item.every):
                    if name in by_name and by_name[name] is not item:
                        place(by_name[name], called=True)

        for item in ordered:
            place(item, called=False)
        return list(done.values())
