"""A module that makes the values which a model calls: ``holder_loss = holder.loss``, ``gelu = keras.ops.gelu``.

A bound method, a partial function or a function of the framework is not a definition that could be copied, but a person
could write the line that makes it. These lines are written here, over the author's own classes and functions, so that
everybody can read them, and nothing comes back that they do not say. Of an object they make what the call uses, by its
constructor where that can be told; `bundler.sources.extract.value_lines` makes the whole of an object that code reads.
"""

from __future__ import annotations

import builtins
import dataclasses
import functools
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from bundler.sources.extract.constant_values import is_plain, numpy_array, numpy_scalar, written
from bundler.sources.extract.extracted import ExtractedModule
from bundler.sources.extract.naming import ModuleNames, identifier
from bundler.sources.live_objects import is_framework, is_frameworks_function
from bundler.sources.places import SCRIPTS
from bundler.sources.used_attributes import names_used, stored_arguments
from bundler.values import Unsayable

#: Module and dotted name.
Place = tuple[str, str]
REASON = "made for functions that the model holds as values"
_DOCSTRING = "Functions that the model holds as values."
_DEEPEST = 20
#: Names that the imports of such a module may bind.
_MODULES = ("functools", "keras", "math", "numpy", "operator", "tensorflow")
#: An object with given attributes and no call of its constructor, which might do anything.
_BARE = """

class {bare}({base}):
    def __init__(self):
        "Leave the attributes to the lines below: what it had when the model was packed."


{name} = {bare}()"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spelled:
    """The module, where there is one, where each value is by its key, and what cannot be spelled, by key."""

    module: ExtractedModule | None
    places: Mapping[str, Place]
    problems: Mapping[str, str]


def spell(
    values: Mapping[str, Any],
    *,
    public: Mapping[int, str],
    place_of: Callable[[type | FunctionType], Place | None],
    taken_modules: Sequence[str],
    taken_names: Sequence[str],
) -> Spelled:
    """Write the module that gives `values`.

    Args:
        values: the values by key.
        public: the public names of the framework's functions by identity.
        place_of: gives where a class or function of the author's is in the bundle, `None` for nowhere.
        taken_modules: names that the module must not have.
        taken_names: names that nothing in it must have.
    """
    writer = _SpelledWriter(public=public, place_of=place_of, taken=frozenset(taken_names))
    # The name of this module is not among its own lines, so that it can be given last.
    spelled: dict[str, str | Place] = {}
    problems: dict[str, str] = {}
    for key, value in values.items():
        everybodys = id(value) in public or isinstance(value, BuiltinFunctionType)
        direct = None if everybodys else attribute_anywhere(value)
        if direct is not None:
            spelled[key] = direct
            continue
        try:
            spelled[key] = writer.add(value)
        except Unsayable as error:
            problems[key] = str(error)
    names = [item for item in spelled.values() if isinstance(item, str)]
    if not names:
        module = None
    else:
        name = ModuleNames(taken_modules).give("model_functions", "model_values")
        module = ExtractedModule(name=name, text=writer.text().encode(), reason=REASON)
    places = {
        key: (module.name, item) if module is not None and isinstance(item, str) else item
        for key, item in spelled.items()
    }
    return Spelled(module=module, places=places, problems=problems)  # type: ignore[arg-type]


def attribute_anywhere(obj: Any) -> Place | None:
    """Return the first loaded module that has `obj`, and the name there: what a factory or a decorator made."""
    for name, module in sorted(sys.modules.items()):
        if isinstance(module, ModuleType) and name not in SCRIPTS and not is_framework(name):
            for attribute, value in list(vars(module).items()):
                if value is obj:
                    return name, attribute
    return None


def is_decorated(value: Any) -> bool:
    """Say whether `value` is what a decorator of TensorFlow's made of a function: no function, but defined as one."""
    inner = getattr(value, "__wrapped__", None)
    is_frameworks = type(value).__module__.partition(".")[0] == "tensorflow"
    return is_frameworks and isinstance(inner, FunctionType) and not is_frameworks_function(inner)


def parts_of(
    value: Any, seen: frozenset[int] = frozenset(), used: frozenset[str] = frozenset()
) -> Iterator[type | FunctionType]:
    """Yield the author's classes and functions that the line for `value` names; each may come more than once."""
    if id(value) in seen or len(seen) > _DEEPEST:
        return
    below = seen | {id(value)}
    if isinstance(value, FunctionType):
        if not is_frameworks_function(value):
            yield value
    elif is_decorated(value):
        yield value
    elif isinstance(value, type):
        if not is_framework(value.__module__):
            yield value
    elif isinstance(value, functools.partial):
        for item in (value.func, *value.args, *value.keywords.values()):
            yield from parts_of(item, below, used)
    elif isinstance(value, MethodType):
        yield from parts_of(value.__self__, below, frozenset({value.__name__}))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from parts_of(item, below, used)
    elif isinstance(value, dict):
        for item in value.values():
            yield from parts_of(item, below, used)
    elif _has_state(value) and attribute_anywhere(value) is None:
        yield type(value)
        names = _used_names(value, used)
        for name, item in vars(value).items():
            if name in names:
                yield from parts_of(item, below, names)


def _has_state(value: Any) -> bool:
    cls = type(value)
    return not is_framework(cls.__module__) and hasattr(value, "__dict__") and not isinstance(value, ModuleType)


def _used_names(value: Any, used: Collection[str]) -> frozenset[str]:
    """Return the names that may be used of `value`, where what holds it uses `used`, or calls it."""
    return names_used(type(value), [inspect.getattr_static(type(value), "__call__", None)], used)


@dataclass(kw_only=True)
class _SpelledWriter:
    public: Mapping[int, str]
    place_of: Callable[[type | FunctionType], Place | None]
    #: Keys of other objects, which a value must not go by.
    taken: frozenset[str]
    bound: set[str] = field(default_factory=lambda: {*_MODULES, *dir(builtins)})
    imports: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)
    #: Names of what has a line of its own, by identity; the values are kept, so that no identity is used twice.
    names: dict[int, str] = field(default_factory=dict)
    kept: list[Any] = field(default_factory=list)

    def add(self, value: Any) -> str:
        """Write the lines that make `value`, and return its name."""
        if id(value) in self.names:
            return self.names[id(value)]
        before = len(self.lines), set(self.imports), dict(self.names)
        try:
            text = self.expression(value, frozenset(), 0)
        except Unsayable:
            # Half a line is none.
            del self.lines[before[0] :]
            self.imports, self.names = before[1], before[2]
            raise
        if text in self.names.values():
            return text
        name = self._name(self.public[id(value)] if id(value) in self.public else _words(value))
        self._keep(value, name)
        self.lines.append(f"{name} = {text}")
        return name

    def text(self) -> str:
        imports = sorted(self.imports, key=lambda line: (line.startswith("from "), line))
        head = [f'"""{_DOCSTRING}"""', *(["", *imports] if imports else [])]
        return "\n".join([*head, *([] if self.lines[0] == "" else [""]), *self.lines, ""])

    def expression(self, value: Any, used: frozenset[str], depth: int) -> str:
        """Return an expression that gives `value`; `used` are the names that what holds it uses.

        Raises:
            Unsayable: there is none.
        """
        if id(value) in self.names:
            return self.names[id(value)]
        if depth > _DEEPEST:
            raise Unsayable(f"a value inside {depth} others; write a function (def ...) that makes it")
        if is_plain(value):
            return written(value)
        inner = functools.partial(self.expression, used=used, depth=depth + 1)
        if id(value) in self.public:
            name = self.public[id(value)]
            self.imports.add(f"import {name.partition('.')[0]}")
            return name
        if isinstance(value, type | FunctionType) or is_decorated(value):
            return self._definition(value)
        if isinstance(value, BuiltinFunctionType):
            return self._builtin(value)
        if type(value) is functools.partial:
            self.imports.add("import functools")
            given = [inner(item) for item in (value.func, *value.args)]
            given += [f"{name}={inner(item)}" for name, item in value.keywords.items()]
            return f"functools.partial({', '.join(given)})"
        if isinstance(value, MethodType):
            return self._method(value, depth)
        if type(value) in (list, tuple):
            items = [inner(item) for item in value]
            comma = "," if type(value) is tuple and len(items) == 1 else ""
            return f"[{', '.join(items)}]" if type(value) is list else f"({', '.join(items)}{comma})"
        if type(value) is dict and all(is_plain(key) for key in value):
            return "{" + ", ".join(f"{written(key)}: {inner(item)}" for key, item in value.items()) + "}"
        text = numpy_scalar(value) or numpy_array(value)
        if text is not None:
            self.imports.add("import numpy")
            return text
        if type(value).__module__.partition(".")[0] == "tensorflow" and type(value).__name__ == "DType":
            self.imports.add("import tensorflow")
            return f"tensorflow.{value.name}"
        elsewhere = attribute_anywhere(value)
        if elsewhere is not None and not isinstance(value, ModuleType):
            return self._imported(elsewhere)
        if _is_kerass(value):
            raise Unsayable(f"{_shown(value)}, which holds what the model would not know of; {_LAYER}")
        if _has_state(value):
            return self._instance(value, used, depth)
        raise Unsayable(f"{_shown(value)}, for which no line of source can be written; {_REWRITE}")

    def _definition(self, value: type | FunctionType) -> str:
        if isinstance(value, type) and value.__module__ == "builtins":
            return value.__name__
        place = self.place_of(value)
        if place is None:
            raise Unsayable(f"{value.__module__}.{value.__qualname__}, which no module gives; {_REWRITE}")
        return self._imported(place)

    def _imported(self, place: Place) -> str:
        module, qualname = place
        first, _, rest = qualname.partition(".")
        line = next((line for line in self.imports if line.startswith(f"from {module} import {first} as ")), None)
        if line is not None:
            name = line.rpartition(" ")[2]
        elif f"from {module} import {first}" in self.imports:
            name = first
        else:
            name = self._name(first, is_key=False)
            self.imports.add(f"from {module} import {first}" + (f" as {name}" if name != first else ""))
        return f"{name}.{rest}" if rest else name

    def _builtin(self, value: Any) -> str:
        module, name = str(value.__module__), value.__name__
        if module == "builtins":
            return str(name)
        public = module.removeprefix("_")
        if getattr(sys.modules.get(public), name, None) is not value:
            elsewhere = attribute_anywhere(value)
            if elsewhere is None:
                raise Unsayable(f"the built-in function {name}, which no module gives; {_REWRITE}")
            return self._imported(elsewhere)
        self.imports.add(f"import {public}")
        return f"{public}.{name}"

    def _method(self, value: MethodType, depth: int) -> str:
        owner, name = value.__self__, value.__name__
        found = getattr(owner, name, None)
        if getattr(found, "__func__", None) is not value.__func__:
            raise Unsayable(f"a method that its object does not have under the name {name!r}; {_REWRITE}")
        if _is_kerass(owner):
            raise Unsayable(
                f"the method {name!r} of {_shown(owner)}, which is not part of the model's config; {_LAYER}"
            )
        return f"{self.expression(owner, frozenset({name}), depth + 1)}.{name}"

    def _instance(self, value: Any, used: frozenset[str], depth: int) -> str:
        cls = type(value)
        if dataclasses.is_dataclass(cls) and not hasattr(cls, "__post_init__"):
            fields = [item for item in dataclasses.fields(cls) if item.init]
            if {item.name for item in fields} >= vars(value).keys():
                again = [f"{item.name}={self._part(value, item.name, used, depth)}" for item in fields]
                return f"{self._definition(cls)}({', '.join(again)})"
        own = [getattr(cls, item) is not getattr(object, item) for item in ("__new__", "__setattr__")]
        if any(own):
            raise Unsayable(f"{_shown(value)}, whose class makes its objects in a way of its own; {_CLOSURE}")
        base = self._definition(cls)
        names = _used_names(value, used)
        given = stored_arguments(value)
        texts = None
        if given is not None:
            try:
                texts = {item: self._part(value, given[item], names, depth) for item in given}
            except Unsayable:
                texts = None
        name = self._name(_words(value))
        self._keep(value, name)
        if given is not None and texts is not None:
            self.lines.append(f"{name} = {base}({', '.join(f'{item}={text}' for item, text in texts.items())})")
            names = names - set(given.values())
        else:
            bare = self._name(f"Bare{cls.__name__}")
            self.lines += _BARE.format(bare=bare, base=base, name=name).removeprefix("\n").split("\n")
        for attribute in [item for item in vars(value) if item in names]:
            self.lines.append(f"{name}.{attribute} = {self._part(value, attribute, names, depth)}")
        return name

    def _part(self, value: Any, attribute: str, used: frozenset[str], depth: int) -> str:
        try:
            return self.expression(getattr(value, attribute), used, depth + 1)
        except Unsayable as error:
            raise Unsayable(f"{_shown(value)}, and its attribute {attribute!r} is {error}") from None

    def _name(self, words: str, *, is_key: bool = True) -> str:
        stem = identifier(re.sub(r"\W+", "_", words)).strip("_") or "value"
        name, number = stem, 2
        while name in self.bound or (is_key and name in self.taken):
            name = f"{stem}_{number}"
            number += 1
        self.bound.add(name)
        return name

    def _keep(self, value: Any, name: str) -> None:
        self.names[id(value)] = name
        self.kept.append(value)


_REWRITE = "write a function (def ...) at the top level of a module that makes the call, and use that"
_CLOSURE = (
    "write it as a function in a function that gets the plain values it needs (def make_loss(weight): def loss(y, p): "
    "...; return loss) and use what that returns"
)
_LAYER = (
    "in a layer, make it a class of layers with a call() that holds it as an attribute, and use that in the model; "
    "as a loss or metric, override compute_loss() or compute_metrics() in a class of models that holds it"
)


def _is_kerass(value: Any) -> bool:
    bases = () if isinstance(value, type) else type(value).__mro__
    return any(base.__module__.partition(".")[0] == "keras" for base in bases)


def _words(value: Any) -> str:
    """Return words that say what `value` is, to make a name of."""
    if isinstance(value, functools.partial):
        return f"{_words(value.func)}_partial"
    if isinstance(value, MethodType):
        owner = value.__self__ if isinstance(value.__self__, type) else type(value.__self__)
        return f"{_snake(owner.__name__)}_{value.__name__}"
    if isinstance(value, FunctionType | BuiltinFunctionType | type):
        return str(value.__name__)
    return _snake(type(value).__name__)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _shown(value: Any) -> str:
    return f"an object of {type(value).__module__}.{type(value).__qualname__}"
