"""Does with a module all that a host does with a bundle's code, and swallows whatever it raises."""

from __future__ import annotations

import atexit
import copy
import functools
import gc
import inspect
import logging
import pickle
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bundler.errors import AuditRefused, ConsentRequired
from tests.confined.cell import SCRATCH
from tests.confined.witness import HOST_LOG

_LIMIT_S = 40
_KERAS = (keras.layers.Layer, keras.losses.Loss, keras.metrics.Metric, keras.callbacks.Callback)
_SETTINGS = (
    keras.initializers.Initializer,
    keras.regularizers.Regularizer,
    keras.constraints.Constraint,
    keras.optimizers.Optimizer,
    keras.optimizers.schedules.LearningRateSchedule,
)
_ARGUMENTS: tuple[tuple[Any, ...], ...] = ((), (4,), ("relu",), (4, 4), ("x", 4), ([],), ({},))


def host() -> None:
    """Set up what a host has: a log file, whose handler nobody else should write elsewhere with."""
    logging.getLogger().addHandler(logging.FileHandler(HOST_LOG, delay=True))


class User:
    """Uses modules, and keeps what was refused, raised and returned."""

    def __init__(self, prefix: str) -> None:
        self.refused: list[str] = []
        self.raised: list[str] = []
        self.returned: list[Any] = []
        self._prefix = prefix
        self._end = time.monotonic() + _LIMIT_S
        self._done: set[int] = set()
        self._exported = False
        self._x = np.ones((2, 4), "float32")
        self._tensor = tf.constant(self._x)

    def step(self, what: str, function: Callable[[], Any]) -> Any:
        """Call `function`; return what it returns, or `None` where it raises."""
        if time.monotonic() > self._end:
            return None
        try:
            result = function()
        except BaseException as error:
            text = f"{what}: {type(error).__name__}: {_message(error)}"[:300]
            (self.refused if _refusal(error) else self.raised).append(text)
            self.returned.append(error)
            return None
        self.returned.append(result)
        return result

    def module(self, module: types.ModuleType) -> None:
        """Use all that `module` has."""
        for name, value in list(vars(module).items()):
            # What a module keeps under a private name no host uses by itself.
            if not name.startswith("_") or name in ("__getattr__", "__dir__"):
                self.value(name, value)
        self.step("dir", lambda: dir(module))
        self.step("getattr", lambda: module.no_such_name)

    def briefly(self, module: types.ModuleType) -> None:
        """Use what `module` has under the three names of `tests.confined.attacks`."""
        held = vars(module)
        if "layer" in held:
            self.step("layer called", lambda: held["layer"](self._x))
        if "f" in held:
            self.step("f traced", lambda: tf.function(held["f"])(self._tensor))
            dataset = tf.data.Dataset.from_tensor_slices(self._x)
            self.step("f mapped", lambda: list(dataset.map(held["f"]).take(1)))
        if "a" in held:
            self.step("a shown", lambda: repr(held["a"]))
            self.step("a copied", lambda: copy.deepcopy(held["a"]))
            self.step("a let go", lambda: held.pop("a") and None)

    def value(self, name: str, value: Any, depth: int = 0) -> None:
        """Use one value, whatever it is; what others made is not used by itself."""
        if id(value) in self._done or depth > 3:
            return
        self._done.add(id(value))
        if isinstance(value, type):
            if self._own(value):
                self._class(name, value, depth)
        elif isinstance(value, types.FunctionType):
            if self._own(value):
                self._function(name, value)
        elif isinstance(value, functools.partial | types.MethodType | tf.types.experimental.PolymorphicFunction):
            self._function(name, value)
        elif isinstance(value, types.GeneratorType | Iterator):
            self.step(f"{name} iterated", lambda: [item for _, item in zip(range(5), value, strict=False)])
        elif isinstance(value, types.CoroutineType):
            self.step(f"{name} awaited", lambda: value.send(None))
        elif type(value) in (list, tuple, set, frozenset):
            for number, item in enumerate(list(value)[:8]):
                self.value(f"{name}[{number}]", item, depth + 1)
        elif type(value) is dict:
            for key, item in list(value.items())[:8]:
                self.value(f"{name}[{key!r}]"[:60], item, depth + 1)
        elif isinstance(value, tf.data.Dataset):
            self.step(f"{name} iterated", lambda: list(value.take(3)))
        elif isinstance(value, types.ModuleType):
            return
        elif isinstance(value, (*_KERAS, *_SETTINGS)) or self._own(type(value)):
            self._instance(name, value, depth)

    def end(self) -> None:
        """Let go of everything, as a process that ends does."""
        self.step("collected", gc.collect)
        self.step("exit handlers", atexit._run_exitfuncs)
        self.step("collected", gc.collect)

    def _own(self, thing: Any) -> bool:
        return str(getattr(thing, "__module__", "")).startswith((self._prefix, "pack", "__main__"))

    # Functions

    def _function(self, name: str, function: Any) -> None:
        for arguments in self._guesses(function):
            result = self.step(f"{name}()", lambda arguments=arguments: function(*arguments))
            if isinstance(result, types.GeneratorType | types.CoroutineType | types.FunctionType | functools.partial):
                self.value(f"{name}()", result, 2)
        self.step(f"{name} traced", lambda: tf.function(function)(self._tensor))
        self.step(f"{name} traced without arguments", lambda: tf.function(function)())
        dataset = tf.data.Dataset.from_tensor_slices(self._x)
        self.step(f"{name} mapped", lambda: list(dataset.map(function).take(1)))
        self.step(f"{name} as py_function", lambda: tf.py_function(function, [self._tensor], tf.float32))
        layer = self.step(f"{name} as a lambda", lambda: keras.layers.Lambda(function))
        if layer is not None:
            self.step(f"{name} as a lambda", lambda: layer(self._x))
        self.step(f"{name} copied", lambda: copy.deepcopy(function))
        self.step(f"{name} pickled", lambda: pickle.dumps(function))
        self.step(f"{name} as an activation", lambda: keras.layers.Dense(2, activation=function)(self._x))
        self.step(f"{name} shown", lambda: (repr(function), inspect.getdoc(function)))
        self.step(f"{name} signature", lambda: inspect.signature(function))

    def _guesses(self, function: Any) -> Iterator[tuple[Any, ...]]:
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except BaseException:
            yield ()
            yield (self._tensor,)
            return
        needed = [
            p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        yield tuple(self._guess(p.name) for p in needed)
        if needed:
            yield (self._tensor,) * len(needed)
            yield ("/etc/passwd",) * len(needed)
            yield tuple("/tmp/x" if index else self._guess("model") for index in range(len(needed)))

    def _guess(self, name: str) -> Any:
        try:
            return self._argument(name)
        except Exception:  # The module may have broken the framework.
            return self._tensor

    def _argument(self, name: str) -> Any:
        if name in ("n", "name", "attr", "key"):
            return "__globals__"
        if name in ("layer", "l"):
            return keras.layers.StringLookup()
        if name in ("model", "m"):
            return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        if name in ("config", "cfg"):
            return {"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}, "module": "keras.layers"}
        if name in ("t", "text", "s"):
            return "{0.__class__}"
        if name in ("p", "path", "file"):
            return "/etc/passwd"
        if name in ("k", "kwargs"):
            return {"output_stream": "file:///tmp/x"}
        if name in ("o", "g", "f"):
            return print
        return self._tensor

    # Classes and instances

    def _class(self, name: str, cls: type, depth: int) -> None:
        is_keras = issubclass(cls, (*_KERAS, *_SETTINGS))
        made = None
        for arguments in _ARGUMENTS if is_keras else (*_ARGUMENTS, tuple(self._signature(cls))):
            made = self.step(f"{name}{arguments}"[:80], lambda arguments=arguments: cls(*arguments))
            if made is not None:
                break
        if made is None and is_keras:
            made = self.step(f"{name}(**)", lambda: cls(units=4, name="made"))
        self.step(f"{name} shown", lambda: (repr(cls), str(cls), inspect.getdoc(cls)))
        if made is not None:
            self._done.add(id(made))
            self._instance(name, made, depth)
        elif not is_keras:
            for key, item in list(vars(cls).items()):
                if isinstance(item, types.FunctionType):
                    self.step(f"{name}.{key}", lambda item=item: item(cls))

    def _signature(self, cls: type) -> Iterator[Any]:
        try:
            for parameter in inspect.signature(cls).parameters.values():
                if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                    yield self._guess(parameter.name)
        except BaseException:
            return

    def _instance(self, name: str, made: Any, depth: int) -> None:
        if isinstance(made, keras.Model):
            self._model(name, made)
        elif isinstance(made, keras.layers.Layer):
            self._layer(name, made)
        elif isinstance(made, keras.losses.Loss):
            self._fit(name, loss=made)
        elif isinstance(made, keras.metrics.Metric):
            self._fit(name, metrics=[made])
        elif isinstance(made, keras.callbacks.Callback):
            self._fit(name, callbacks=[made])
        elif isinstance(made, keras.optimizers.Optimizer):
            self._fit(name, optimizer=made)
        elif isinstance(made, keras.optimizers.schedules.LearningRateSchedule):
            self._fit(name, optimizer=keras.optimizers.SGD(made))
        elif isinstance(made, keras.utils.PyDataset):
            self._fit(name, data=made)
        elif isinstance(made, keras.initializers.Initializer):
            self.step(f"{name} as initializer", lambda: keras.layers.Dense(2, kernel_initializer=made)(self._x))
        self._object(name, made)
        for key in [key for key in dir(type(made)) if not (key.startswith("_") and not key.startswith("__"))]:
            item = inspect.getattr_static(type(made), key, None)
            if isinstance(item, property) and self._own(item.fget):
                self.step(f"{name}.{key}", lambda key=key: getattr(made, key))
            function = getattr(item, "__func__", item)
            if not isinstance(function, types.FunctionType) or not self._own(function) or key == "__init__":
                continue
            bound = self.step(f"{name}.{key}", lambda key=key: getattr(made, key))
            if bound is not None:
                for arguments in self._guesses(bound):
                    self.step(f"{name}.{key}()", lambda arguments=arguments, bound=bound: bound(*arguments))

    def _object(self, name: str, made: Any) -> None:
        for what, function in {
            "repr": lambda: (repr(made), str(made), format(made)),
            "hash": lambda: hash(made),
            "equal": lambda: made == 1,
            "length": lambda: len(made),
            "iterated": lambda: [item for _, item in zip(range(3), made, strict=False)],
            "entered": lambda: made.__enter__(),
            "called": lambda: made(self._tensor),
            "array": lambda: np.asarray(made),
            "tensor": lambda: tf.convert_to_tensor(made),
            "copied": lambda: copy.copy(made),
            "deeply copied": lambda: copy.deepcopy(made),
            "pickled": lambda: pickle.dumps(made),
            "pickled and back": lambda: pickle.loads(pickle.dumps(made)),
            "config": lambda: type(made).from_config(made.get_config()),
            "serialized": lambda: keras.saving.deserialize_keras_object(
                keras.saving.serialize_keras_object(made),
                custom_objects={type(made).__name__: type(made)},
                safe_mode=False,
            ),
            "attribute": lambda: made.no_such_name,
        }.items():
            self.step(f"{name} {what}", function)

    def _layer(self, name: str, layer: Any) -> None:
        self.step(f"{name} called", lambda: layer(self._x))
        self.step(f"{name} called with strings", lambda: layer(tf.constant(["a", "b"])))
        self.step(f"{name} called in training", lambda: layer(self._tensor, training=True))
        self.step(f"{name} traced", lambda: tf.function(lambda x: layer(x))(self._tensor))
        self.step(f"{name} compiled", lambda: tf.function(layer, jit_compile=True)(self._tensor))
        self.step(f"{name} shape", lambda: layer.compute_output_shape((2, 4)))
        self.step(f"{name} spec", lambda: layer.compute_output_spec(keras.KerasTensor((2, 4))))
        self.step(f"{name} weights", lambda: layer.set_weights(layer.get_weights()))
        model = self.step(f"{name} in a model", lambda: keras.Sequential([keras.Input((4,)), layer]))
        if model is not None:
            self._model(f"{name} in a model", model, {type(layer).__name__: type(layer)})

    def _fit(self, name: str, *, data: Any = None, callbacks: Any = (), **settings: Any) -> None:
        def fit() -> Any:
            model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
            model.compile(**{"loss": "mse", "optimizer": "sgd", **settings})
            if data is not None:
                return model.fit(data, epochs=1, verbose=0)
            return model.fit(self._x, np.ones((2, 1)), epochs=2, verbose=0, callbacks=list(callbacks))

        self.step(f"{name} in fit", fit)

    def _model(self, name: str, model: Any, custom: dict[str, Any] | None = None) -> None:
        custom = {**(custom or {}), type(model).__name__: type(model)}
        if not self._own(type(model)):
            custom.pop(type(model).__name__)
        x, path, weights = self._x, f"{SCRATCH}/m.keras", f"{SCRATCH}/w.weights.h5"

        def fit() -> Any:
            model.compile("sgd", "mse")
            kept = keras.callbacks.ModelCheckpoint(f"{SCRATCH}/kept.keras")
            return model.fit(x, np.ones_like(x), epochs=1, verbose=0, callbacks=[kept])

        for what, function in {
            "called": lambda: model(x),
            "predicts": lambda: model.predict(x, verbose=0),
            "predicts a set": lambda: model.predict(tf.data.Dataset.from_tensor_slices(x).batch(2), verbose=0),
            "fit": fit,
            "evaluated": lambda: model.evaluate(x, np.ones_like(x), verbose=0),
            "summary": lambda: model.summary(print_fn=lambda text: None),
            "config": lambda: model.get_config(),
            "json": lambda: model.to_json(),
            "cloned": lambda: keras.models.clone_model(model),
            "copied": lambda: copy.deepcopy(model),
            "pickled": lambda: pickle.loads(pickle.dumps(model)),
            "saved": lambda: model.save(path),
            "loaded": lambda: keras.models.load_model(path, custom_objects=custom, safe_mode=False)(x),
            "weights saved": lambda: model.save_weights(weights),
            "weights loaded": lambda: model.load_weights(weights),
            "exported": lambda: model.export(f"{SCRATCH}/e", verbose=False),
            "traced": lambda: tf.function(model)(self._tensor),
        }.items():
            # Half of the time goes into exporting, which is one for all.
            if what != "exported" or not self._exported:
                self.step(f"{name} {what}", function)
        self._exported = True


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:
        return "?"


def _refusal(error: BaseException | None) -> bool:
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, ConsentRequired | AuditRefused) or "ConsentRequired" in _message(error):
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False
