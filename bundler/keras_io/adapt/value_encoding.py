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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bundler.frameworks import LISTED, root_of
from bundler.keras_io.adapt import sharing
from bundler.keras_io.adapt.public import public_place
from bundler.keras_io.adapt.tags import TAG
from bundler.keras_io.framework import keras
from bundler.keras_io.marks import key_of
from bundler.values import Unsayable, own_state, pydantic_fields, taken_apart

_PLAIN = (str, int, float, bool, type(None))
#: The kinds of arrays that go into the file beside the config.
_STORED = "biufc"
#: Keras writes arrays as lists; from this many numbers on they go into the file beside the config.
_LONG = 1000


#: Gives the arguments of a plain object of the author's, by name, or `None` where they cannot be read back.
ArgumentsOf = Callable[[Any], Mapping[str, Any] | None]
#: Answers for a value that only the object around it can name (a weight, a layer of its graph), or gives `None`.
Special = Callable[[Any], Any]


#: Keeps an array in the file beside the config, and gives its name there.
Store = Callable[[Any], str]


def encode(value: Any, arguments_of: ArgumentsOf, special: Special = lambda _: None, store: Store | None = None) -> Any:
    """Return `value` in plain types, raw Keras objects and tagged dictionaries.

    Args:
        value: an argument, or an attribute.
        arguments_of: reads the arguments of a plain object back.
        special: answers first.
        store: keeps arrays; without it they stand in the encoding.

    Raises:
        Unsayable: nothing encodes it, or something in it.
    """
    encoder = _Encoder(arguments_of=arguments_of, special=special, store=store)
    return sharing.numbered(encoder.encoded(value), encoder.shared)


@dataclass(kw_only=True, slots=True)
class _Encoder:
    """Encodes one value. `made` has the encoding of each object by identity, and `shared` those that were met again."""

    arguments_of: ArgumentsOf
    special: Special
    store: Store | None
    made: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    active: set[int] = field(default_factory=set)
    shared: list[Any] = field(default_factory=list)

    def encoded(self, value: Any) -> Any:
        if key_of(value) is not None:
            return value
        if type(value) in _PLAIN:
            return value
        named = self.special(value)
        if named is not None:
            return named
        if id(value) in self.active:
            raise Unsayable(f"of type {type(value).__qualname__!r}, which holds itself")
        if id(value) in self.made:
            again = self.made[id(value)][1]
            if isinstance(again, dict | list) and not isinstance(value, tuple | frozenset | enum.Enum | type):
                self.shared.append(again)
            return again
        self.active.add(id(value))
        try:
            made = self._encoded(value)
        finally:
            self.active.discard(id(value))
        self.made[id(value)] = (value, made)
        return made

    def _encoded(self, value: Any) -> Any:
        if isinstance(value, enum.Enum):
            single = value.name is not None and getattr(type(value), value.name, None) is value
            word = {"name": value.name} if single else {"value": self.encoded(value.value)}
            return {TAG: "enum", "of": class_node(type(value)), **word}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {TAG: "named_tuple", "of": class_node(type(value)), "items": self._all(value)}
        simple = self._simple(value)
        if simple is not None:
            return simple
        if type(value) is functools.partial:
            return {
                TAG: "partial",
                "function": self.encoded(value.func),
                "items": self._all(value.args),
                "keywords": self._named(value.keywords),
            }
        array = _array(value, self.store)
        if array is not None:
            return array
        made = taken_apart(value)
        if made is not None:
            more = {"attributes": self._named(made.attributes)} if made.attributes else {}
            items, keywords = self._all(made.items), self._named(made.keywords)
            return {TAG: "made", "maker": made.maker, "items": items, "keywords": keywords, **more}
        return self._of_class(value)

    def _simple(self, value: Any) -> Any:
        """Return the encoding of a container or a number of Python's own, which is of no other class than that."""
        if type(value) is tuple:
            return {TAG: "tuple", "items": self._all(value)}
        if type(value) is list:
            return self._all(value)
        if type(value) is dict or (isinstance(value, Mapping) and _is_frameworks(value)):
            return self._mapping(value)
        if isinstance(value, list | tuple) and _is_frameworks(value):
            # Keras and TensorFlow keep lists and dictionaries of layers in classes of their own.
            return self._all(value) if isinstance(value, list) else {TAG: "tuple", "items": self._all(value)}
        if type(value) in (set, frozenset) or (isinstance(value, set) and _is_frameworks(value)):
            kind = "frozenset" if isinstance(value, frozenset) else "set"
            return {TAG: kind, "items": sorted(self._all(value), key=repr)}
        if type(value) is bytes:
            return {TAG: "bytes", "data": base64.b64encode(value).decode("ascii")}
        if isinstance(value, slice | range):
            items = [value.start, value.stop, value.step]
            return {TAG: "slice" if isinstance(value, slice) else "range", "items": self._all(items)}
        if type(value) is complex:
            return {TAG: "complex", "items": [value.real, value.imag]}
        return {TAG: "ellipsis"} if value is Ellipsis else None

    def _all(self, values: Iterable[Any]) -> list[Any]:
        return [self.encoded(item) for item in values]

    def _named(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.encoded(item) for name, item in values.items()}

    def _mapping(self, value: Mapping[Any, Any]) -> Any:
        is_node = "class_name" in value or TAG in value
        if all(type(key) is str for key in value) and not is_node:
            return self._named(value)
        if is_node and all(type(key) is str for key in value) and TAG not in value and "registered_name" in value:
            # A config that the author wrote with serialize_keras_object and keeps: Keras's own form, also for the
            # search.
            return {TAG: "node", "of": dict(value)}
        return {TAG: "dict", "items": [[self.encoded(key), self.encoded(item)] for key, item in value.items()]}

    def _of_class(self, value: Any) -> Any:
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
            return {TAG: "variable", "value": _array(value.numpy(), self.store), "trainable": bool(value.trainable)}
        if isinstance(value, framework.Variable):
            raise Unsayable(f"a variable ({value.name})")
        if isinstance(value, framework.KerasTensor):
            raise Unsayable("a symbolic tensor")
        if hasattr(type(value), "get_config"):
            # That of a class which Keras does not know is the author's alone, and need not lead back to the object.
            state = None if _is_frameworks(value) else self._plain_state(value)
            return value if state is None else state
        if root_of(type(value)) in {*LISTED, *sys.stdlib_module_names} - {"__main__"}:
            raise Unsayable(f"of type {type(value).__qualname__!r}")
        return self._own(value)

    def _own(self, value: Any) -> dict[str, Any]:
        """Return the encoding of an object of the author's: by its state, else by the arguments of its constructor.

        An object that holds parts of the model is made by its constructor where that can be: it makes the parts.
        """
        of, problem = class_node(type(value)), None
        try:
            state: dict[str, Any] | None = self._state(value, of)
        except Unsayable as error:
            state, problem = None, error
        if state is not None and not _holds_objects(state):
            return state
        arguments = self.arguments_of(value)
        if arguments is not None:
            return {TAG: "instance", "of": of, "keywords": self._named(arguments)}
        if state is None:
            raise problem or Unsayable(f"of type {type(value).__qualname__!r}")
        return state

    def _plain_state(self, value: Any) -> dict[str, Any] | None:
        """Return the encoding of an object by its state; `None` where parts of a model are in it."""
        try:
            state = self._state(value, class_node(type(value)))
        except Unsayable:
            return None
        return None if _holds_objects(state) else state

    def _state(self, value: Any, of: dict[str, Any]) -> dict[str, Any]:
        fields = pydantic_fields(value)
        if fields is not None:
            given = self.encoded(set(value.model_fields_set))
            return {TAG: "fields", "of": of, "set": given, "keywords": self._named(fields)}
        state = own_state(value)
        # While a model is saved, its objects have a `get_config` of ours.
        named = {name: item for name, item in state.attributes.items() if name != "get_config"}
        items = [[name, self._attribute(name, item)] for name, item in named.items()]
        if state.content is None:
            return {TAG: "state", "of": of, "items": items}
        content = {"content": self.encoded(state.content), "itself": state.is_own_dict}
        return {TAG: "holder", "of": of, "items": items, **content}

    def _attribute(self, name: str, value: Any) -> Any:
        try:
            return self.encoded(value)
        except Unsayable as error:
            text = str(error)
            raise Unsayable(
                f"{text} (at {name!r})" if "(at '" not in text else text.replace("(at '", f"(at '{name}.")
            ) from None


def _is_frameworks(value: Any) -> bool:
    return any(root_of(base) in (*LISTED, "wrapt") for base in type(value).__mro__)


def _holds_objects(encoded: Any) -> bool:
    """Say whether an encoding holds raw objects of Keras's kind."""
    if isinstance(encoded, dict):
        return any(map(_holds_objects, encoded.values()))
    if isinstance(encoded, list):
        return any(map(_holds_objects, encoded))
    return not isinstance(encoded, (*_PLAIN, types.FunctionType)) and hasattr(type(encoded), "get_config")


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
    """Say whether two values of a config are equal, type by type; a tuple is not a list."""
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
        return is_of_a_list(value) and all(can_be_written(item) for item in value)
    if isinstance(value, dict):
        if type(value) is not dict and not _is_frameworks(value):
            return False
        return all(isinstance(key, str) and can_be_written(item) for key, item in value.items())
    if int(getattr(value, "size", 0) or 0) > _LONG and root_of(type(value)) in ("numpy", "tensorflow"):
        return False
    if isinstance(value, importlib.import_module("numpy").dtype | _in_parts()):
        return False
    return root_of(type(value)) in LISTED or hasattr(type(value), "get_config")


def _is_of_array_library(value: Any) -> bool:
    """Say whether `value` is a dtype, a shape or a tensor, which Keras writes as a text, a list or a node."""
    tensorflow, numpy = importlib.import_module("tensorflow"), importlib.import_module("numpy")
    return isinstance(
        value, tensorflow.DType | tensorflow.TensorShape | tensorflow.Tensor | numpy.dtype | numpy.ndarray
    )


def is_of_a_list(value: Any) -> bool:
    """Say whether a list or tuple is of no class of its own, which Keras would take for one."""
    return type(value) in (list, tuple) or _is_frameworks(value)


def changes_kind(value: Any) -> bool:
    """Say whether Keras writes `value` without a word and reads something of another class.

    A member that is a number comes back as the number, a dictionary of a class of its own as a plain one.
    """
    if isinstance(value, enum.Enum | bytes | slice | type) or _is_of_array_library(value):
        return True
    if isinstance(value, dict):
        is_other = type(value) is not dict and not _is_frameworks(value)
        return is_other or any(map(changes_kind, value.values()))
    if isinstance(value, list | tuple):
        return not is_of_a_list(value) or any(map(changes_kind, value))
    return False


def _array(value: Any, store: Store | None = None) -> Any:
    """Return the encoding of a NumPy array, scalar or dtype, or of an eager tensor, or `None` for something else."""
    numpy = importlib.import_module("numpy")
    tensorflow = importlib.import_module("tensorflow")
    if isinstance(value, tensorflow.DType | numpy.dtype):
        kind = "tensorflow_dtype" if isinstance(value, tensorflow.DType) else "dtype"
        return {TAG: kind, "name": str(value.name)}
    if isinstance(value, tensorflow.TensorShape):
        return {TAG: "tensor_shape", "items": value.as_list() if value.rank is not None else None}
    is_tensor = keras().ops.is_tensor(value)
    if (is_tensor and value.dtype == "string") or isinstance(value, _in_parts()):
        return None
    if not is_tensor and not isinstance(value, numpy.ndarray | numpy.generic):
        return None
    array = numpy.asarray(keras().ops.convert_to_numpy(value) if is_tensor else value)
    # The dtypes of ml_dtypes have a kind of records, and a name that NumPy knows.
    is_added = array.dtype.isbuiltin == 2
    if array.dtype.hasobject or (array.dtype.kind == "V" and not is_added):
        raise Unsayable("an array of Python objects" if array.dtype.hasobject else "an array of records")
    kind = "tensor" if is_tensor else ("array" if isinstance(value, numpy.ndarray) else "scalar")
    if type(value) not in (numpy.ndarray, numpy.memmap) and kind == "array":
        raise Unsayable(f"of type {type(value).__qualname__!r}")
    if store is not None and kind != "scalar" and array.dtype.kind in _STORED:
        return {TAG: kind, "dtype": array.dtype.str, "shape": list(array.shape), "member": store(array)}
    data = base64.b64encode(numpy.ascontiguousarray(array).tobytes()).decode("ascii")
    name = array.dtype.name if is_added else array.dtype.str
    return {TAG: kind, "dtype": name, "shape": list(array.shape), "data": data}


def _in_parts() -> Any:
    """Return the classes of tensors and variables that Keras would write as an array, and that are more."""
    tensorflow = importlib.import_module("tensorflow")
    return tensorflow.SparseTensor | tensorflow.RaggedTensor | tensorflow.Variable
