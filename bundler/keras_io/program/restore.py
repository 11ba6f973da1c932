"""Values that were set after something was made or imported: recorded by the author's process, set by the loader."""

from __future__ import annotations

import argparse
import importlib
import inspect
import types
from collections.abc import Collection, Iterable, Mapping, MutableMapping, MutableSequence, MutableSet
from dataclasses import dataclass
from typing import Any

from bundler.errors import InvalidBundle
from bundler.frameworks import makes_models
from bundler.keras_io import private
from bundler.keras_io.adapt import CLASS_VALUES, MODULE_VALUES, OBJECT_VALUES
from bundler.keras_io.adapt.decoding import Declared, decode
from bundler.keras_io.adapt.tags import TAG
from bundler.keras_io.adapt.value_encoding import encode
from bundler.keras_io.framework import keras
from bundler.keras_io.program import account
from bundler.keras_io.program.below import HOLDERS, at_place, has_parts, held_by
from bundler.keras_io.program.exclusions import exclude, excluded
from bundler.keras_io.program.held_variables import assign, held, saved_variables
from bundler.keras_io.program.own_values import OWN, OwnValues, UnnamedFunctions, own_value
from bundler.keras_io.program.plain import NameOf
from bundler.limits import LIMITS
from bundler.manifest import Adaptation
from bundler.manifest.codec import JSON
from bundler.namespace import Namespace
from bundler.values import Unsayable

VALUE_KINDS = (MODULE_VALUES, CLASS_VALUES, OBJECT_VALUES)
#: Tags of objects that only a config may ask for, where the audit looks for them.
_OBJECTS = ("instance", "state", "holder", "fields", "named_tuple", "enum", "class", "node", "variable")
#: What decides for which weights an optimizer is built.
_EARLY = (account.TRAINABLE, account.FLAGS, account.POLICY)
_KINDS = {account.MODULE: MODULE_VALUES, account.CLASS: CLASS_VALUES, account.OBJECT: OBJECT_VALUES}


@dataclass(frozen=True, kw_only=True, slots=True)
class Holders:
    """The live things that values were set on: modules by name, classes as ``module:qualname``, and the model."""

    model: Any
    modules: Mapping[str, types.ModuleType]
    classes: Mapping[str, type]

    def at(self, difference: account.ProgramDifference) -> Any:
        """Return what has the value of `difference`; raises `LookupError`."""
        if difference.group == account.MODULE:
            return self.modules[difference.place]
        return (
            self.classes[difference.place]
            if difference.group == account.CLASS
            else at_place(self.model, difference.place)
        )

    def value(self, difference: account.ProgramDifference) -> Any:
        """Return the author's value of `difference`; raises `LookupError`."""
        return _get(self.at(difference), difference.name, self.model)


def recorded(found: account.ProgramDifference, holders: Holders, name_of: NameOf) -> Adaptation:
    """Return the adaptation that sets the author's value of `found` where the bundle is loaded.

    Raises:
        Unsayable: no manifest can hold the value.
    """
    holder = holders.at(found)
    value = _get(holder, found.name, holders.model)
    if found.group == account.OBJECT:
        arrays = held(value, saved_variables(holders.model))
        value = value if arrays is None else arrays
    encoded = _encoded(value, name_of, holders.modules)
    is_stock = found.group == account.OBJECT and makes_models(type(holder)) and found.name not in _SPECIAL
    if is_stock and value is _get(holder, found.name, holders.model):
        _require_safe(holder, found.name, value)
    module, _, qualname = found.place.partition(":")
    if found.group == account.OBJECT:
        module, qualname = "", type(holder).__name__
    return Adaptation(
        kind=_KINDS[found.group],
        module=module,
        qualname=qualname,
        place=found.place if found.group == account.OBJECT else None,
        values={found.name: encoded},
    )


def value_adaptations(adaptations: Iterable[Adaptation]) -> tuple[Adaptation, ...]:
    """Return those of `adaptations` that set values, which are not an adapter's business."""
    return tuple(item for item in adaptations if item.kind in VALUE_KINDS)


def without_values(adaptations: Iterable[Adaptation]) -> tuple[Adaptation, ...]:
    """Return those of `adaptations` that are about how objects of a class are made."""
    return tuple(item for item in adaptations if item.kind not in VALUE_KINDS)


def leaves_of(value: JSON) -> list[JSON]:
    """Return the plain values in an encoded one, the keys of its dictionaries among them."""
    if isinstance(value, dict):
        return [leaf for pair in value.items() for item in pair for leaf in leaves_of(item)]
    return [leaf for item in value for leaf in leaves_of(item)] if isinstance(value, list) else [value]


def set_code_values(adaptations: Iterable[Adaptation], namespace: Namespace) -> None:
    """Set the recorded values of modules and classes of `namespace`, which imports them.

    Raises:
        InvalidBundle: the bundle lacks the class, or a value may not be set.
    """
    for item in adaptations:
        if item.kind not in (MODULE_VALUES, CLASS_VALUES):
            continue
        holder: Any = namespace.load(item.module)
        for part in item.qualname.split(".") if item.qualname else ():
            holder = inspect.getattr_static(holder, part, None)
        if item.qualname and not (
            isinstance(holder, type) and namespace.original(holder.__module__) in namespace.modules
        ):
            raise _refused(item, "the bundle does not define this class")
        for name, value in item.values.items():
            _set(item, holder, name, _decoded(value, namespace), None)


def set_object_values(
    adaptations: Iterable[Adaptation], model: Any, namespace: Namespace, *, early: bool = False
) -> None:
    """Set the recorded values of the objects below `model`; an object that the caller replaced keeps its own.

    With `early` only those that its optimizer is built by: what is trained, and the dtype policies. Then `model` is not
    compiled yet.

    Raises:
        InvalidBundle: a value may not be set.
    """
    found = [item for item in adaptations if item.kind == OBJECT_VALUES]
    # What is set on a layer goes down to its parts, which may have been set otherwise; single weights come last.
    for item in sorted(found, key=lambda item: (account.FLAGS in item.values, len(item.place or ""))):
        try:
            holder = at_place(model, item.place or "")
        except LookupError:
            continue
        if not account.is_class(type(holder), item.qualname):
            continue
        for name, value in item.values.items():
            if (name != account.TRAINED and not early) or name in _EARLY:
                is_unbuilt = name == account.FLAGS and len(value) != len(model.weights)
                if not (early and is_unbuilt):
                    _set(item, holder, name, _decoded(value, namespace), model)
    if early:
        for flags in [item.values[account.TRAINED] for item in found if account.TRAINED in item.values][:1]:
            if len(str(flags)) == len(model.weights):
                _set_flags(model, flags, None)


def _get(holder: Any, name: str, model: Any) -> Any:
    if name in _SPECIAL:
        return _SPECIAL[name][0](holder, model)
    value = holder
    for part in name.split("."):
        held = held_by(value)
        value = (vars(value) if held is None else held)[part]
    return value


def _set(item: Adaptation, holder: Any, name: str, value: Any, model: Any) -> None:
    try:
        if model is not None and name in _SPECIAL:
            _SPECIAL[name][1](holder, value, model)
            return
        *way, last = name.split(".")
        if any(part.startswith("__") or not part.isidentifier() for part in (*way, last)):
            raise _refused(item, f"the name {name[:80]!r} is the interpreter's")
        for part in way:
            holder = vars(holder)[part]
            if not (isinstance(holder, HOLDERS) or has_parts(holder)):
                raise _refused(item, f"{part!r} has no attributes that could be set")
        if assign(vars(holder).get(last), value):
            return
        if makes_models(type(holder)):
            _require_safe(holder, last, value)
        _put(holder, last, value)
    except (LookupError, TypeError, ValueError, AttributeError, Unsayable) as error:
        raise _refused(item, f"{name[:80]!r} cannot be set: {error}") from error


def _put(holder: Any, name: str, value: Any) -> None:
    """Set `name`, or change the container that is there in place: other modules may hold that very container."""
    there = vars(holder).get(name)
    if isinstance(there, MutableMapping) and isinstance(value, dict):
        there.clear()
        there.update(value)
    elif isinstance(there, MutableSequence) and isinstance(value, list | tuple):
        there[:] = list(value)
    elif isinstance(there, MutableSet) and isinstance(value, set | frozenset | list):
        there.clear()
        there |= set(value)
    elif isinstance(there, HOLDERS) and type(value) is type(there):
        vars(there).clear()
        vars(there).update(vars(value))
    elif isinstance(holder, argparse.Namespace | types.SimpleNamespace | type | types.ModuleType):
        setattr(holder, name, value)
    else:
        try:
            setattr(holder, name, value)
        except AttributeError:
            # A frozen dataclass, or a property without a setter.
            object.__setattr__(holder, name, value)


def _require_safe(holder: Any, name: str, value: Any) -> None:
    """Refuse to set on an object of Keras's own what could make it do something else than compute.

    Numbers for numbers, and functions of models for functions. Texts may be the paths of files. A name that Keras does
    not have is an author's mark.
    """
    if name not in vars(holder) and not hasattr(type(holder), name):
        return
    there = vars(holder)[name] if name in vars(holder) else inspect.getattr_static(type(holder), name)
    if callable(there) and (callable(value) or value is None):
        return
    numbers = (bool, int, float, type(None))
    if isinstance(there, (*numbers, list, tuple)) and all(isinstance(item, numbers) for item in _leaves(value)):
        return
    if _is_numeric(there) and _is_numeric(value):
        # What `adapt` of a preprocessing layer has counted so far.
        return
    is_arguments = name == private.ARGUMENTS and isinstance(there, dict) and isinstance(value, dict)
    if is_arguments and all(isinstance(item, numbers) or there.get(key) == item for key, item in value.items()):
        return
    raise Unsayable(f"on a class of Keras's own, where {type(value).__name__!r} is neither a number nor a function")


def _is_numeric(value: Any) -> bool:
    numpy = importlib.import_module("numpy")
    return isinstance(value, numpy.ndarray) and value.dtype.kind in "biuf"


def _leaves(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list | tuple) else [value]


def _encoded(value: Any, name_of: NameOf, modules: Collection[str]) -> JSON:
    own = OwnValues(name_of, modules, lambda item: encode(item, lambda _: None, own))
    encoded = encode(value, lambda _: None, own)
    if own.unnamed:
        raise UnnamedFunctions(own.unnamed)
    _require_plain(encoded)
    size = len(importlib.import_module("json").dumps(encoded))
    if size > LIMITS.value:
        raise Unsayable(f"of {size} bytes, more than {LIMITS.value}")
    return encoded


def _decoded(value: JSON, namespace: Namespace) -> Any:
    # An object is not among the values that are set.
    nothing = Declared(objects={}, view=namespace.seen)

    def inner(item: Any) -> Any:
        return decode(item, nothing, {OWN: lambda node: own_value(node, namespace, inner)})

    _require_plain(value)
    return inner(value)


def _require_plain(value: Any) -> None:
    """Refuse a node of Keras's form: only the config names objects, which is where they are looked for.

    Raises:
        Unsayable: there is one.
    """
    if isinstance(value, dict):
        of = value.get("of")
        is_public = value.get(TAG) == "class" and isinstance(of, dict) and of.get(TAG) == "public"
        if "class_name" in value or (value.get(TAG) in _OBJECTS and not is_public):
            raise Unsayable("an object of a class")
        for item in value.values():
            _require_plain(item)
    elif isinstance(value, list):
        for item in value:
            _require_plain(item)
    elif not (value is None or isinstance(value, str | bool | int | float)):
        raise Unsayable(f"of type {type(value).__name__!r}")


def _refused(item: Adaptation, why: str) -> InvalidBundle:
    return InvalidBundle(
        f"a recorded value cannot be set: {why}",
        place=f"manifest.json: adaptations, {item.kind} of {(item.place or item.module)[:80]} {item.qualname[:80]}",
        hint="ask the author for a new bundle; this one was not written by kbundle, or was changed since",
    )


def _set_policy(layer: Any, value: Any, _: Any) -> None:
    policy = keras().dtype_policies.get(str(value))
    if isinstance(layer, keras().layers.Layer):
        layer.dtype_policy = policy
    else:
        private.set_plain_policy(layer, policy)


def _set_flags(model: Any, value: Any, _: Any) -> None:
    for variable, flag in zip(model.weights, str(value), strict=True):
        if variable.trainable is not (flag == "1"):
            variable.trainable = flag == "1"


def _set_trainable(layer: Any, value: Any, _: Any) -> None:
    layer.trainable = bool(value)


#: What is read and set by other means than an attribute of that name.
_SPECIAL: dict[str, tuple[Any, Any]] = {
    account.TRAINABLE: (lambda layer, _: bool(layer.trainable), _set_trainable),
    account.POLICY: (lambda layer, _: account.policy_of(layer).name, _set_policy),
    account.FLAGS: (lambda model, _: account.flags_of(model), _set_flags),
    account.TRAINED: (account.trained_of, lambda *_: None),
    account.EXCLUDED: (excluded, lambda optimizer, value, model: exclude(optimizer, model, value)),
}
