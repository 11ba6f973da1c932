"""A module of the host as a bundle's code sees it: every name is looked at when it is first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bundler.namespace.shield import ShieldedModule
from bundler.namespace.source_texts import exact


class View(ShieldedModule):
    """Stands for one module in one bundle.

    It has a dictionary of its own: what the bundle stores to the module stays in here, and nobody else sees it.
    """

    def __init__(
        self,
        name: str,
        doc: str | None,
        *,
        read: Callable[[str], Any],
        names: Callable[[], list[str]],
        public: Callable[[], list[str]],
        hidden: Callable[[str], bool],
    ) -> None:
        """Stand for the module `name`.

        Args:
            name: its dotted name.
            doc: its docstring.
            read: hands out a member.
            names: lists the members.
            public: lists those that a star import brings.
            hidden: says of a name whether it is one that the interpreter gives a module to work with.
        """
        super().__init__(name, doc)
        own = self.__dict__
        # The import system puts these here, and they lead nowhere.
        for made in ("__loader__", "__spec__", "__package__"):
            own.pop(made, None)

        def member(attribute: str) -> Any:
            attribute = exact(attribute)
            if attribute == "__all__":
                return public()
            if attribute == "__path__":
                # A copy: what is added to the list itself is searched by every import of the process.
                return list(read(attribute))
            if hidden(attribute):
                raise AttributeError(f"module {name!r} shows no attribute {attribute!r} to a bundle")
            value = read(attribute)
            own[attribute] = value
            return value

        own["__getattr__"] = member
        own["__dir__"] = names

    def __repr__(self) -> str:
        return f"<module {self.__name__!r} as a bundle sees it>"

    def __copy__(self) -> View:
        return self

    def __deepcopy__(self, memo: Any) -> View:
        return self
