"""The save side: objects that have a ``get_config`` of their own while one model is saved.

Nothing is set on a class. An object that needs it gets an instance attribute, which Python finds before the method of
its class, and loses it afterwards, whatever happens in between.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bundler.frameworks import makes_models
from bundler.keras_io import adapt
from bundler.keras_io.adapt import every_weight, graphs, object_state, replaced
from bundler.keras_io.adapt.adapters import BASE_ARGUMENTS, CALL, GRAPH, POSITIONAL
from bundler.keras_io.adapt.build_by_call import call_signature
from bundler.keras_io.adapt.certain import graph_arguments, may_have_drifted, starts_over, takes
from bundler.keras_io.adapt.compiling import (
    compile_arguments,
    has_own_compile,
    needs_compile_arguments,
    raw_compile_arguments,
    trained_by,
)
from bundler.keras_io.adapt.known_arguments import Read, RecordedArguments
from bundler.keras_io.adapt.own_attributes import assigned_in
from bundler.keras_io.adapt.shared import SHARED
from bundler.keras_io.adapt.value_encoding import can_be_written, changes_kind, encode
from bundler.keras_io.files import carried_arrays
from bundler.keras_io.framework import keras
from bundler.namespace import IMPORT_LOCK
from bundler.values import Unsayable


@dataclass(kw_only=True)
class Saving:
    """What the objects of one class need, by kind, and what stands in the way.

    Attributes:
        read: reads the arguments of an object back.
        wanted: for each class the kinds that it gets, with the arguments; grows while a model is saved.
        needed: the part of `wanted` that made a difference in this save.
        problems: one line a cause.
        arrays: what goes into the file beside the config, by name.
    """

    read: Read
    wanted: dict[type, dict[str, tuple[str, ...]]]
    needed: dict[type, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    arrays: dict[str, Any] = field(default_factory=dict)

    def config_of(self, instance: Any, *, root: bool = False) -> dict[str, Any]:
        """Return the config of `instance` as the loader wants it."""
        cls = type(instance)
        wanted = self.wanted.get(cls, {})
        try:
            config = dict(_own_config(instance))
            failure = None
        except Exception as error:  # noqa: BLE001 - what the author's get_config raises is what this mends
            config, failure = {}, error
        if adapt.ATTRIBUTES in wanted:
            config = self._with_state(instance, ())
        elif adapt.FUNCTIONAL_GRAPH in wanted or (failure is not None and graph_arguments(instance, self.read)):
            config = self._with_graph(instance)
        elif failure is not None or adapt.CONSTRUCTOR_ARGUMENTS in wanted:
            config = self._with_arguments(instance, config, failure)
        else:
            config = self._with_restored(instance, config)
        if root and adapt.REPLACED_PARTS in wanted:
            config[replaced.REPLACED] = replaced.described(instance, config)
            self._note(cls, adapt.REPLACED_PARTS, ())
        if root and adapt.BUILT_BY_CALL in wanted:
            signature = call_signature(instance)
            if signature is not None:
                config[CALL] = signature
                self._note(cls, adapt.BUILT_BY_CALL, ())
        if root and adapt.EVERY_WEIGHT in wanted:
            config[every_weight.EVERY_WEIGHT] = every_weight.described(instance)
            self._note(cls, adapt.EVERY_WEIGHT, ())
        if root and adapt.SHARED_LAYERS in wanted:
            self._note(cls, adapt.SHARED_LAYERS, ())
        return config

    def compile_config_of(self, model: Any, original: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what the model's own `compile` was called with, or what Keras keeps where that cannot be read."""
        try:
            config = original()
            if not config or not needs_compile_arguments(model):
                return config
        except Exception:  # a partial function as loss, for one
            arguments = raw_compile_arguments(model)
            if arguments is None:
                raise
            encoded = {name: self._encoded(model, name, value) for name, value in arguments.items()}
            self._note(type(model), adapt.COMPILE_ARGUMENTS, tuple(encoded))
            return encoded
        arguments = (
            compile_arguments(model, config, self.read)
            if has_own_compile(model)
            else {name: RecordedArguments(value) for name, value in config.items()}
        )
        if arguments is None:
            return config
        encoded = {name: self._encoded(model, name, value) for name, value in arguments.items()}
        self._note(type(model), adapt.COMPILE_ARGUMENTS, tuple(encoded))
        return {**encoded, **trained_by(model)}

    def _with_restored(self, instance: Any, config: dict[str, Any]) -> dict[str, Any]:
        """Encode the entries that Keras cannot write, and those that are wanted."""
        names = [name for name, value in config.items() if not can_be_written(value)]
        wanted = self.wanted.get(type(instance), {}).get(adapt.RESTORED_VALUES, ())
        names += [name for name in wanted if name not in names]
        names = [name for name in names if name in config]
        if names:
            self._note(type(instance), adapt.RESTORED_VALUES, tuple(names))
        return {
            name: self._encoded(instance, name, value) if name in names else value for name, value in config.items()
        }

    def _with_arguments(self, instance: Any, config: dict[str, Any], failure: Exception | None) -> dict[str, Any]:
        given = self.read(instance, BASE_ARGUMENTS)
        replaces = failure is not None or starts_over(instance)
        base = base_config(instance) if replaces else config
        lost = [why for name, why in given.unread.items() if name not in base]
        if lost:
            return self._with_state(instance, lost)
        added = {
            name: value
            for name, value in given.values.items()
            if replaces
            or name not in config
            or not can_be_written(config[name])
            or changes_kind(config[name])
            or may_have_drifted(instance, name, value, config)
            or name in self.wanted.get(type(instance), {}).get(adapt.CONSTRUCTOR_ARGUMENTS, ())
        }
        encoded = {name: self._encoded(instance, name, value) for name, value in added.items()}
        if given.positional:
            encoded[POSITIONAL] = [self._encoded(instance, "*", value) for value in given.positional]
        names = tuple(name for name in encoded if name != POSITIONAL)
        self._note(type(instance), adapt.CONSTRUCTOR_ARGUMENTS, names)
        if not replaces:
            # Keras leaves the name out of what it records for a class that does not take one.
            base = {name: value for name, value in base_config(instance).items() if name in BASE_ARGUMENTS} | config
        surplus = tuple(name for name in base if not takes(given, name))
        # What the constructor does not take is dropped again, so that what Keras cannot write of it need not travel.
        base = {name: value for name, value in base.items() if can_be_written(value) or name not in surplus}
        surplus = tuple(name for name in surplus if name in base)
        if surplus:
            self._note(type(instance), adapt.SURPLUS_ARGUMENTS, surplus)
        return {**base, **encoded}

    def _with_state(self, instance: Any, unread: Sequence[str]) -> dict[str, Any]:
        """Record the attributes of `instance`; `unread` says what would make it unnecessary."""
        if not object_state.can_be_revived(type(instance)):
            for why in unread or [f"{_place(instance)}: its base class makes weights that no attribute of it holds"]:
                self._problem(why)
            return {}
        compiles = assigned_in(type(instance), "compile") if has_own_compile(instance) else frozenset()
        failed: list[str] = []

        def encoded(name: str, value: Any, special: Callable[[Any], Any]) -> Any:
            try:
                return encode(value, self._arguments_of, special, self._store)
            except Unsayable as error:
                failed.append(
                    f"{_place(instance)}: the attribute {name!r} is {error}, which no file can hold; "
                    f"make it from plain values where it is used"
                )
                return None

        config = object_state.state_of(instance, base_config(instance), encoded, compiles)
        for text in (*failed, *(unread if failed else ())):
            self._problem(text)
        self._note(type(instance), adapt.ATTRIBUTES, tuple(name for name, _ in config[object_state.ATTRIBUTES]))
        return config

    def _with_graph(self, instance: Any) -> dict[str, Any]:
        names = graph_arguments(instance, self.read)
        if names is None:
            self._problem(f"{_place(instance)}: its inputs and outputs are not what its constructor was given")
            return {}
        given = self.read(instance, BASE_ARGUMENTS | set(names))
        for why in given.unread.values():
            self._problem(why)
        encoded = {name: self._encoded(instance, name, value) for name, value in given.values.items()}
        base = base_config(instance)
        surplus = tuple(name for name in base if not takes(given, name))
        self._note(type(instance), adapt.FUNCTIONAL_GRAPH, names)
        self._note(type(instance), adapt.CONSTRUCTOR_ARGUMENTS, tuple(encoded))
        if surplus:
            self._note(type(instance), adapt.SURPLUS_ARGUMENTS, surplus)
        return {**base, **encoded, GRAPH: graphs.stock_config(instance)}

    def _encoded(self, instance: Any, name: str, value: Any) -> Any:
        if isinstance(value, RecordedArguments):
            return value.value
        try:
            return encode(value, self._arguments_of, store=self._store)
        except Unsayable as error:
            self._problem(
                f"{_place(instance)}: the value of {name!r} is {error}, which no file can hold; "
                f"make it inside {type(instance).__qualname__}.__init__ from plain arguments"
            )
            return None

    def _arguments_of(self, value: Any) -> Mapping[str, Any] | None:
        given = self.read(value, frozenset())
        return None if given.unread or given.positional else given.values

    def _store(self, array: Any) -> str:
        name = carried_arrays.name_of(array)
        # The file knows one byte order; the config says which one the array has.
        self.arrays[name] = array.astype(array.dtype.newbyteorder("<"), copy=False)
        return name

    def _note(self, cls: type, kind: str, arguments: Sequence[str]) -> None:
        known = self.needed.setdefault(cls, {}).get(kind, ())
        self.needed[cls][kind] = tuple(dict.fromkeys([*known, *arguments]))

    def _problem(self, text: str) -> None:
        if text not in self.problems:
            self.problems.append(text)


@contextlib.contextmanager
def own_configs(saving: Saving, instances: Iterable[Any], model: Any, shared: Sequence[Any] = ()) -> Iterator[None]:
    """Give each of `instances` a ``get_config`` that goes through `saving`, and take it away again.

    Other threads that ask these very objects for a config meanwhile get the adapted one; the lock keeps two saves
    from taking each other's attributes away. The layers of `shared` tell their number with their config.
    """
    changed: list[tuple[Any, str]] = []
    with IMPORT_LOCK:
        try:
            for instance in instances:
                if not hasattr(type(instance), "get_config") or not hasattr(instance, "__dict__"):
                    continue
                is_root = instance is model
                _set(changed, instance, "get_config", _asked(saving, instance, is_root=is_root))
            for number, layer in enumerate(shared, 1):
                adapted = vars(layer).pop("get_config", None)
                _set(changed, layer, "get_config", _numbered(layer, adapted, number))
            if adapt.EVERY_WEIGHT in saving.wanted.get(type(model), {}):
                for item in every_weight.saves(model):
                    _set(changed, *item)
            if isinstance(model, keras().Model):
                original = model.get_compile_config
                _set(changed, model, "get_compile_config", lambda: saving.compile_config_of(model, original))
            yield
        finally:
            for instance, name in changed:
                vars(instance).pop(name, None)


def _set(changed: list[tuple[Any, str]], instance: Any, name: str, function: Callable[..., Any]) -> None:
    if name in vars(instance):
        return
    object.__setattr__(instance, name, function)
    changed.append((instance, name))


def _asked(saving: Saving, instance: Any, *, is_root: bool) -> Callable[[], dict[str, Any]]:
    return lambda: saving.config_of(instance, root=is_root)


def _numbered(layer: Any, adapted: Callable[[], dict[str, Any]] | None, number: int) -> Callable[[], dict[str, Any]]:
    return lambda: {**(adapted() if adapted is not None else _own_config(layer)), SHARED: number}


def _own_config(instance: Any) -> dict[str, Any]:
    """Ask the class's own ``get_config``; Keras looks at the attribute to see whether it is its own default."""
    function = vars(instance).pop("get_config", None)
    try:
        config = instance.get_config()
    finally:
        if function is not None:
            object.__setattr__(instance, "get_config", function)
    if not isinstance(config, dict):
        raise TypeError(f"get_config() returned a {type(config).__name__}")
    return config


def base_config(instance: Any) -> dict[str, Any]:
    """Return what the nearest class of the framework tells of `instance`: name, trainable, dtype, ..."""
    layer = keras().layers.Layer
    bases = [layer] if isinstance(instance, keras().Model) else type(instance).__mro__
    for base in bases:
        if makes_models(base) and "get_config" in vars(base):
            try:
                return dict(vars(base)["get_config"](instance))
            except NotImplementedError:
                return {}
    return {}


def own_config(instance: Any) -> dict[str, Any] | None:
    """Return what ``get_config`` of `instance` gives now, or `None` where it raises."""
    try:
        return dict(_own_config(instance))
    except Exception:  # noqa: BLE001 - the author's code may raise anything
        return None


def _place(instance: Any) -> str:
    return f"{type(instance).__module__}.{type(instance).__qualname__}"
