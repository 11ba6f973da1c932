"""Holds a bundle's code, while it runs, to what its audit read in it and its user accepted.

The audit has refused every import and builtin that it could see before anything ran. This is for the ones that it
could not: code that comes to a name by a way nobody foresaw gets an error that says which capability it wanted. It
is hygiene, not a wall: whoever reaches an object of the interpreter gets past it. The wall is a process of its own.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from bundler.errors import ConsentRequired


@dataclass(eq=False, kw_only=True)
class Guard:
    """What the code of one bundle may import and call by name.

    Attributes:
        import_capability: the capability that importing a module takes, by its full name; `None` for none.
        builtin_capability: the same for a builtin function.
        allowed: the capabilities that were accepted; grows when the bundle is loaded again with more.
    """

    import_capability: Callable[[str], str | None]
    builtin_capability: Callable[[str], str | None]
    allowed: set[str] = field(default_factory=set)

    def check_import(self, name: str, parts: Iterable[str] = ()) -> None:
        """Refuse the import of the host's module `name`, or of `parts` of it, if nobody accepted what that takes.

        Raises:
            ConsentRequired: it takes a capability that was not accepted.
        """
        for full_name in (name, *(f"{name}.{part}" for part in parts)):
            word = self.import_capability(full_name)
            if word is not None and word not in self.allowed:
                self._refuse(word, f"the bundle's code imports {full_name} while it runs")

    def builtins(self) -> dict[str, Any]:
        """Return the builtins as the bundle's code sees them now."""
        seen = dict(vars(builtins))
        for name in self._guarded():
            word = self.builtin_capability(name)
            if word is not None and word not in self.allowed:
                seen[name] = self._refusal(name, word)
        return seen

    def accept(self, words: Iterable[str], seen: dict[str, Any]) -> None:
        """Accept `words` too; `seen` are the builtins that the code has, whose functions hold on to this very dict."""
        self.allowed.update(words)
        for name in self._guarded():
            if self.builtin_capability(name) in self.allowed:
                seen[name] = getattr(builtins, name)

    def _guarded(self) -> list[str]:
        # Names with underscores are the interpreter's: a class statement calls __build_class__.
        return [name for name in vars(builtins) if not name.startswith("_")]

    def _refusal(self, name: str, word: str) -> Callable[..., NoReturn]:
        def refused(*args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG001 - the call of any builtin
            self._refuse(word, f"the bundle's code calls {name} while it runs")

        return refused

    def _refuse(self, word: str, reason: str) -> NoReturn:
        raise ConsentRequired([word], [f"{word}: {reason}"], allow=sorted(self.allowed))
