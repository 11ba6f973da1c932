"""A module of the host as a bundle's code sees it: every name is looked at when it is first read."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

#: Names that the interpreter gives a module, and that say nothing about it but what everybody may know.
_TELLING = frozenset({"__name__", "__doc__", "__file__", "__version__", "__package__", "__author__", "__all__"})


class View(ModuleType):
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
    ) -> None:
        """Stand for the module `name`, whose members `read` hands out; a star import brings those of `public`."""
        super().__init__(name, doc)
        own = self.__dict__
        # The import system puts these here, and they lead nowhere.
        for made in ("__loader__", "__spec__", "__package__"):
            own.pop(made, None)

        def member(attribute: str) -> Any:
            if attribute.startswith("__") and attribute.endswith("__"):
                if attribute == "__all__":
                    return public()
                if attribute not in _TELLING:
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
