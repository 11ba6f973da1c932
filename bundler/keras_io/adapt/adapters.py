"""The load side: what stands in a class's place in the config while one model is loaded.

Keras asks the object behind a key for ``from_config`` and nothing else, and goes on with the instance that it gets:
``build_from_config``, ``compile_from_config``, weights. An adapter is such an object. Its key is never put into
Keras's table, so that `clone_model` and `copy.deepcopy` meet the class itself, as they do for its author.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bundler.errors import BundleError, RebuildFailed
from bundler.keras_io import adapt
from bundler.keras_io.adapt import every_weight, graphs, object_state, replaced
from bundler.keras_io.adapt.arguments import VARIADIC, is_frameworks
from bundler.keras_io.adapt.build_by_call import call_once
from bundler.keras_io.adapt.compiling import ALL, TRAINABLE, build_optimizers
from bundler.keras_io.adapt.decoding import decode, deserialized
from bundler.keras_io.adapt.lookup_sizes import recorded_sizes, sizes_known
from bundler.keras_io.adapt.tags import TAG
from bundler.keras_io.adapt.value_encoding import same
from bundler.keras_io.framework import keras
from bundler.manifest import Adaptation

#: Entries of a config that are an adapter's own: the values of ``*args``, a graph, the inputs of a call.
POSITIONAL = f"{TAG}positional"
GRAPH = object_state.GRAPH
CALL = f"{TAG}call"
#: What only the config of the root has, in the order in which `_finished` names them.
_OF_ROOT = (CALL, every_weight.EVERY_WEIGHT, replaced.REPLACED)
_TRAINED = frozenset({TRAINABLE, ALL})

#: What every layer's config has; `__init__` may take them or not.
BASE_ARGUMENTS = frozenset({"name", "trainable", "dtype", "activity_regularizer", "autocast"})

Lookup = Callable[[str], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class AdapterPlan:
    """What is recorded for one class: the arguments that each of its `kinds` is about."""

    module: str
    qualname: str
    kinds: Mapping[str, tuple[str, ...]]

    @property
    def surplus(self) -> tuple[str, ...]:
        """The entries of the config that the constructor does not take."""
        return self.kinds.get(adapt.SURPLUS_ARGUMENTS, ())


def plans(adaptations: Sequence[Adaptation]) -> dict[tuple[str, str], AdapterPlan]:
    """Return the plan for each class that `adaptations` name, by module and qualified name."""
    by_class: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
    for item in adaptations:
        by_class.setdefault((item.module, item.qualname), {})[item.kind] = tuple(item.arguments)
    return {place: AdapterPlan(module=place[0], qualname=place[1], kinds=kinds) for place, kinds in by_class.items()}


def adapter_of(cls: Any, plan: AdapterPlan, lookup: Lookup) -> Any:
    """Return an object with a ``from_config`` that makes instances of `cls` as `plan` says.

    Args:
        cls: the class; what is not a class comes back as it is.
        plan: what the manifest records for it.
        lookup: gives a declared object by the key in the config.
    """
    return graphs.stand_in(cls, lambda config: _rebuild(cls, plan, config, lookup))


def before_compile(adapter: Any, prepare: Callable[[Any], None]) -> Any:
    """Return `adapter`, of which the instance is given to `prepare` once it is built, before Keras compiles it.

    An optimizer is built for what is trained then.
    """

    def made(config: dict[str, Any]) -> Any:
        instance = adapter.from_config(config)
        graphs.prepared_to_compile(instance, prepare)
        return instance

    return graphs.stand_in(adapter, made)


def constructs_directly(cls: Any, given: Sequence[str]) -> bool:
    """Say whether `given` are all arguments of the constructor, so that ``from_config`` is not asked.

    The ``from_config`` of an author reads what the ``get_config`` of the same author wrote; where that could not
    write, there is nothing for it to read.
    """
    names = [
        item.name for item in list(inspect.signature(cls.__init__).parameters.values())[1:] if item.kind not in VARIADIC
    ]
    return all(name in given or name in BASE_ARGUMENTS for name in names)


def _rebuild(cls: Any, plan: AdapterPlan, config: dict[str, Any], lookup: Lookup) -> Any:
    whole = {name: config.pop(name) for name in _OF_ROOT if name in config}
    if adapt.ATTRIBUTES in plan.kinds and object_state.ATTRIBUTES in config:
        instance = _made(plan, lambda: object_state.revive(cls, config, lookup))
        return _finished(instance, plan, whole, lookup)
    graph = config.pop(GRAPH, None)
    surplus = {name: config.pop(name) for name in plan.surplus if name in config}
    sizes = recorded_sizes(config)
    given, graph_names = plan.kinds.get(adapt.CONSTRUCTOR_ARGUMENTS), plan.kinds.get(adapt.FUNCTIONAL_GRAPH)
    for name in {*plan.kinds.get(adapt.RESTORED_VALUES, ()), *(given or ())} & config.keys():
        config[name] = decode(config[name], lookup)
    positional = decode(config.pop(POSITIONAL, []), lookup)
    if graph_names is not None and graph is not None:
        rebuilt = graphs.rebuilt(graph)
        config |= dict(zip(graph_names, (rebuilt.input, rebuilt.output), strict=True))
    is_direct = (
        graph_names is not None
        or bool(positional)
        or not hasattr(cls, "from_config")
        or (given is not None and constructs_directly(cls, (*given, *positional)))
        # Dense's own adds a `quantization_config` to what is there, which a narrower constructor does not take.
        or ("dtype" in plan.surplus and issubclass(cls, keras().layers.Layer) and _has_kerass_from_config(cls))
    )

    def make() -> Any:
        if is_direct:
            named = dict(config)
            first = _before_star(cls, named) if positional else []
            return cls(*first, *positional, **named)
        is_shared = adapt.SHARED_LAYERS in plan.kinds and graphs.is_graph(config) and graphs.is_rebuilt_by_keras(cls)
        return graphs.model_from_config(cls, dict(config)) if is_shared else cls.from_config(dict(config))

    def settled() -> Any:
        instance = make()
        if "dtype" in surplus and not _has_policy(instance, surplus["dtype"]):
            with _policy(surplus["dtype"]):
                instance = make()
        for name, value in surplus.items():
            _settle(instance, name, value)
        return instance

    with sizes_known([config, positional], sizes):
        instance = _made(plan, settled)
    return _finished(instance, plan, whole, lookup)


def _before_star(cls: Any, named: dict[str, Any]) -> list[Any]:
    """Take out of `named` what goes by place: what stands before ``*strides`` in ``(self, filters, *strides)``."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    before = itertools.takewhile(lambda item: item.kind is not inspect.Parameter.VAR_POSITIONAL, parameters)
    return [named.pop(item.name, item.default) for item in before]


def _has_kerass_from_config(cls: type) -> bool:
    return is_frameworks(cls, "from_config") and not issubclass(cls, keras().Model | keras().layers.Wrapper)


def _finished(instance: Any, plan: AdapterPlan, whole: Mapping[str, Any], lookup: Lookup) -> Any:
    call, weights, parts = map(whole.get, _OF_ROOT)
    if adapt.BUILT_BY_CALL in plan.kinds and call is not None:
        _made(plan, lambda: call_once(instance, call))
    if adapt.REPLACED_PARTS in plan.kinds and parts is not None:
        is_other = _made(plan, lambda: replaced.put_back(instance, parts))
        if is_other and call is not None:
            # What was put there is built where it is called.
            _made(plan, lambda: call_once(instance, call))
    if adapt.COMPILE_ARGUMENTS in plan.kinds:
        _compile_from(instance, lookup)
    if adapt.EVERY_WEIGHT in plan.kinds and weights is not None:
        every_weight.load_by_number(instance, weights)
    if adapt.RESTORED_SHAPES in plan.kinds:
        _build_from_tuples(instance)
    return instance


def _made(plan: AdapterPlan, make: Callable[[], Any]) -> Any:
    """Return what `make` returns; whatever it raises becomes `RebuildFailed` with the class of `plan`."""
    try:
        return make()
    except BundleError:
        raise
    except Exception as error:
        failure = RebuildFailed(
            f"{plan.qualname} could not be made from what was recorded: {type(error).__name__}: {error}",
            place=f"{plan.module}.{plan.qualname}",
            hint="the traceback above this line has the place; ask the author to pack the model again",
        )
        failure.module, failure.qualname = plan.module, plan.qualname
        raise failure from error


def _settle(instance: Any, name: str, value: Any) -> None:
    """Give `instance` what its constructor did not take, where it does not have it already."""
    if name == "dtype" and hasattr(type(instance), "dtype_policy"):
        if not _has_policy(instance, value):
            instance.dtype_policy = keras().dtype_policies.get(value)
        return
    if not hasattr(instance, name):
        # The config tells something about the object that is not a state of it.
        return
    static = inspect.getattr_static(type(instance), name, None)
    if isinstance(static, property) and static.fset is None:
        # It is made of what the object has already.
        return
    current = getattr(instance, name)
    if same(_as_read(current), value) or same(_as_read(_configured(instance).get(name)), value):
        return
    is_node = isinstance(value, dict) and "class_name" in value and "config" in value
    # `trainable` goes down to the parts, so it is only set where it differs.
    setattr(instance, name, deserialized(value) if is_node else value)


def _as_read(value: Any) -> Any:
    """Return `value` as JSON gives it back: a tuple is a list."""
    if isinstance(value, list | tuple):
        return [_as_read(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_read(item) for key, item in value.items()}
    return value


def _configured(instance: Any) -> dict[str, Any]:
    try:
        config = instance.get_config()
    except Exception:  # noqa: BLE001 - a get_config that fails is why there is an adaptation
        return {}
    return dict(keras().saving.serialize_keras_object(config)) if isinstance(config, dict) else {}


def _has_policy(instance: Any, value: Any) -> bool:
    policy = getattr(instance, "dtype_policy", None)
    if policy is None:
        return same(getattr(instance, "dtype", value), value)
    wanted = keras().dtype_policies.get(value)
    return type(policy) is type(wanted) and same(policy.get_config(), wanted.get_config())


@contextlib.contextmanager
def _policy(value: Any) -> Iterator[None]:
    """Make `value` the dtype policy of this thread: the one under which the author's constructor ran.

    A constructor that takes no ``dtype`` took it, and that of its parts, from there.
    """
    config = keras().config
    before = config.dtype_policy()
    config.set_dtype_policy(keras().dtype_policies.get(value))
    try:
        yield
    finally:
        config.set_dtype_policy(before)


def _build_from_tuples(instance: Any) -> None:
    """Let Keras's next step build `instance` from shapes that are tuples, as they were when it was built first."""

    def build_from_config(config: Any) -> None:
        object.__delattr__(instance, "build_from_config")
        instance.build_from_config(_with_tuples(config))

    object.__setattr__(instance, "build_from_config", build_from_config)


def _with_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        is_shape = all(item is None or isinstance(item, int) for item in value)
        return tuple(value) if is_shape else [_with_tuples(item) for item in value]
    return value


def _compile_from(instance: Any, lookup: Lookup) -> None:
    """Let Keras's next step call the ``compile`` of `instance` with the recorded arguments."""

    def compile_from_config(config: Mapping[str, Any]) -> None:
        object.__delattr__(instance, "compile_from_config")
        instance.compile(**{name: decode(value, lookup) for name, value in config.items() if name not in _TRAINED})
        optimizer = getattr(instance, "optimizer", None)
        if optimizer is not None and instance.built and not any(name in config for name in _TRAINED):
            optimizer.build(instance.trainable_variables)
        build_optimizers(instance, config)

    object.__setattr__(instance, "compile_from_config", compile_from_config)
