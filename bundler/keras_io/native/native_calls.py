"""Pass-through wrappers that announce a call, and putting them where every Python path finds them."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from bundler.keras_io.native.native_entries import NativeEntry

_ROOTS = frozenset({"tensorflow", "keras", "tf_keras", "h5py", "tensorboard"})
_PATTERN = frozenset("*?[\\{")

#: Say that something is about to happen: the capability, what, the path and ``r`` or ``w`` where they are known.
Tell = Callable[[str, str, str | None, str | None], None]


def teller() -> Tell:
    """Return the function that raises the audit event. It holds `sys.audit` as it is now."""
    audit = sys.audit

    def tell(capability: str, what: str, path: str | None, mode: str | None) -> None:
        audit("kbundle.native", capability, what, path, mode)

    return tell


def exact(value: object) -> str | None:
    """Return the text that C code sees in a `str` or `bytes`, whatever a subclass says; nothing for other values."""
    if isinstance(value, str):
        text = str.__str__(value)
    elif isinstance(value, bytes):
        text = bytes.decode(value, "utf-8", "surrogateescape")
    else:
        return None
    return text.partition("\0")[0]


def local_path(value: object) -> tuple[str | None, bool]:
    """Return the path of this machine that a path of TensorFlow is, or nothing, and whether it is on a network."""
    text = exact(value)
    if text is None:
        return None, False
    scheme, mark, rest = text.partition("://")
    if not mark or not scheme.replace(".", "").isalnum():
        return text, False
    if scheme == "file":
        return rest[rest.find("/") :] if "/" in rest else None, False
    return None, scheme != "ram"


def dress(wrapper: Callable[..., Any], original: Any) -> Callable[..., Any]:
    """Give a wrapper the name and documentation of what it stands for, and nothing that leads there."""
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(wrapper, name, getattr(original, name, None) or getattr(wrapper, name))
    return wrapper


def announce(tell: Tell, name: str, entry: NativeEntry, arguments: tuple[Any, ...], given: dict[str, Any]) -> None:
    """Raise the events of one call."""
    for position, mode in entry.paths:
        value = None
        if position is not None:
            # A path that is given by its name is the first thing that is given so.
            rest = position - len(arguments)
            value = arguments[position] if rest < 0 else next(iter(list(given.values())[rest:]), None)
        path, remote = local_path(value)
        if path is not None and name == "GetMatchingFiles" and _PATTERN & set(path):
            path = None  # The pattern may leave the folder that it begins with.
        shown = "" if exact(value) is None else f" ({exact(value)!r})"
        tell("network" if remote else entry.capability, f"TensorFlow's {name}{shown}", path, mode)


def announced(look: Callable[..., None]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what makes of a function one that first hands its arguments to `look`, which raises the events."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **given: Any) -> Any:
            look(*arguments, **given)
            return original(*arguments, **given)

        return dress(call, original)

    return make


def looking(tell: Tell, name: str, entry: NativeEntry, *, skip: int = 0) -> Callable[..., None]:
    """Return what raises the events of an entry; the first `skip` arguments (``self``) are none of it."""
    return lambda *arguments, **given: announce(tell, name, entry, arguments[skip:], given)


class Replacements:
    """What is to be replaced, and then is, under every name that a module of the framework has for it."""

    def __init__(self) -> None:
        self._by_id: dict[int, tuple[Any, Any]] = {}
        self.missing: list[str] = []

    def module(self, name: str) -> ModuleType | None:
        """Import a module of C; one that this version lacks is noted."""
        try:
            return importlib.import_module(name)
        except (ImportError, RuntimeError):  # The latter of the stubs that stand for C modules of TensorFlow Lite.
            # A submodule that C made is in no finder.
            parent, _, last = name.rpartition(".")
            found = getattr(sys.modules.get(parent), last, None)
            if isinstance(found, ModuleType):
                return found
        self.missing.append(name)
        return None

    def add(self, module: ModuleType, name: str, make: Callable[[Any], Any]) -> None:
        """Replace a function by what `make` makes of it."""
        original = getattr(module, name, None)
        if original is None:
            self.missing.append(f"{module.__name__}.{name}")
            return
        if id(original) in self._by_id:
            return
        replacement = make(original)
        self._by_id[id(original)] = (original, replacement)
        setattr(module, name, replacement)

    def entries(self, tell: Tell, table: dict[str, dict[str, NativeEntry]]) -> None:
        """Replace what a table lists."""
        for module_name, names in table.items():
            module = self.module(module_name)
            for name, entry in names.items() if module else ():
                owner_name, _, method = name.partition(".")
                owner = getattr(module, owner_name, None)
                if isinstance(owner, type):
                    method = method or "__init__"
                    if hasattr(owner, method):
                        # The class stays what it is.
                        make = announced(looking(tell, name, entry, skip=1))
                        setattr(owner, method, make(getattr(owner, method)))
                    else:
                        self.missing.append(f"{module_name}.{name}")
                else:
                    assert module is not None  # noqa: S101 - the loop has no turns otherwise
                    self.add(module, name, announced(looking(tell, name, entry)))

    def apply(self) -> None:
        """Put every replacement where something has the original by name.

        These are modules that took it with ``from ... import``, and the copy of a C module's names that the
        interpreter keeps: loading the module again would bring the originals back from there, and no event tells of it.
        Only the collector knows where that copy is, and it does not look among frozen objects.
        """
        spaces = [
            ModuleType.__getattribute__(module, "__dict__")
            for name, module in list(sys.modules.items())
            if name.partition(".")[0] in _ROOTS and isinstance(module, ModuleType)
        ]
        frozen = gc.get_freeze_count() > 0
        if frozen:
            gc.unfreeze()
        found = gc.get_referrers(*(original for original, _ in self._by_id.values()))
        if frozen:
            gc.freeze()
        for space in [*spaces, *(holder for holder in found if type(holder) is dict)]:
            for key, value in list(space.items()):
                pair = self._by_id.get(id(value))
                if pair is not None and pair[0] is value:
                    space[key] = pair[1]
