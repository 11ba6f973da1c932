"""What stands in a bundle for a power of somebody else's module: a tagged function, or a stub.

Code of the bundle has its own frame on the stack while it calls a power, and the hook sees that. A power that it hands
on (``Thread(target=os.remove)``, ``call = os.system`` in a class) is called from frames of others. So no power is
handed out as it is:

* A function whose effects the hook sees comes *tagged*: in a function that runs with the bundle's builtins, so that the
  hook takes it for the bundle's code wherever it is called.
* Everything else is a *stub*: it may be named, imported, compared, annotated with and derived from, and asks the guard
  whenever it is used, so that it opens when the bundle is loaded again with more words.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType, GeneratorType
from typing import Any, Union

from bundler.errors import RebuildFailed
from bundler.namespace.guard import Guard

_TAG = compile(
    """
def tag(power, lazy):
    def later(steps):
        yield from steps
    def call(*args, **kwargs):
        result = power(*args, **kwargs)
        return later(result) if lazy(result) else result
    return call
""",
    "<kbundle: a function that the bundle handed on>",
    "exec",
    dont_inherit=True,
)
#: Kept off every tag: these lead to the function itself, or make a caller look at it.
_SHOWN = ("__name__", "__qualname__", "__doc__", "__module__")


def tagger(guard: Guard) -> Callable[[Any], Any]:
    """Return what tags functions for the code that `guard` holds; its `builtins` are set already."""
    space: dict[str, Any] = {"__builtins__": guard.builtins, "__name__": ""}
    exec(_TAG, space)  # noqa: S102 - the text is ours; it must run with the bundle's builtins
    make = space["tag"]

    def tagged(power: Any) -> Any:
        # A generator acts when somebody iterates over it, and then the frame of the call is gone.
        call = make(power, lambda result: isinstance(result, GeneratorType))
        # A function of C does not bind to the object that it is found on, and neither must its tag.
        tag = call if isinstance(power, FunctionType) else functools.partial(call)
        for function in {call, tag}:
            for name in _SHOWN:
                value = getattr(power, name, None)
                if isinstance(value, str):
                    setattr(function, name, value)
            # Autograph would look for the source of the tag, and compile it anew with other builtins.
            function.autograph_info__ = {}
        return tag

    return tagged


class Stub:
    """A power that nobody has accepted yet, under the name of its module."""

    def __init__(self, path: str, use: Callable[[str], Any], is_kind: Callable[[Any, bool], bool]) -> None:
        """Stand for the power at `path`.

        Args:
            path: its dotted name.
            use: asks the guard, with what is done, and returns the power.
            is_kind: ``isinstance`` (or, with `True`, ``issubclass``) of something and the power.
        """
        module, _, name = path.rpartition(".")
        for attribute, value in (
            ("__module__", module),
            ("__name__", name),
            ("__qualname__", name),
            ("__doc__", None),
            ("_use", use),
            ("_is", is_kind),
            ("_base", None),
        ):
            object.__setattr__(self, attribute, value)

    def __repr__(self) -> str:
        return f"<{self.__module__}.{self.__name__}, which asks for consent when it is used>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the power, if the guard lets it."""
        return self._use("calls")(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        use = self._use
        return Stub(
            f"{self.__module__}.{self.__name__}.{name}",
            lambda how: getattr(use(f"{how} {name} of"), name),
            lambda _, __: False,
        )

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._use(f"stores {name} to"), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._use(f"removes {name} of"), name)

    def __getitem__(self, key: Any) -> Any:
        # Popen[bytes] in an annotation names a class; on data it is a look.
        return self if isinstance(key, type | tuple | str | Stub) else self._use("reads")[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._use("stores to")[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._use("removes from")[key]

    def __iter__(self) -> Any:
        return iter(self._use("reads"))

    def __len__(self) -> int:
        return len(self._use("reads"))

    def __contains__(self, item: object) -> bool:
        return item in self._use("reads")

    def __fspath__(self) -> str:
        return str(self._use("reads"))

    def __enter__(self) -> Any:
        return self._use("enters").__enter__()

    def __exit__(self, *args: Any) -> Any:
        return self._use("leaves").__exit__(*args)

    def __or__(self, other: Any) -> Any:
        return Union[self, other]  # noqa: UP007 - the operator is this very method

    def __ror__(self, other: Any) -> Any:
        return Union[other, self]  # noqa: UP007

    def __instancecheck__(self, instance: Any) -> bool:
        return bool(self._is(instance, False))

    def __subclasscheck__(self, subclass: Any) -> bool:
        return bool(self._is(subclass, True))

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        """Derive from the power where it was accepted, else from a class that nobody can make an object of."""
        if self._base is None:
            object.__setattr__(self, "_base", _base(self))
        return (self._base,)

    def __reduce__(self) -> Any:
        raise TypeError(f"{self!r} cannot be pickled or copied as a value")

    def __copy__(self) -> Stub:
        return self

    def __deepcopy__(self, memo: Any) -> Stub:
        return self


class ValueStub(Stub):
    """A value that nobody has accepted to be read, such as ``sys.prefix``: what asks for its text asks the guard."""

    def __str__(self) -> str:
        return str(self._use("reads"))

    def __format__(self, spec: str) -> str:
        return format(self._use("reads"), spec)

    def __eq__(self, other: object) -> bool:
        return bool(self._use("reads") == other)

    def __bool__(self) -> bool:
        return bool(self._use("reads"))

    def __add__(self, other: Any) -> Any:
        return self._use("reads") + other

    __hash__ = Stub.__hash__


def _base(stub: Stub) -> type:
    use, name = stub._use, stub.__name__

    def new(cls: type, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG001 - a `__new__`
        use("makes an object of")
        raise RebuildFailed(
            f"{cls.__qualname__} derives from {name}, which was closed when its module was imported",
            hint="load the bundle with the same words in a fresh process",
        )

    return type(name, (), {"__new__": new, "__module__": stub.__module__})
