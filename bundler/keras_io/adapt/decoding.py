"""Values of a config or a manifest, read back; see `values` for the encoding.

What is read here was written by a stranger. Classes and functions are those that the manifest declares, or public names
of the framework from a closed list; library values come from the closed list of `bundler.values`.
"""

from __future__ import annotations

import base64
import enum
import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bundler.errors import InvalidBundle, RequirementsNotMet
from bundler.formats import keras_config
from bundler.frameworks import LISTED, root_of
from bundler.keras_io.adapt.public import public_object, public_place
from bundler.keras_io.adapt.sharing import WORD as SHARED
from bundler.keras_io.adapt.tags import TAG
from bundler.keras_io.framework import keras
from bundler.values import given_state, made

#: Gives the class of a declared object by the key that its node has; raises `KeyError`.
Lookup = Callable[[str], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """What a value may refer to: objects by key, and the arrays of the file beside the config by name.

    `view` gives a module of Python's as the bundle's code sees it.
    """

    objects: Mapping[str, Any]
    arrays: Mapping[str, Any] = field(default_factory=dict)
    view: Callable[[str], Any] | None = None

    def __call__(self, key: str) -> Any:
        """Return the object of a key; raises `KeyError`."""
        return self.objects[key]


def decode(
    value: Any,
    lookup: Lookup,
    special: Mapping[str, Callable[[dict[str, Any]], Any]] | None = None,
    shared: dict[int, Any] | None = None,
) -> Any:
    """Return what `encode` was given, from what came back from JSON; Keras nodes become objects.

    Args:
        value: a value of the config.
        lookup: gives the class of a declared object by the key that its node has; a `Declared` has arrays, too.
        special: by tag what only the object around the value can give.
        shared: what was read so far and comes again, by number.

    Raises:
        InvalidBundle: a tag is unknown or malformed.
        RequirementsNotMet: a value is of a library that is not installed.
    """
    shared = {} if shared is None else shared
    inner = functools.partial(decode, lookup=lookup, special=special, shared=shared)
    if isinstance(value, list):
        return [inner(item) for item in value]
    if not isinstance(value, dict):
        return value
    if TAG not in value:
        if isinstance(value.get("class_name"), str) and "config" in value:
            # A function that a module of the bundle gives is the bundle's, also where it took it from the framework.
            declared = _looked_up(value, lookup) if keras_config.is_function(value) else None
            return declared if declared is not None else deserialized(value)
        return _plain({key: inner(item) for key, item in value.items()})
    try:
        if special is not None and value[TAG] in special:
            return special[value[TAG]](value)
        if value[TAG] == SHARED:
            if "value" in value:
                shared[int(value["number"])] = inner(value["value"])
            return shared[int(value["number"])]
        return _DECODERS[value[TAG]](value, inner, lookup)
    except ModuleNotFoundError as error:
        name = str(error.name)
        raise RequirementsNotMet(
            "a value of the model is of a library that is missing here",
            [f"{name} is not installed"],
            [name],
            hint=f"pip install {name}",
        ) from error
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise InvalidBundle(
            f"the model's config has a value that cannot be read: {error}",
            place=f"config.json: {TAG} {str(value[TAG])[:40]!r}",
            hint="pip install --upgrade kbundle, or ask the author for a new bundle",
        ) from error


def _looked_up(node: dict[str, Any], lookup: Lookup) -> Any:
    try:
        return lookup(keras_config.lookup_key(node))
    except KeyError:
        return None


def deserialized(node: dict[str, Any]) -> Any:
    """Return what Keras makes of `node`; a function of the framework's must be one of the vocabulary of models.

    Raises:
        InvalidBundle: it is another one. Keras gives what it finds, and a config may ask for it to be called.
    """
    found = keras().saving.deserialize_keras_object(node)
    is_frameworks = root_of(found) in LISTED
    if keras_config.is_function(node) and is_frameworks and public_place(found) is None:
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
    if is_node and (keras_config.is_function(decoded) or not keras_config.is_builtin_class(decoded)):
        raise InvalidBundle(
            "the model's config hides an object in a value",
            place=f"config.json: {TAG}",
            found=str(decoded["class_name"])[:80],
            hint="ask the author for a new bundle; this one was not written by kbundle, or was changed since",
        )
    return decoded


def _decode_array(value: dict[str, Any], _: Any, lookup: Lookup) -> Any:
    numpy = importlib.import_module("numpy")
    importlib.import_module("ml_dtypes")
    if "member" in value:
        return _stored(value, lookup)
    flat = numpy.frombuffer(base64.b64decode(value["data"], validate=True), dtype=numpy.dtype(str(value["dtype"])))
    array = flat.reshape([int(size) for size in value["shape"]]).copy()
    if value[TAG] == "tensor":
        return importlib.import_module("tensorflow").constant(array)
    return array[()] if value[TAG] == "scalar" else array


def _stored(value: dict[str, Any], lookup: Lookup) -> Any:
    """Return an array of the file beside the config, in its own memory and byte order."""
    numpy = importlib.import_module("numpy")
    arrays: Mapping[str, Any] = lookup.arrays if isinstance(lookup, Declared) else {}
    kept = arrays[str(value["member"])]
    if list(kept.shape) != value["shape"]:
        raise ValueError("an array has another shape than its file")
    array = numpy.array(kept).astype(numpy.dtype(str(value["dtype"])), copy=False)
    return importlib.import_module("tensorflow").constant(array) if value[TAG] == "tensor" else array


def _decode_public(value: dict[str, Any], *_: Any) -> Any:
    return public_object(str(value["module"]), str(value["name"]))


def _decode_class(value: dict[str, Any], _: Callable[[Any], Any], lookup: Lookup) -> Any:
    node = value["of"]
    if TAG in node:
        return _decode_public(node)
    return lookup(keras_config.lookup_key(node))


def _declared(value: dict[str, Any], lookup: Lookup) -> Any:
    """Return a class of the bundle's; what the framework has is not called with arguments from a config."""
    if TAG in value["of"]:
        raise ValueError("only a class that the manifest declares is made from a config")
    return lookup(keras_config.lookup_key(value["of"]))


def _enum_class(value: dict[str, Any], inner: Callable[[Any], Any], lookup: Lookup) -> Any:
    cls = _decode_class(value, inner, lookup)
    if not (isinstance(cls, type) and issubclass(cls, enum.Enum)):
        raise ValueError(f"{cls!r} must be an enumeration")
    return cls


def _called(value: dict[str, Any], inner: Callable[[Any], Any], lookup: Lookup) -> Any:
    keywords = {str(name): inner(item) for name, item in value["keywords"].items()}
    return _declared(value, lookup)(**keywords)


def _member(value: dict[str, Any], inner: Callable[[Any], Any], lookup: Lookup) -> Any:
    cls = _enum_class(value, inner, lookup)
    # Flags that were joined have no name of their own.
    return cls[value["name"]] if "name" in value else cls(inner(value["value"]))


def _holder(value: dict[str, Any], inner: Callable[[Any], Any], lookup: Lookup) -> Any:
    items = [(str(name), inner(item)) for name, item in value["items"]]
    return given_state(_declared(value, lookup), items, inner(value["content"]), is_own_dict=value["itself"] is True)


def _fields(value: dict[str, Any], inner: Callable[[Any], Any], lookup: Lookup) -> Any:
    given = {str(name): inner(item) for name, item in value["keywords"].items()}
    return _declared(value, lookup).model_construct(set(inner(value["set"])), **given)


def _made(value: dict[str, Any], inner: Callable[[Any], Any], lookup: Lookup) -> Any:
    keywords = {str(name): inner(item) for name, item in value["keywords"].items()}
    attributes = {str(name): inner(item) for name, item in value.get("attributes", {}).items()}
    view = lookup.view if isinstance(lookup, Declared) else None
    return made(str(value["maker"]), tuple(inner(value["items"])), keywords, attributes, view)


def _revived(value: dict[str, Any], inner: Callable[[Any], Any], lookup: Lookup) -> Any:
    return given_state(_declared(value, lookup), [(str(name), inner(item)) for name, item in value["items"]])


def _partial(value: dict[str, Any], inner: Callable[[Any], Any], lookup: Lookup) -> Any:
    function, node = inner(value["function"]), value["function"]
    is_frameworks = root_of(function) in LISTED
    # What is declared of an installed distribution may be anything that can be imported here, and the arguments are
    # the config's.
    is_named = isinstance(node, dict) and node.get("class_name") == "function" and not is_frameworks
    if is_named and lookup(keras_config.lookup_key(node)) is not function:
        raise ValueError("only a function of the bundle, or of the vocabulary of models, gets arguments")
    return functools.partial(function, *inner(value["items"]), **inner(value["keywords"]))


def _decode_variable(value: dict[str, Any], inner: Callable[[Any], Any], *_: Any) -> Any:
    return importlib.import_module("tensorflow").Variable(inner(value["value"]), trainable=bool(value["trainable"]))


def _decode_dtype(value: dict[str, Any], *_: Any) -> Any:
    if value[TAG] == "dtype":
        importlib.import_module("ml_dtypes")
        return importlib.import_module("numpy").dtype(str(value["name"]))
    return importlib.import_module("tensorflow").as_dtype(str(value["name"]))


_DECODERS: dict[str, Callable[[dict[str, Any], Callable[[Any], Any], Lookup], Any]] = {
    "array": _decode_array,
    "bytes": lambda value, *_: base64.b64decode(value["data"], validate=True),
    "class": _decode_class,
    "complex": lambda value, *_: complex(*value["items"]),
    "dict": lambda value, inner, _: _plain({inner(key): inner(item) for key, item in value["items"]}),
    "dtype": _decode_dtype,
    "ellipsis": lambda *_: Ellipsis,
    "enum": _member,
    "fields": _fields,
    "frozenset": lambda value, inner, _: frozenset(inner(value["items"])),
    "holder": _holder,
    "instance": _called,
    "made": _made,
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
