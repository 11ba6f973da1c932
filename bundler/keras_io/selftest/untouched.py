"""Run a model's code and put everything back bit for bit: variables, attributes, lists, process-wide states.

A copy of the author's model would not do for this: copies are made of the config, and are as different from the
model as what comes out of a bundle.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from types import FunctionType, MethodType, ModuleType
from typing import Any

from bundler.keras_io.framework import keras
from bundler.keras_io.held import content_of
from bundler.keras_io.process_state import kept_process_state
from bundler.keras_io.program.below import HOLDERS

_PLAIN = (str, bytes, int, float, complex, type, ModuleType)


@contextlib.contextmanager
def untouched(model: Any, modules: Iterable[ModuleType] = (), *, numbers_only: bool = False) -> Iterator[None]:
    """Put back after the block what code may have changed: below `model`, and in the globals of its code.

    These are the globals of `modules` and of the modules that the classes of its objects are in: names, lists,
    dictionaries, settings. What else hangs on them may be anything, a running thread or an open file.

    With `numbers_only` objects keep what they were given: a graph that is traced meanwhile holds on to variables that a
    layer makes in its first call.

    TensorFlow gives the value of a variable as a tensor that shares its memory, and takes new memory only for a
    variable that is assigned to meanwhile.
    """
    tf = importlib.import_module("tensorflow")
    undo: list[Callable[[], Any]] = []
    keep: list[Any] = []
    for value in _everything(model, modules):
        keep.append(value)
        if isinstance(value, keras().Variable):
            undo.append(_assign(value, tf.convert_to_tensor(value.value)))
        elif isinstance(value, tf.Variable):
            undo.append(_assign(value, tf.convert_to_tensor(value)))
        elif numbers_only:
            continue
        elif (kind := _container(value)) is not None:
            undo.append(_refill(kind, value, list(value.items()) if kind is dict else list(value)))
        elif hasattr(value, "__dict__"):
            undo.append(_attributes(vars(value), dict(vars(value))))
    # What is traced must not draw the very numbers that the model draws when it is compared.
    with contextlib.nullcontext() if numbers_only else kept_process_state():
        try:
            yield
        finally:
            for put_back in undo:
                put_back()


def _container(value: Any) -> Any:
    """Return the kind of a container that can change; what only says that it is one (a proxy) has none.

    Nor has what the whole process runs by: the built-ins, which a module may keep in a table, are empty for a moment
    where they are filled again, and nothing works any more.
    """
    if type(value) is dict and (value is vars(builtins) or value is sys.modules or "__builtins__" in value):
        return None
    return next((kind for kind in (dict, list, set, deque) if issubclass(type(value), kind)), None)


def _assign(variable: Any, value: Any) -> Callable[[], Any]:
    return lambda: variable.assign(value)


def _refill(kind: Any, container: Any, content: Any) -> Callable[[], Any]:
    def put_back() -> None:
        # Past the methods of Keras's own containers, which refuse or track.
        kind.clear(container)
        (kind.extend if kind in (list, deque) else kind.update)(container, content)

    return put_back


def _attributes(attributes: MutableMapping[str, Any], before: dict[str, Any]) -> Callable[[], Any]:
    def put_back() -> None:
        for name in [name for name in attributes if name not in before]:
            del attributes[name]
        attributes.update(before)

    return put_back


def _everything(model: Any, modules: Iterable[ModuleType]) -> Iterator[Any]:
    tf = importlib.import_module("tensorflow")
    variables = (keras().Variable, tf.Variable)
    seen: set[int] = set()
    stack: list[Any] = [model]
    code = {module.__name__: module for module in modules}
    while stack:
        value = stack.pop()
        if value is None or isinstance(value, _PLAIN) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, variables):
            yield value
        elif any(base.__module__.partition(".")[0] == "wrapt" for base in type(value).__mro__):
            # TensorFlow keeps lists and dictionaries on layers in such wrappers.
            stack.append(value.__wrapped__)
        elif (kind := _container(value)) is not None:
            yield value
            stack.extend(value.values() if kind is dict else value)
            # TensorFlow's own lists keep what they hold in another list.
            stack.append(getattr(value, "_storage", None))
        elif isinstance(value, tuple | frozenset):
            stack.extend(value)
        elif isinstance(value, tf.random.Generator):
            stack.append(value.state)
        elif isinstance(value, FunctionType):
            named = (value.__globals__.get(name) for name in value.__code__.co_names)
            # What a closure counts with; of globals the variables, and the rest where the module is asked for.
            stack += [
                *map(content_of, value.__closure__ or ()),
                *(item for item in named if isinstance(item, variables)),
            ]
        elif isinstance(value, MethodType):
            stack += [value.__self__, value.__func__]
        elif _has_state(value):
            yield value
            stack.extend(vars(value).values())
            place = type(value).__module__
            if place.partition(".")[0] != "keras" and place in sys.modules:
                code.setdefault(place, sys.modules[place])
    for module in code.values():
        yield module
        yield from _settings(module, seen)


def _settings(module: ModuleType, seen: set[int]) -> Iterator[Any]:
    """Yield what can change in the globals of `module`, without its objects."""
    stack = [value for name, value in vars(module).items() if not name.startswith("__")]
    while stack:
        value = stack.pop()
        kind = _container(value)
        if id(value) in seen or not (kind is not None or isinstance(value, HOLDERS)):
            continue
        seen.add(id(value))
        yield value
        stack.extend(list(value.values() if kind is dict else value if kind is not None else vars(value).values()))


def _has_state(value: Any) -> bool:
    root = type(value).__module__.partition(".")[0]
    if not hasattr(value, "__dict__") or root in ("tensorflow", "numpy", "bundler"):
        return False
    return root not in sys.stdlib_module_names - {"__main__", "argparse", "types"}
