"""The plain state of a model's objects, and of the modules and classes that its code is in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from bundler.frameworks import makes_models
from bundler.keras_io.framework import keras
from bundler.keras_io.private import plain_policy, trained_variables
from bundler.keras_io.program.below import (
    attributes_of,
    has_parts,
    held_by,
    objects_below,
    settings_of,
)
from bundler.keras_io.program.exclusions import excluded
from bundler.keras_io.program.held_variables import saved_variables, with_arrays
from bundler.keras_io.program.plain import OPAQUE, NameOf, NotPlain, plain, same_form, with_opaque

#: Entries of an object that stand for more than an attribute of that name; they are read and set by other means.
TRAINABLE, POLICY, FLAGS, EXCLUDED = "trainable", "dtype_policy", "weights.trainable", "exclude_from_weight_decay"
TRAINED = "trained"
#: What is told in place of flags that are of more weights, or of fewer.
COUNT = "the number of weights"
MODULE, CLASS, OBJECT = "module", "class", "object"
#: Numbered by process, or of what the object was called on so far.
_PASSING = frozenset(
    {
        *("name", "built", "compiled", "optimizer", "input_names", "output_names"),
        *("stop_training", "stop_predicting", "stop_evaluating"),
    }
)
_DEPTH = 3
#: Letters of a value that a message shows.
_LONGEST = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The class of one module, class or object, by name, and its plain values by theirs."""

    cls: str
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The parts of a program: objects by place below the model, modules by name, classes as ``module:qualname``."""

    objects: Mapping[str, Part]
    modules: Mapping[str, Part] = field(default_factory=dict)
    classes: Mapping[str, Part] = field(default_factory=dict)

    def without(self, left: Iterable[ProgramDifference]) -> Account:
        """Return the account without the values that `left` names."""
        names = {(item.group, item.place, item.name) for item in left}
        objects, modules, classes = (
            {
                place: replace(
                    part,
                    values={name: item for name, item in part.values.items() if (group, place, name) not in names},
                )
                for place, part in parts.items()
            }
            for group, parts in ((OBJECT, self.objects), (MODULE, self.modules), (CLASS, self.classes))
        )
        return Account(objects=objects, modules=modules, classes=classes)

    def groups(self) -> Mapping[str, Mapping[str, Part]]:
        """Return the parts by the word for their group."""
        return {MODULE: self.modules, CLASS: self.classes, OBJECT: self.objects}


@dataclass(frozen=True, slots=True)
class ProgramDifference:
    """One value of the author's that comes back as another; `expected` and `found` are comparable forms, in words."""

    group: str
    place: str
    name: str
    expected: str
    found: str

    def __str__(self) -> str:
        where = {MODULE: self.place, CLASS: self.place.replace(":", "."), OBJECT: f"model/{self.place}".rstrip("/")}
        return f"{where[self.group]}: {self.name} is {self.expected} and comes back as {self.found}"


def account_of(
    model: Any,
    name_of: NameOf,
    modules: Mapping[str, ModuleType],
    classes: Mapping[str, type],
    is_read: Callable[[str], bool],
    portable: Callable[[str], str],
) -> Account:
    """Return the account of a program.

    Args:
        model: the live model, or `None` for its code alone.
        name_of: names functions and classes as the bundle does.
        modules: the modules of its code by the name that the bundle has for them.
        classes: their classes by ``module:qualname``.
        is_read: says whether code reads a name while it runs; what nothing reads is left out.
        portable: makes texts of one machine (paths below a module's folder) the same on another.
    """
    saved = frozenset() if model is None else saved_variables(model)

    def comparable(value: Any) -> Any:
        return _portable(plain(value, name_of), portable)

    def described(value: Any) -> Any:
        return _portable(with_opaque(value, name_of), portable)

    return Account(
        objects={place: _object(model, value, comparable, saved) for place, value in objects_below(model).items()},
        modules={name: Part(cls="", values=_named(vars(item), described, is_read)) for name, item in modules.items()},
        classes={name: Part(cls="", values=_named(vars(item), described, is_read)) for name, item in classes.items()},
    )


def differences(expected: Account, found: Account) -> list[ProgramDifference]:
    """Return what `found` has otherwise than `expected`, of the parts that both have."""
    told = []
    theirs = found.groups()
    for group, parts in expected.groups().items():
        for place, part in parts.items():
            other = theirs[group].get(place)
            if other is None or not _is_same_class(other.cls, part.cls):
                continue
            for name, value in part.values.items():
                if name not in other.values:
                    told.append(ProgramDifference(group, place, name, _told(value), "nothing"))
                elif name == FLAGS and len(value) != len(other.values[name]):
                    told.append(ProgramDifference(group, place, COUNT, str(len(value)), str(len(other.values[name]))))
                elif not same_form(value, other.values[name]):
                    told.append(ProgramDifference(group, place, name, _told(value), _told(other.values[name])))
    return told


def lacks_weights(found: Iterable[ProgramDifference]) -> bool:
    """Say whether one of `found` is that there are more weights, or fewer: no value could be set for that."""
    return any(item.name == COUNT for item in found)


def strangers(expected: Account, found: Account) -> list[str]:
    """Return a line for each object of `expected` in the place of which `found` has one of another class, or none.

    What `found` has no such place for at all may not be made yet: metrics are, by the first step of training.
    """
    told = []
    for place, part in expected.objects.items():
        other = found.objects.get(place)
        parent, _, name = place.rpartition("/")
        holder = found.objects.get(parent)
        if other is not None:
            now = None if _is_same_class(other.cls, part.cls) else f"a {other.cls}"
        else:
            now = _told(holder.values[name]) if holder is not None and name in holder.values else None
        if now is not None:
            told.append(f"model/{place} is a {part.cls} and comes back as {now}")
    return told


def _is_same_class(one: str, other: str) -> bool:
    """Compare classes by the last part of their name: a bundle has those of functions in other places."""
    one, other = (name.rpartition(".")[2] for name in (one, other))
    return one == other or f"Bare{one}" == other or f"Bare{other}" == one


def is_class(cls: type, name: str) -> bool:
    """Say whether `cls` is called `name`; a bundle has the classes of functions in other places, by the same name."""
    return _is_same_class(cls.__name__, name)


def _object(model: Any, value: Any, comparable: Callable[[Any], Any], saved: frozenset[int]) -> Part:
    layer, optimizer = keras().layers.Layer, keras().optimizers.Optimizer
    values: dict[str, Any] = {}
    is_generator = isinstance(value, keras().random.SeedGenerator)
    attributes = {} if is_generator else {**settings_of(value), **attributes_of(value)}
    for name, item in with_arrays(attributes, saved).items():
        if not is_framework_object(value) or not (name in _PASSING or (name == "seed" and _is_drawn(value))):
            _note(values, name, item, comparable)
    if isinstance(value, layer):
        values[TRAINABLE] = bool(value.trainable)
    if (policy := policy_of(value)) is not None:
        values[POLICY] = {"policy": policy.name}
    if isinstance(value, optimizer):
        values[EXCLUDED] = comparable(excluded(value, model))
        if any(value is item for item in vars(model).values()):
            # That of a part was for what the part was once trained for.
            values[TRAINED] = trained_of(value, model)
    if value is model:
        values[FLAGS] = flags_of(model)
    # By the name that its author may have set: the one of its statement is that of all classes of a factory.
    return Part(cls=type(value).__name__, values=values)


def _is_drawn(value: Any) -> bool:
    """Say whether the seed of an initializer was not given but drawn: it has done its work when the weight is there."""
    return isinstance(value, keras().initializers.Initializer) and value.get_config().get("seed") is None


def policy_of(value: Any) -> Any:
    """Return the dtype policy of a layer, loss or metric; `None` for anything else."""
    framework = keras()
    if isinstance(value, framework.layers.Layer):
        return value.dtype_policy
    if isinstance(value, framework.losses.Loss | framework.metrics.Metric):
        return plain_policy(value)
    return None


def trained_of(optimizer: Any, model: Any) -> str | None:
    """Return which weights of `model` a built `optimizer` was built for, where that is not what is trained now.

    Whoever freezes a part after `compile` has such a one. `None` where the two agree.
    """
    numbers = {id(variable): index for index, variable in enumerate(model.weights)}
    trained = [numbers.get(id(variable)) for variable in trained_variables(optimizer)] if optimizer.built else []
    if not trained or None in trained:
        return None
    flags = "".join("1" if index in trained else "0" for index in range(len(numbers)))
    return None if flags == flags_of(model) else flags


def flags_of(model: Any) -> str:
    """Return for each weight of `model` whether it is trained, as a text of ones and zeros."""
    return "".join("1" if variable.trainable else "0" for variable in model.weights)


def is_framework_object(value: Any) -> bool:
    """Say whether `value` is of a class that Keras has, or of one that is derived from such a class."""
    return any(makes_models(base) for base in type(value).__mro__)


def _named(
    values: Mapping[str, Any], comparable: Callable[[Any], Any], is_read: Callable[[str], bool]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if not name.startswith("__"):
            _named_value(found, name, value, comparable, is_read, _DEPTH)
    return found


def _named_value(
    found: dict[str, Any],
    name: str,
    value: Any,
    comparable: Callable[[Any], Any],
    is_read: Callable[[str], bool],
    depth: int,
) -> None:
    if not is_read(name.rpartition(".")[2]) or isinstance(value, ModuleType | type):
        return
    held = held_by(value)
    if held is None and has_parts(value) and not is_framework_object(value):
        held = vars(value)
    if held is None:
        _note(found, name, value, comparable)
        return
    # Of an object what is read is compared; but it must not be something else altogether.
    found[name] = {OPAQUE: type(value).__name__}
    if depth > 0:
        for attribute, item in held.items():
            if not attribute.startswith("__"):
                _named_value(found, f"{name}.{attribute}", item, comparable, is_read, depth - 1)


def _note(values: dict[str, Any], name: str, value: Any, comparable: Callable[[Any], Any]) -> None:
    try:
        values[name] = comparable(value)
    except NotPlain:
        # An object with parts has a place of its own; a tensor or a lock cannot be compared.
        return


def _portable(value: Any, portable: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return portable(value)
    if isinstance(value, list):
        return [_portable(item, portable) for item in value]
    if isinstance(value, dict):
        return {key: _portable(item, portable) for key, item in value.items()}
    return value


def _told(value: Any) -> str:
    text = _worded(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _worded(value: Any) -> str:
    """Return a comparable form as a person would write the value."""
    if isinstance(value, list):
        return f"[{', '.join(map(_worded, value))}]"
    if not isinstance(value, dict):
        return repr(value)
    kind, inner = next(iter(value.items()))
    if kind == "dict":
        return f"{{{', '.join(f'{_worded(key)}: {_worded(item)}' for key, item in inner)}}}"
    if kind == OPAQUE:
        return f"a {inner}"
    if kind in ("int", "float", "complex", "named"):
        return str(inner)
    return f"{type_name} {value['name']}" if (type_name := value.get("enum")) else f"{kind} {_worded(inner)}"
