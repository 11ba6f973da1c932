"""The save side: objects that have a ``get_config`` of their own while one model is saved.

Nothing is set on a class. An object that needs it gets an instance attribute, which Python finds before the method of
its class, and loses it afterwards, whatever happens in between.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bundler.keras_io.adapt import (
    ATTRIBUTES,
    COMPILE_ARGUMENTS,
    CONSTRUCTOR_ARGUMENTS,
    FUNCTIONAL_GRAPH,
    RESTORED_VALUES,
    SURPLUS_ARGUMENTS,
    state,
)
from bundler.keras_io.adapt.adapters import BASE_ARGUMENTS, CALL, GRAPH, OPTIMIZERS, POSITIONAL
from bundler.keras_io.adapt.arguments import FRAMEWORK, accepted
from bundler.keras_io.adapt.calls import call_signature
from bundler.keras_io.adapt.values import Unsayable, can_be_written, encode, survives
from bundler.keras_io.framework import keras
from bundler.namespace import IMPORT_LOCK


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """What the constructor of one object was given, as `bundler.sources.constructor` reads it."""

    values: Mapping[str, Any]
    positional: tuple[Any, ...]
    certain: frozenset[str]
    defaults: Mapping[str, Any]
    takes: tuple[str, ...]
    keywords_go_to: type | None
    handed_on: frozenset[str]
    unread: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A value as Keras has written it already."""

    value: Any


#: Reads the arguments of an object back, without the parameters named; of its ``__init__``, or of another method.
Read = Callable[..., Given]


@dataclass(kw_only=True)
class Saving:
    """What the objects of one class need, by kind, and what stands in the way.

    Attributes:
        read: reads the arguments of an object back.
        wanted: for each class the kinds that it gets, with the arguments; grows while a model is saved.
        needed: the part of `wanted` that made a difference in this save.
        problems: one line a cause.
    """

    read: Read
    wanted: dict[type, dict[str, tuple[str, ...]]]
    needed: dict[type, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def config_of(self, instance: Any, *, root: bool = False) -> dict[str, Any]:
        """Return the config of `instance` as the loader wants it."""
        cls = type(instance)
        wanted = self.wanted.get(cls, {})
        try:
            config = dict(_own_config(instance))
            failure = None
        except Exception as error:  # noqa: BLE001 - what the author's get_config raises is what this mends
            config, failure = {}, error
        if wanted.get(ATTRIBUTES) is not None:
            config = self._with_state(instance, ())
        elif wanted.get(FUNCTIONAL_GRAPH) is not None or (failure is not None and graph_arguments(instance, self.read)):
            config = self._with_graph(instance)
        elif failure is not None or wanted.get(CONSTRUCTOR_ARGUMENTS) is not None:
            config = self._with_arguments(instance, config, failure)
        else:
            config = self._with_restored(instance, config)
        if root and "built_by_call" in wanted:
            signature = call_signature(instance)
            if signature is not None:
                config[CALL] = signature
                self._note(cls, "built_by_call", ())
        return config

    def compile_config_of(self, model: Any, original: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what the model's own `compile` was called with, or what Keras keeps where that cannot be read."""
        config = original()
        if not config:
            return config
        arguments = (
            compile_arguments(model, config, self.read)
            if has_own_compile(model)
            else {name: Recorded(value) for name, value in config.items()}
        )
        if arguments is None:
            return config
        encoded = {name: self._encoded(model, name, value) for name, value in arguments.items()}
        self._note(type(model), COMPILE_ARGUMENTS, tuple(encoded))
        optimizers = _trained_by(model)
        return {**encoded, OPTIMIZERS: optimizers} if optimizers else encoded

    def _with_restored(self, instance: Any, config: dict[str, Any]) -> dict[str, Any]:
        """Encode the entries that Keras cannot write, and those that are wanted."""
        names = [name for name, value in config.items() if not can_be_written(value)]
        names += [name for name in self.wanted.get(type(instance), {}).get(RESTORED_VALUES, ()) if name not in names]
        names = [name for name in names if name in config]
        if names:
            self._note(type(instance), RESTORED_VALUES, tuple(names))
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
            if replaces or name not in config or _may_have_drifted(instance, name, value, config)
        }
        encoded = {name: self._encoded(instance, name, value) for name, value in added.items()}
        if given.positional:
            encoded[POSITIONAL] = [self._encoded(instance, "*", value) for value in given.positional]
        names = tuple(name for name in encoded if name != POSITIONAL)
        self._note(type(instance), CONSTRUCTOR_ARGUMENTS, names)
        if not replaces:
            # Keras leaves the name out of what it records for a class that does not take one.
            base = {name: value for name, value in base_config(instance).items() if name in BASE_ARGUMENTS} | config
        surplus = tuple(name for name in base if not takes(given, name))
        if surplus:
            self._note(type(instance), SURPLUS_ARGUMENTS, surplus)
        return {**base, **encoded}

    def _with_state(self, instance: Any, unread: Sequence[str]) -> dict[str, Any]:
        """Record the attributes of `instance`; `unread` says what would make it unnecessary."""
        if not state.can_be_revived(type(instance)):
            for why in unread or [f"{_place(instance)}: its base class makes weights that no attribute of it holds"]:
                self._problem(why)
            return {}
        compiles = state.assigned_in(type(instance), "compile") if has_own_compile(instance) else frozenset()
        failed: list[str] = []

        def encoded(name: str, value: Any, special: Callable[[Any], Any]) -> Any:
            try:
                return encode(value, self._arguments_of, special)
            except Unsayable as error:
                failed.append(
                    f"{_place(instance)}: the attribute {name!r} is {error}, which no file can hold; "
                    f"make it from plain values where it is used"
                )
                return None

        config = state.state_of(instance, base_config(instance), encoded, compiles)
        for text in (*failed, *(unread if failed else ())):
            self._problem(text)
        self._note(type(instance), ATTRIBUTES, tuple(name for name, _ in config[state.ATTRIBUTES]))
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
        self._note(type(instance), FUNCTIONAL_GRAPH, names)
        self._note(type(instance), CONSTRUCTOR_ARGUMENTS, tuple(encoded))
        if surplus:
            self._note(type(instance), SURPLUS_ARGUMENTS, surplus)
        # A stock model over the same tensors has the same layers, and a config that Keras can read.
        graph = keras().Model(inputs=instance.input, outputs=instance.output, name=instance.name).get_config()
        return {**base, **encoded, GRAPH: graph}

    def _encoded(self, instance: Any, name: str, value: Any) -> Any:
        if isinstance(value, Recorded):
            return value.value
        try:
            return encode(value, self._arguments_of)
        except Unsayable as error:
            self._problem(
                f"{_place(instance)}: the value of {name!r} is {error}, which no file can hold; "
                f"make it inside {type(instance).__qualname__}.__init__ from plain arguments"
            )
            return None

    def _arguments_of(self, value: Any) -> Mapping[str, Any] | None:
        given = self.read(value, frozenset())
        return None if given.unread or given.positional else given.values

    def _note(self, cls: type, kind: str, arguments: Sequence[str]) -> None:
        known = self.needed.setdefault(cls, {}).get(kind, ())
        self.needed[cls][kind] = tuple(dict.fromkeys([*known, *arguments]))

    def _problem(self, text: str) -> None:
        if text not in self.problems:
            self.problems.append(text)


@contextlib.contextmanager
def own_configs(saving: Saving, instances: Iterable[Any], model: Any) -> Iterator[None]:
    """Give each of `instances` a ``get_config`` that goes through `saving`, and take it away again.

    Other threads that ask these very objects for a config meanwhile get the adapted one; the lock keeps two saves
    from taking each other's attributes away.
    """
    changed: list[tuple[Any, str]] = []
    with IMPORT_LOCK:
        try:
            for instance in instances:
                if not hasattr(type(instance), "get_config") or not hasattr(instance, "__dict__"):
                    continue
                is_root = instance is model
                _set(changed, instance, "get_config", _asked(saving, instance, is_root=is_root))
            if needs_compile_arguments(model):
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
        if base.__module__.partition(".")[0] in FRAMEWORK and "get_config" in vars(base):
            try:
                return dict(base.get_config(instance))
            except NotImplementedError:
                return {}
    return {}


def starts_over(instance: Any) -> bool:
    """Say whether what ``get_config`` gives says nothing about the constructor: a Sequential with one of its own.

    Keras would call the class with a name and then add the layers that the constructor has made already.
    """
    cls = type(instance)
    return (
        isinstance(instance, keras().Sequential)
        and cls.__init__ is not keras().Sequential.__init__
        and _is_frameworks(cls, "get_config")
        and _is_frameworks(cls, "from_config")
    )


def graph_arguments(instance: Any, read: Read) -> tuple[str, ...] | None:
    """Return the parameters that a functional model's own constructor takes its inputs and outputs by, or `None`."""
    if not is_functional(instance) or _is_stock_signature(type(instance)):
        return None
    given = read(instance, BASE_ARGUMENTS)
    found = []
    for tensors in (instance.input, instance.output):
        names = [name for name, value in given.values.items() if value is tensors or _are_same(value, tensors)]
        if len(names) != 1:
            return None
        found += names
    return tuple(found) if len(set(found)) == 2 else None


def is_functional(instance: Any) -> bool:
    """Say whether `instance` is a model that is a graph of layers."""
    return isinstance(instance, keras().Model) and any(
        base.__name__ == "Functional" and base.__module__.partition(".")[0] == "keras"
        for base in type(instance).__mro__
    )


def _is_stock_signature(cls: type) -> bool:
    """Say whether Keras takes the constructor of `cls` for that of a functional model (as it does `Model`'s)."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    names = [item.name for item in parameters if item.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    kinds = {item.kind for item in parameters}
    return names == ["inputs", "outputs", "name"] or kinds == {
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
    }


def _are_same(one: Any, other: Any) -> bool:
    tree = keras().tree
    try:
        left, right = tree.flatten(one), tree.flatten(other)
    except (TypeError, ValueError):
        return False
    tensors = keras().KerasTensor
    return (
        len(left) == len(right)
        and all(isinstance(item, tensors) for item in left)
        and all(first is second for first, second in zip(left, right, strict=True))
    )


def has_own_compile(model: Any) -> bool:
    """Say whether the class of `model` overrides `compile` and says nothing about how to compile it again."""
    cls = type(model)
    return (
        isinstance(model, keras().Model)
        and not _is_frameworks(cls, "compile")
        and _is_frameworks(cls, "compile_from_config")
        and _is_frameworks(cls, "get_compile_config")
        and bool(model.compiled)
    )


def needs_compile_arguments(model: Any) -> bool:
    """Say whether Keras would not compile `model` as it was, or would give an optimizer other weights to train.

    A ``train_step`` of the author's may train a part of the model; Keras builds the optimizer for all of it, and then
    finds that the saved state does not fit.
    """
    cls = type(model)
    if has_own_compile(model):
        return True
    if not isinstance(model, keras().Model) or cls.__module__.partition(".")[0] in FRAMEWORK:
        return False
    if not model.compiled or not _is_frameworks(cls, "compile_from_config"):
        return False
    everything = {id(variable) for variable in model.trainable_variables}
    numbers = _trained_by(model).get("optimizer")
    return numbers is not None and {id(model.weights[number]) for number in numbers} != everything


def compile_arguments(model: Any, recorded: Mapping[str, Any], read: Read) -> dict[str, Any] | None:
    """Return what `compile` of `model` was called with, or `None` where that cannot be read back.

    `recorded` is what Keras's own `compile` was called with in turn, as it keeps it.
    """
    given = read(
        model, frozenset(), method="compile", recorded={name: Recorded(item) for name, item in recorded.items()}
    )
    if given.unread or given.positional:
        return None
    handed_on = {
        name: value
        for name, value in recorded.items()
        if value is not None and name not in given.handed_on and name not in given.takes
    }
    is_open = inspect.Parameter.VAR_KEYWORD in {
        item.kind for item in inspect.signature(type(model).compile).parameters.values()
    }
    handed_on = {name: Recorded(value) for name, value in handed_on.items()}
    return {**(handed_on if is_open and given.keywords_go_to is not None else {}), **given.values}


def _trained_by(model: Any) -> dict[str, list[int]]:
    """Return for each optimizer that `model` holds the numbers of the weights that it trains.

    Keras has no public word for it; where the attribute is gone, the optimizers start anew, as in plain Keras.
    """
    numbers = {id(variable): index for index, variable in enumerate(model.weights)}
    found = {}
    for name, value in vars(model).items():
        if isinstance(value, keras().optimizers.Optimizer) and value.built:
            trained = getattr(value, "_trainable_variables", [])
            if trained and all(id(variable) in numbers for variable in trained):
                found[name.removeprefix("_") if name == "_optimizer" else name] = [numbers[id(v)] for v in trained]
    return found


def takes(given: Given, name: str) -> bool:
    """Say whether the constructor takes the argument `name`, itself or through ``**kwargs``."""
    if name in given.takes:
        return True
    if given.keywords_go_to is None or name in given.handed_on:
        return False
    return accepted(given.keywords_go_to, name)


def certain_failures(instance: Any, config: Mapping[str, Any], read: Read) -> dict[str, tuple[str, ...]]:
    """Return the kinds that `instance` needs although Keras has written `config` for it without complaint.

    Keras's own ``from_config`` calls the class with the entries of the config. What that call cannot take, or lacks,
    fails for certain; and an argument with a default that ``get_config`` leaves out, or that Keras itself records with
    its default (`keras.Model` never sees the arguments of its subclasses), comes back as another value without any
    failure, which no comparison of outputs would notice in a dropout rate.
    """
    cls = type(instance)
    if starts_over(instance):
        return {CONSTRUCTOR_ARGUMENTS: ()}
    if is_functional(instance) and graph_arguments(instance, read) is not None and _is_frameworks(cls, "from_config"):
        return {FUNCTIONAL_GRAPH: ()}
    if not hasattr(cls, "from_config"):
        return {CONSTRUCTOR_ARGUMENTS: ()}
    if "layers" in config and "input_layers" in config and _is_stock_signature(cls):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    if cls.__init__ is object.__init__ or str(cls.__init__.__module__).partition(".")[0] in FRAMEWORK:
        return {}
    given = read(instance, BASE_ARGUMENTS)
    needs = [name for name in (*given.takes,) if name not in config and name not in BASE_ARGUMENTS]
    lost = [name for name in needs if name not in given.defaults and name not in ("args", "kwargs")]
    changed = [
        name
        for name in given.values
        if name in given.certain
        and _differs(given.values[name], config.get(name, given.defaults.get(name)))
        and (name not in config or _is_recorded_by_keras(cls))
    ]
    if not _is_frameworks(cls, "from_config"):
        return {CONSTRUCTOR_ARGUMENTS: tuple(changed)} if changed and not lost else {}
    surplus = tuple(name for name in config if not takes(given, name))
    if surplus:
        found[SURPLUS_ARGUMENTS] = surplus
    if lost or changed or given.positional:
        found[CONSTRUCTOR_ARGUMENTS] = tuple(dict.fromkeys([*lost, *changed]))
    return found


def unsafe_values(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the entries of a config that come back as something else: tuples, arrays, raw Keras objects."""
    return tuple(name for name, value in config.items() if name not in BASE_ARGUMENTS and not survives(value))


def own_config(instance: Any) -> dict[str, Any] | None:
    """Return what ``get_config`` of `instance` gives now, or `None` where it raises."""
    try:
        return dict(_own_config(instance))
    except Exception:  # noqa: BLE001 - the author's code may raise anything
        return None


def _is_recorded_by_keras(cls: type) -> bool:
    return _is_frameworks(cls, "get_config")


def _may_have_drifted(instance: Any, name: str, value: Any, config: Mapping[str, Any]) -> bool:
    return _is_recorded_by_keras(type(instance)) and _differs(value, config.get(name))


def _differs(one: Any, other: Any) -> bool:
    """Say whether two plain values differ; of anything else nothing is claimed."""
    plain = (str, int, float, bool, type(None))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) != len(other) or any(_differs(left, right) for left, right in zip(one, other, strict=True))
    if not isinstance(one, plain) or not isinstance(other, plain):
        return False
    return bool(one != other)


def _is_frameworks(cls: type, method: str) -> bool:
    """Say whether `cls` has the framework's own `method`, not one of the author's."""
    for base in cls.__mro__:
        if method in vars(base):
            return base.__module__.partition(".")[0] in FRAMEWORK
    return False


def _place(instance: Any) -> str:
    return f"{type(instance).__module__}.{type(instance).__qualname__}"


__all__ = [
    "Given",
    "Read",
    "Saving",
    "base_config",
    "certain_failures",
    "compile_arguments",
    "graph_arguments",
    "is_functional",
    "needs_compile_arguments",
    "own_config",
    "own_configs",
    "starts_over",
    "takes",
    "unsafe_values",
]
