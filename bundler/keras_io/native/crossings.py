"""Where the framework calls what the host has set up, and which folders it lends to the code that it calls.

Private places of Keras and TensorFlow, each behind a check: where one is missing there is no crossing, and what the
host would have been allowed there is asked for instead.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from types import CodeType, FrameType, FunctionType
from typing import Any

from bundler.keras_io.framework import keras
from bundler.namespace import Crossing, always, namespace_of


def crossings() -> tuple[Crossing, ...]:
    """Return the functions of the framework above which the host acts, whoever called them.

    A callback that the host passed to ``fit`` may write files, also where the bundle overrides ``fit``. Autograph
    writes the code that it makes of a function to a file of its own, and imports it.
    """
    found = [Crossing(code=code, crosses=_calls_hosts_callback) for code in _methods("callbacks", "CallbackList")]
    own_files = (
        getattr(_module("tensorflow.python.autograph.pyct.loader"), "load_source", None),
        # The counter that the workers of a `PyDataset` share lies in a file without a name.
        getattr(
            getattr(_module("keras.src.trainers.data_adapters.py_dataset_adapter"), "PyDatasetEnqueuer", None),
            "__init__",
            None,
        ),
    )
    found += [Crossing(code=item.__code__, crosses=always) for item in own_files if isinstance(item, FunctionType)]
    return tuple(found)


def lenders() -> Iterator[tuple[CodeType, Callable[[FrameType], str | None]]]:
    """Yield the functions of Keras that hand a folder to `save_assets` or `load_assets`, and what tells which."""
    library = _module("keras.src.saving.saving_lib")
    store = getattr(library, "DiskIOStore", None)
    for name in ("_save_state", "_load_state"):
        function = getattr(library, name, None)
        if isinstance(function, FunctionType) and isinstance(store, type):
            yield function.__code__, lambda frame: _asset_folder(frame, store)


def deputies() -> Iterator[tuple[FunctionType, Callable[[FrameType], object]]]:
    """Yield the functions of Keras that do what an object's config says, and what tells for which object.

    The host rebuilds a bundle's model from what `get_config` of the bundle returns: which files a layer reads for its
    vocabulary, which code a `Lambda` has, is then the bundle's choice and not the host's.
    """
    saveable = getattr(_module("keras.src.saving.keras_saveable"), "KerasSaveable", None)
    found = {id(item): item for kind in _below(saveable) for item in _defined(kind, _REBUILDING)}
    for item in found.values():
        function = getattr(item, "__func__", item)
        if isinstance(function, FunctionType):
            yield function, _first_argument
    # What it unmarshals has the names of its module: that one is looked at closely too.
    loads = getattr(_module("keras.src.utils.python_utils"), "func_load", None)
    loads = getattr(loads, "__wrapped__", loads)
    if isinstance(loads, FunctionType):
        yield loads, lambda _: None
    adapter = _module("keras.src.trainers.data_adapters.py_dataset_adapter")
    for name in ("PyDatasetEnqueuer", "OrderedEnqueuer"):
        for item in vars(getattr(adapter, name, object)).values():
            # Not the counter that `__init__` makes, whether or not the workers are processes.
            if isinstance(item, FunctionType) and item.__name__ != "__init__":
                yield item, _dataset


_REBUILDING = ("from_config", "compile_from_config", "build_from_config")


def _defined(kind: type, names: tuple[str, ...]) -> list[Any]:
    return [vars(base)[name] for base in kind.__mro__ for name in names if name in vars(base)]


def _below(kind: Any) -> list[type]:
    below: list[type] = [] if kind is None else [kind]
    for derived in () if kind is None else kind.__subclasses__():
        below += _below(derived)
    return below


def _first_argument(frame: FrameType) -> object:
    return frame.f_locals.get(frame.f_code.co_varnames[0])


def _dataset(frame: FrameType) -> object:
    # Its workers run as processes where the data set says so.
    found = frame.f_locals.get("py_dataset")
    return getattr(frame.f_locals.get("self"), "py_dataset", None) if found is None else found


def _asset_folder(frame: FrameType, store: type) -> str | None:
    assets = frame.f_locals.get("assets_store")
    # A subclass could name any folder.
    return str(getattr(assets, "working_dir", "")) or None if type(assets) is store else None


def _calls_hosts_callback(frame: FrameType, inner: FrameType | None) -> bool:  # noqa: ARG001 - a `Crosses`
    """Say whether the frame that `CallbackList` called is a method of a callback, not a function put in its place.

    A callback of the bundle's own class has its own frame, nearer than this one.
    """
    if inner is None:
        return False
    callback = inner.f_locals.get("self")
    base = keras().callbacks.Callback
    # A class of a bundle's may derive from one that writes.
    own = any(namespace_of(str(kind.__module__)) is not None for kind in type(callback).__mro__)
    if own or not isinstance(callback, base):
        return False
    kind = type(callback)
    if kind.__module__.startswith("keras.") and kind.__name__ not in _WRITERS:
        return False  # It calls what it was given, which has a frame of its own where it is the host's.
    name = inner.f_code.co_name
    return any(getattr(vars(kind).get(name), "__code__", None) is inner.f_code for kind in type(callback).__mro__)


#: Callbacks of Keras that write by themselves.
_WRITERS = frozenset({"ModelCheckpoint", "CSVLogger", "BackupAndRestore", "TensorBoard", "RemoteMonitor"})


def _methods(module: str, name: str) -> list[CodeType]:
    kind = getattr(getattr(keras(), module), name, None)
    return [item.__code__ for item in vars(kind).values() if isinstance(item, FunctionType)] if kind else []


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
