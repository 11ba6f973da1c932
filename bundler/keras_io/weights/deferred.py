"""Initialise a variable when it is first used: most are given their weights before that, and random numbers take time.

Keras can put off initialising by itself, in a `StatelessScope`; but then what an author's ``build`` assigns is lost.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

from bundler.archive.private_memory import private_memory
from bundler.keras_io import private

_VALUE, _INITIALIZER, _UNREAD = "_value", "_kbundle_initializer", "_kbundle_unread"
#: Bytes from which a value that nobody reads is worth not being made.
_LARGE = 1 << 20
#: The class is everybody's: one load at a time puts it off, and another initialises as ever.
_BUSY = threading.Lock()


@contextlib.contextmanager
def initialised_late() -> Iterator[None]:
    """Put off what the variables that this thread makes in the block are initialised by.

    It is done where the value is first read, and not at all where one is assigned before. At the end of the block every
    variable is initialised.
    """
    cls = private.variable_class()
    if cls is None or not _BUSY.acquire(blocking=False):
        yield
        return
    try:
        with _patched(cls):
            yield
    finally:
        _BUSY.release()


@contextlib.contextmanager
def _patched(cls: Any) -> Iterator[None]:
    tensorflow = importlib.import_module("tensorflow")
    owner = threading.get_ident()
    #: Kept until the end: one that nobody holds any more costs no more than another.
    waiting: list[Any] = []
    initialise: Callable[..., None] = cls._initialize_with_initializer
    assign: Callable[..., None] = cls._direct_assign

    def later(self: Any, initializer: Any) -> None:
        # In a graph the initialiser belongs to it, and under a strategy each device has its own value.
        is_here = threading.get_ident() == owner and tensorflow.executing_eagerly()
        if not is_here or tensorflow.distribute.has_strategy() or _VALUE in vars(self):
            initialise(self, initializer)
            return
        # Frozen later, it is still one that a tape watches once it is thawed.
        vars(self)[_INITIALIZER] = initializer, self._trainable
        waiting.append(self)

    def asked(self: Any, name: str) -> Any:
        if name != _VALUE or _INITIALIZER not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        # Elsewhere a graph is a function of the author's, which runs.
        if not tensorflow.executing_eagerly() and private.asks_for_shapes():
            return _unread(tensorflow, self)
        finish(self)
        return vars(self)[_VALUE]

    def given(self: Any, value: Any) -> None:
        if _INITIALIZER not in vars(self) or not tensorflow.executing_eagerly():
            assign(self, value)
            return
        value = tensorflow.cast(value, self._dtype)
        if (unread := vars(self).pop(_UNREAD, None)) is None:
            with _as_it_was(self):
                self._initialize(value)
        else:
            vars(self)[_VALUE] = unread
            unread.assign(value)
        del vars(self)[_INITIALIZER]

    def finish(self: Any) -> None:
        if _INITIALIZER not in vars(self):
            return
        initializer, _ = vars(self)[_INITIALIZER]
        # The first use may be in a graph; Keras does the same for what it puts off.
        with tensorflow.init_scope():
            if (unread := vars(self).pop(_UNREAD, None)) is None:
                with _as_it_was(self):
                    initialise(self, initializer)
            else:
                vars(self)[_VALUE] = unread
                unread.assign(tensorflow.cast(initializer(self._shape, dtype=self._dtype), self._dtype))
        del vars(self)[_INITIALIZER]

    def reduced(self: Any, protocol: Any) -> Any:
        # A copy of what is put off would be put off for ever.
        finish(self)
        return object.__reduce_ex__(self, protocol)

    cls._initialize_with_initializer, cls._direct_assign = later, given
    cls.__getattr__, cls.__reduce_ex__ = asked, reduced
    try:
        yield
    finally:
        cls._initialize_with_initializer, cls._direct_assign = initialise, assign
        try:
            for variable in waiting:
                finish(variable)
        finally:
            del cls.__getattr__, cls.__reduce_ex__


@contextlib.contextmanager
def _as_it_was(variable: Any) -> Iterator[None]:
    """Let `variable` be trained, or not, as when it was made: TensorFlow keeps what it is told then."""
    now = variable._trainable
    _, vars(variable)["_trainable"] = vars(variable)[_INITIALIZER]
    try:
        yield
    finally:
        vars(variable)["_trainable"] = now


def _unread(tensorflow: Any, variable: Any) -> Any:
    """Return what a graph gets for the value of `variable`: a graph refers to it, and does not run yet.

    Keras draws one to learn the shapes of a layer. The memory is asked for and never touched, so it costs nothing.
    """
    import numpy as np

    found = vars(variable).get(_UNREAD)
    if found is None:
        dtype = tensorflow.as_dtype(variable._dtype)
        size = math.prod(variable._shape) * dtype.size
        with tensorflow.init_scope(), _as_it_was(variable):
            if size >= _LARGE and dtype.is_floating and dtype.size in (4, 8):
                array = np.frombuffer(
                    private_memory(size), count=math.prod(variable._shape), dtype=dtype.as_numpy_dtype
                ).reshape(variable._shape)
                variable._initialize(tensorflow.experimental.dlpack.from_dlpack(array.__dlpack__()))
            else:
                variable._initialize(tensorflow.zeros(variable._shape, dtype))
        found = vars(variable)[_UNREAD] = vars(variable).pop(_VALUE)
    return found
