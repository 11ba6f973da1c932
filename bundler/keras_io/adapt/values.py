"""Values that a config cannot say in JSON, said in a small encoding of our own.

Keras objects and named functions stay what Keras writes for them, ordinary nodes of the config, so that their keys
are found and replaced like all others. Classes and enumerations are named by such a node, too: what a config may name
is what the manifest declares, and nothing is imported by a name that a config gives.

Everything else is ``{"__kbundle__": kind, ...}``: tuples, sets, bytes, arrays, slices, partial functions, plain
objects of the author's, dictionaries that JSON has no word for.
"""

from __future__ import annotations

import base64
import enum
import functools
import importlib
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

from bundler import configtree
from bundler.errors import InvalidBundle
from bundler.keras_io.adapt.own_attributes import has_attributes, own_attributes
from bundler.keras_io.adapt.public import public_object, public_place
from bundler.keras_io.framework import keras
from bundler.keras_io.marks import key_of

TAG = "__kbundle__"
_FRAMEWORK = ("keras", "tensorflow", "numpy")
_PLAIN = (str, int, float, bool, type(None))


class Unsayable(Exception):
    """A value that has no encoding; the message names it."""


#: Gives the arguments of a plain object of the author's, by name, or `None` where they cannot be read back.
ArgumentsOf = Callable[[Any], Mapping[str, Any] | None]
#: Answers for a value that only the object around it can name (a weight, a layer of its graph), or gives `None`.
Special = Callable[[Any], Any]


def encode(value: Any, arguments_of: ArgumentsOf, special: Special = lambda _: None) -> Any:
    """Return `value` in plain types, raw Keras objects and tagged dictionaries.

    Raises:
        Unsayable: there is no encoding for it, or for something in it.
    """
    if key_of(value) is not None:
        return value
    if type(value) in _PLAIN:
        return value
    named = special(value)
    if named is not None:
        return named
    if isinstance(value, enum.Enum):
        return {TAG: "enum", "of": class_node(type(value)), "name": value.name}
    inner = functools.partial(encode, arguments_of=arguments_of, special=special)
    if isinstance(value, tuple):
        if hasattr(value, "_fields"):
            return {TAG: "named_tuple", "of": class_node(type(value)), "items": [inner(item) for item in value]}
        return {TAG: "tuple", "items": [inner(item) for item in value]}
    if isinstance(value, list):
        return [inner(item) for item in value]
    if isinstance(value, Mapping):
        return _mapping(value, inner)
    if isinstance(value, set | frozenset):
        kind = "frozenset" if isinstance(value, frozenset) else "set"
        return {TAG: kind, "items": sorted((inner(item) for item in value), key=repr)}
    if isinstance(value, bytes):
        return {TAG: "bytes", "data": base64.b64encode(value).decode("ascii")}
    if isinstance(value, slice | range):
        return {TAG: "slice" if isinstance(value, slice) else "range", "items": [value.start, value.stop, value.step]}
    if isinstance(value, complex):
        return {TAG: "complex", "items": [value.real, value.imag]}
    if value is Ellipsis:
        return {TAG: "ellipsis"}
    if isinstance(value, functools.partial):
        return {
            TAG: "partial",
            "function": inner(value.func),
            "items": [inner(item) for item in value.args],
            "keywords": {name: inner(item) for name, item in value.keywords.items()},
        }
    return _framework_value(value, arguments_of, inner)


def decode(
    value: Any, lookup: Callable[[str], Any], special: Mapping[str, Callable[[dict[str, Any]], Any]] | None = None
) -> Any:
    """Return what `encode` was given, from what came back from JSON; Keras nodes become objects.

    Args:
        value: a value of the config.
        lookup: gives the class of a declared object by the key that its node has.
        special: by tag what only the object around the value can give.

    Raises:
        InvalidBundle: a tag is unknown or malformed.
    """
    inner = functools.partial(decode, lookup=lookup, special=special)
    if isinstance(value, list):
        return [inner(item) for item in value]
    if not isinstance(value, dict):
        return value
    if TAG not in value:
        if isinstance(value.get("class_name"), str) and "config" in value:
            # A function that a module of the bundle gives is the bundle's, also where it took it from the framework.
            declared = _looked_up(value, lookup) if configtree.is_function(value) else None
            return declared if declared is not None else deserialized(value)
        return _plain({key: inner(item) for key, item in value.items()})
    try:
        if special is not None and value[TAG] in special:
            return special[value[TAG]](value)
        return _DECODERS[value[TAG]](value, inner, lookup)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidBundle(
            f"the model's config has a value that cannot be read: {error}",
            place=f"config.json: {TAG} {str(value[TAG])[:40]!r}",
            hint="pip install --upgrade kbundle, or ask the author for a new bundle",
        ) from error


def _looked_up(node: dict[str, Any], lookup: Callable[[str], Any]) -> Any:
    try:
        return lookup(configtree.lookup_key(node))
    except KeyError:
        return None


def deserialized(node: dict[str, Any]) -> Any:
    """Return what Keras makes of `node`; a function of the framework's must be one of the vocabulary of models.

    Raises:
        InvalidBundle: it is another one. Keras gives what it finds, and a config may ask for it to be called.
    """
    found = keras().saving.deserialize_keras_object(node)
    is_frameworks = str(getattr(found, "__module__", "")).partition(".")[0] in _FRAMEWORK
    if configtree.is_function(node) and is_frameworks and public_place(found) is None:
        raise InvalidBundle(
            "the model's config names a function that is nothing that a model is made of",
            place=f"config.json: {str(node['config'])[:80]!r}",
            hint="ask the author for a new bundle; this one was not written by kbundle, or was changed since",
        )
    return found


def _plain(decoded: dict[Any, Any]) -> dict[Any, Any]:
    """Return a decoded dictionary, unless Keras would take it for a node that nobody could see in the config.

    Every node of a config is held against the manifest before Keras reads it; one that only decoding makes is not.
    """
    is_node = isinstance(decoded.get("class_name"), str) and "config" in decoded and "module" in decoded
    if is_node and (configtree.is_function(decoded) or not configtree.is_builtin_class(decoded)):
        raise InvalidBundle(
            "the model's config hides an object in a value",
            place=f"config.json: {TAG}",
            found=str(decoded["class_name"])[:80],
            hint="ask the author for a new bundle; this one was not written by kbundle, or was changed since",
        )
    return decoded


def class_node(cls: type | types.FunctionType) -> dict[str, Any]:
    """Return the node that names a class (or a function) without making anything of it."""
    public = public_place(cls)
    if public is not None:
        return {TAG: "public", "module": public[0], "name": public[1]}
    if isinstance(cls, type) and cls.__module__ == "builtins":
        return {TAG: "public", "module": "builtins", "name": cls.__name__}
    name = str(keras().saving.get_registered_name(cls))
    return {"module": cls.__module__, "class_name": cls.__name__, "config": {}, "registered_name": name}


def same(one: Any, other: Any) -> bool:
    """Say whether two values of a config are equal, type by type; a tuple is no list."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(left, right) for left, right in zip(one, other, strict=True))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other) if isinstance(one, _PLAIN) else one is other


def survives(value: Any) -> bool:
    """Say whether a class sees `value` again after Keras wrote and read its config: plain values, lists, dicts."""
    if isinstance(value, enum.Enum):
        return False
    if type(value) in _PLAIN:
        return True
    if isinstance(value, list):
        return all(survives(item) for item in value)
    if isinstance(value, dict):
        # What the author serialized already is the author's to read back.
        return all(isinstance(key, str) and survives(item) for key, item in value.items())
    return False


def can_be_written(value: Any) -> bool:
    """Say whether Keras can write `value` as part of a config, whatever comes back from that."""
    if isinstance(value, functools.partial | type | set | frozenset | enum.Enum) or key_of(value) is not None:
        return False
    if type(value) in _PLAIN or isinstance(value, types.FunctionType | slice):
        return True
    if isinstance(value, list | tuple):
        return all(can_be_written(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and can_be_written(item) for key, item in value.items())
    return _root(value) in _FRAMEWORK or hasattr(type(value), "get_config")


def _mapping(value: Mapping[Any, Any], inner: Callable[[Any], Any]) -> Any:
    is_node = "class_name" in value or TAG in value
    if all(type(key) is str for key in value) and not is_node:
        return {key: inner(item) for key, item in value.items()}
    if is_node and all(type(key) is str for key in value) and TAG not in value and "registered_name" in value:
        # A config that the author wrote with serialize_keras_object and keeps: Keras's own form, also for the search.
        return {TAG: "node", "of": dict(value)}
    return {TAG: "dict", "items": [[inner(key), inner(item)] for key, item in value.items()]}


def _framework_value(value: Any, arguments_of: ArgumentsOf, inner: Callable[[Any], Any]) -> Any:
    framework = keras()
    if isinstance(value, type):
        return {TAG: "class", "of": class_node(value)}
    public = public_place(value)
    if public is not None:
        return {TAG: "public", "module": public[0], "name": public[1]}
    if isinstance(value, types.FunctionType):
        return value
    if isinstance(value, types.MethodType | types.ModuleType | types.GeneratorType):
        raise Unsayable(f"of type {type(value).__name__!r} ({value!r})")
    if isinstance(value, importlib.import_module("tensorflow").Variable):
        return {TAG: "variable", "value": _array(value.numpy()), "trainable": bool(value.trainable)}
    if isinstance(value, framework.Variable):
        raise Unsayable(f"a variable ({value.name})")
    if isinstance(value, framework.KerasTensor):
        raise Unsayable("a symbolic tensor")
    array = _array(value)
    if array is not None:
        return array
    if hasattr(value, "get_config"):
        return value
    if _root(value) in ("builtins", *_FRAMEWORK) or _is_standard(value):
        raise Unsayable(f"of type {type(value).__qualname__!r}")
    arguments = arguments_of(value)
    if arguments is None:
        return _state(value, inner)
    return {TAG: "instance", "of": class_node(type(value)), "keywords": {k: inner(v) for k, v in arguments.items()}}


def _state(value: Any, inner: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the encoding of a plain object of the author's by its attributes."""
    if not has_attributes(value):
        raise Unsayable(f"of type {type(value).__qualname__!r}, which has no attributes")
    items = [[name, inner(item)] for name, item in own_attributes(value).items()]
    return {TAG: "state", "of": class_node(type(value)), "items": items}


def _array(value: Any) -> Any:
    """Return the encoding of a NumPy array, scalar or dtype, or of an eager tensor, or `None` for something else."""
    numpy = importlib.import_module("numpy")
    tensorflow = importlib.import_module("tensorflow")
    if isinstance(value, tensorflow.DType | numpy.dtype):
        kind = "tensorflow_dtype" if isinstance(value, tensorflow.DType) else "dtype"
        return {TAG: kind, "name": str(value.name)}
    if isinstance(value, tensorflow.TensorShape):
        return {TAG: "tensor_shape", "items": value.as_list() if value.rank is not None else None}
    is_tensor = keras().ops.is_tensor(value)
    if not is_tensor and not isinstance(value, numpy.ndarray | numpy.generic):
        return None
    array = numpy.asarray(keras().ops.convert_to_numpy(value) if is_tensor else value)
    # The dtypes of ml_dtypes have a kind of records, and a name that NumPy knows.
    is_added = array.dtype.isbuiltin == 2
    if array.dtype.hasobject or (array.dtype.kind == "V" and not is_added):
        raise Unsayable("an array of Python objects" if array.dtype.hasobject else "an array of records")
    kind = "tensor" if is_tensor else ("array" if isinstance(value, numpy.ndarray) else "scalar")
    data = base64.b64encode(numpy.ascontiguousarray(array).tobytes()).decode("ascii")
    name = array.dtype.name if is_added else array.dtype.str
    return {TAG: kind, "dtype": name, "shape": list(array.shape), "data": data}


def _decode_array(value: dict[str, Any], *_: Any) -> Any:
    numpy = importlib.import_module("numpy")
    importlib.import_module("ml_dtypes")
    flat = numpy.frombuffer(base64.b64decode(value["data"], validate=True), dtype=numpy.dtype(str(value["dtype"])))
    array = flat.reshape([int(size) for size in value["shape"]]).copy()
    if value[TAG] == "tensor":
        return importlib.import_module("tensorflow").constant(array)
    return array[()] if value[TAG] == "scalar" else array


def _decode_public(value: dict[str, Any], *_: Any) -> Any:
    return public_object(str(value["module"]), str(value["name"]))


def _decode_class(value: dict[str, Any], _: Callable[[Any], Any], lookup: Callable[[str], Any]) -> Any:
    node = value["of"]
    if TAG in node:
        return _decode_public(node)
    return lookup(configtree.lookup_key(node))


def _declared(value: dict[str, Any], lookup: Callable[[str], Any]) -> Any:
    """Return a class of the bundle's; what the framework has is not called with arguments from a config."""
    if TAG in value["of"]:
        raise ValueError("only a class that the manifest declares is made from a config")
    return lookup(configtree.lookup_key(value["of"]))


def _enum_class(value: dict[str, Any], inner: Callable[[Any], Any], lookup: Callable[[str], Any]) -> Any:
    cls = _decode_class(value, inner, lookup)
    if not (isinstance(cls, type) and issubclass(cls, enum.Enum)):
        raise ValueError(f"{cls!r} is no enumeration")
    return cls


def _called(value: dict[str, Any], inner: Callable[[Any], Any], lookup: Callable[[str], Any]) -> Any:
    keywords = {str(name): inner(item) for name, item in value["keywords"].items()}
    return _declared(value, lookup)(**keywords)


def _revived(value: dict[str, Any], inner: Callable[[Any], Any], lookup: Callable[[str], Any]) -> Any:
    cls = _declared(value, lookup)
    revived = cls.__new__(cls)
    for name, item in value["items"]:
        object.__setattr__(revived, str(name), inner(item))
    return revived


def _partial(value: dict[str, Any], inner: Callable[[Any], Any], lookup: Callable[[str], Any]) -> Any:
    function, node = inner(value["function"]), value["function"]
    is_frameworks = str(getattr(function, "__module__", "")).partition(".")[0] in _FRAMEWORK
    # What is declared of an installed distribution may be anything that can be imported here, and the arguments are
    # the config's.
    is_named = isinstance(node, dict) and node.get("class_name") == "function" and not is_frameworks
    if is_named and lookup(configtree.lookup_key(node)) is not function:
        raise ValueError("only a function of the bundle, or of the vocabulary of models, gets arguments")
    return functools.partial(function, *inner(value["items"]), **inner(value["keywords"]))


def _decode_variable(value: dict[str, Any], inner: Callable[[Any], Any], *_: Any) -> Any:
    return importlib.import_module("tensorflow").Variable(inner(value["value"]), trainable=bool(value["trainable"]))


def _decode_dtype(value: dict[str, Any], *_: Any) -> Any:
    if value[TAG] == "dtype":
        importlib.import_module("ml_dtypes")
        return importlib.import_module("numpy").dtype(str(value["name"]))
    return importlib.import_module("tensorflow").as_dtype(str(value["name"]))


_DECODERS: dict[str, Callable[[dict[str, Any], Callable[[Any], Any], Callable[[str], Any]], Any]] = {
    "array": _decode_array,
    "bytes": lambda value, *_: base64.b64decode(value["data"], validate=True),
    "class": _decode_class,
    "complex": lambda value, *_: complex(*value["items"]),
    "dict": lambda value, inner, _: _plain({inner(key): inner(item) for key, item in value["items"]}),
    "dtype": _decode_dtype,
    "ellipsis": lambda *_: Ellipsis,
    "enum": lambda value, inner, lookup: _enum_class(value, inner, lookup)[value["name"]],
    "frozenset": lambda value, inner, _: frozenset(inner(value["items"])),
    "instance": _called,
    "named_tuple": lambda value, inner, lookup: _declared(value, lookup)(*inner(value["items"])),
    "node": lambda value, *_: value["of"],
    "partial": _partial,
    "public": _decode_public,
    "range": lambda value, *_: range(*value["items"]),
    "scalar": _decode_array,
    "set": lambda value, inner, _: set(inner(value["items"])),
    "state": _revived,
    "slice": lambda value, *_: slice(*value["items"]),
    "tensor": _decode_array,
    "tensor_shape": lambda value, *_: importlib.import_module("tensorflow").TensorShape(value["items"]),
    "tensorflow_dtype": _decode_dtype,
    "tuple": lambda value, inner, _: tuple(inner(value["items"])),
    "variable": _decode_variable,
}


def _root(value: Any) -> str:
    return type(value).__module__.partition(".")[0]


def _is_standard(value: Any) -> bool:
    return _root(value) in sys.stdlib_module_names - {"__main__"}
