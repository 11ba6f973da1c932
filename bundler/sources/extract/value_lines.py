"""Values that no statement of the author's gives again, written as the lines that make them.

What comes out is text that a person can read: ``args = argparse.Namespace(scale=2.0)``. An object of an author's class
is made without its constructor and gets its attributes, one line each. Long arrays and lists lie in a file beside the
module, which its text reads without pickle.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FunctionType, GenericAlias, MethodType, ModuleType
from typing import Any

from bundler.sources.extract import framework_values, keras_models, own_text
from bundler.sources.extract.array_text import ArrayText
from bundler.sources.extract.constant_values import type_name
from bundler.sources.extract.draft import Draft
from bundler.sources.extract.scalars import SCALARS, scalar
from bundler.values import SETTERS, Unsayable, module_of, own_state, pydantic_fields, taken_apart

#: Gives the name by which a draft has a module, class, function or object that is not written but referred to.
Refer = Callable[[Any], str]

_DEEPEST = 40
#: ``Box[int]``, of both kinds that Python has.
_ALIASES = (GenericAlias, type(typing.List[int]))  # noqa: UP006


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueText:
    """The lines that bind a name to a value: their text, every name that they bind, and the objects by these names."""

    lines: str
    names: tuple[str, ...]
    objects: tuple[tuple[Any, str], ...] = ()


@dataclass(kw_only=True, slots=True, eq=False)
class Writer:
    """Writes one value for one draft.

    Attributes:
        draft: the module that gets the lines.
        name: what the value is bound to.
        refer: gives names for what the value refers to.
        known: gives the name of an object that the draft, or the author's namespace, has already; `None` for others.
        is_free: says whether a name can be bound in the draft.
        parts: the variables of the packed model, by identity.
    """

    draft: Draft
    name: str
    refer: Refer
    known: Callable[[Any], str | None]
    is_free: Callable[[str], bool]
    parts: frozenset[int] = frozenset()
    _lines: list[str] = field(default_factory=list)
    _names: dict[int, str] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)
    _active: set[int] = field(default_factory=set)
    _apart: set[int] = field(default_factory=set)
    _keep: list[Any] = field(default_factory=list)
    _arrays: ArrayText = field(init=False)
    _way: list[str] = field(default_factory=list)
    _adapted: list[str] = field(default_factory=list)

    def text(self, value: Any) -> ValueText:
        """Return the lines for `value`; what occurs in it twice is made once.

        Raises:
            Unsayable: it, or something in it, cannot be carried; the message says which.
        """
        while True:
            apart = len(self._apart)
            self._lines, self._names, self._seen, self._active = [], {}, set(), set()
            self._arrays = ArrayText(
                module=self.draft.name, name=self.name, refer=self.refer, expression=self._expression
            )
            self._way, self._adapted = [], []
            expression = self._expression(value, self.name)
            if len(self._apart) == apart:
                break
        if expression != self.name:
            self._lines.append(f"{self.name} = {expression}")
        self.draft.arrays.update(self._arrays.kept)
        return ValueText(
            lines="\n".join(self._lines),
            names=tuple(dict.fromkeys([self.name, *self._names.values()])),
            objects=tuple((item, self._names[id(item)]) for item in self._keep if id(item) in self._names),
        )

    def _expression(self, value: Any, name: str | None = None) -> str:
        """Return an expression for `value`. One that takes lines of its own is bound to `name`, or to a new name."""
        if type(value) in SCALARS:
            return scalar(value)
        if len(self._way) > _DEEPEST:
            raise Unsayable("nested too deep")
        if id(value) in self._names:
            return self._names[id(value)]
        if id(value) in self._active:
            raise Unsayable(f"of type {type_name(value)!r} and holds itself")
        found = None if name == self.name else self.known(value)
        if found is not None:
            return found
        reference = self._reference(value)
        if reference is not None:
            return reference
        if id(value) in self._seen and type(value) not in (tuple, frozenset, range, slice):
            self._apart.add(id(value))
        self._seen.add(id(value))
        self._keep.append(value)
        self._active.add(id(value))
        try:
            text = self._written(value, name)
        finally:
            self._active.discard(id(value))
        if id(value) in self._apart and id(value) not in self._names and name != self.name:
            self._names[id(value)] = self._new_name()
            self._lines.append(f"{self._names[id(value)]} = {text}")
            return self._names[id(value)]
        return text

    def _reference(self, value: Any) -> str | None:
        if isinstance(value, enum.Enum):
            cls = self.refer(type(value))
            single = value.name is not None and getattr(type(value), value.name, None) is value
            return f"{cls}.{value.name}" if single else f"{cls}({scalar(value.value)})"
        if isinstance(value, _ALIASES) and typing.get_origin(value) is not None:
            items = ", ".join(self._expression(item) for item in typing.get_args(value))
            return f"{self.refer(typing.get_origin(value))}[{items}]"
        is_named = isinstance(value, type | FunctionType | BuiltinFunctionType | ModuleType)
        if is_named or framework_values.is_function(value):
            return self.refer(value)
        return None

    def _written(self, value: Any, name: str | None) -> str:
        if type(value) in (list, tuple, dict, set, frozenset):
            return self._container(value)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return self._named_tuple(value)
        if isinstance(value, range | slice):
            parts = [value.start, value.stop, value.step]
            if parts[2] in (None, 1):
                parts = parts[:2]
            return f"{type(value).__name__}({', '.join(self._expression(item) for item in parts)})"
        if isinstance(value, functools.partial) and type(value) is functools.partial and not vars(value):
            return self._call("functools.partial", (value.func, *value.args), value.keywords)
        if isinstance(value, MethodType):
            return f"{self._in('__self__', value.__self__)}.{value.__name__}"
        array = self._arrays.of(value)
        if array is not None:
            return array
        if (variable := framework_values.variable_for(value)) is not None:
            if id(value) in self.parts:
                raise Unsayable("a variable of the packed model")
            return self._call(variable.maker, variable.items, variable.keywords)
        made = taken_apart(value)
        if made is not None:
            text = self._call(made.maker, made.items, made.keywords)
            if not made.attributes:
                return text
            own = self._bound(value, text, name)
            for attribute, item in made.attributes.items():
                inner = self._in(attribute, item)
                is_call = attribute in SETTERS
                self._lines.append(f"{own}.{attribute}({inner})" if is_call else f"{own}.{attribute} = {inner}")
            return own
        if keras_models.is_model(value):
            return self._model(value, name)
        if keras_models.is_layer_with_weights(value):
            return self._built(value, name)
        framework = framework_values.lines_for(value)
        return self._own(value, name) if framework is None else self._framework(value, framework, name)

    def _framework(self, value: Any, call: framework_values.Call, name: str | None) -> str:
        text = self._call(call.maker, call.items, call.keywords)
        if not call.after:
            return text
        own = self._bound(value, text, name)
        self._lines += [f"{own}{path}({self._in(path, item)})" for path, item in call.after]
        return own

    def _model(self, value: Any, name: str | None) -> str:
        if any(id(variable) in self.parts for variable in value.variables):
            raise Unsayable("a Keras model that shares weights with the packed model")
        own = self._bound(value, self._graph(value), name)
        if value.weights:
            weights = [self._arrays.from_file(weight) for weight in keras_models.weights_of(value)]
            self._lines.append(f"{own}.set_weights({_display('[', weights, ']')})")
            # The mean and the variance of Normalization, which it computes with, are made of its weights.
            self._lines += [f"{layer}.finalize_state()" for layer in self._adapted]
        if not value.trainable:
            self._lines.append(f"{own}.trainable = False")
        return own

    def _built(self, layer: Any, name: str | None) -> str:
        if any(id(weight) in self.parts for weight in layer.weights):
            # Made once for the module, it would be one part of all models that are loaded from the bundle.
            raise Unsayable("a Keras layer that shares weights with the packed model")
        own = self._bound(layer, self._layer(layer), name)
        self._lines.append(f"{own}.build({self._in('build', keras_models.input_shape_of(layer))})")
        weights = [self._arrays.from_file(weight) for weight in keras_models.weights_of(layer)]
        self._lines.append(f"{own}.set_weights({_display('[', weights, ']')})")
        return own

    def _graph(self, model: Any) -> str:
        return keras_models.text_of(
            model,
            keras_models.Pen(
                expression=self._expression,
                layer=self._layer,
                bind=lambda text: self._bound(object(), text, None),
                keras=lambda: self.refer(_module("keras.Model")),
            ),
        )

    def _layer(self, layer: Any) -> str:
        if keras_models.is_model(layer):
            return self._graph(layer)
        call = framework_values.lines_for(layer, weights=False)
        if call is None:
            raise Unsayable(f"a Keras model with a layer of type {type_name(layer)!r}")
        if not keras_models.is_adapted(layer):
            return self._framework(layer, call, None)
        self._adapted.append(self._bound(layer, self._framework(layer, call, None), None))
        return self._adapted[-1]

    def _own(self, value: Any, name: str | None) -> str:
        own_text.check(value)
        cls = self.refer(type(value))
        given = pydantic_fields(value)
        if given is not None:
            inner = ", ".join(f"{key}={self._in(key, item)}" for key, item in given.items())
            fields = self._expression(set(value.model_fields_set))
            return f"{cls}.model_construct({fields}{', ' if inner else ''}{inner})"
        state = own_state(value)
        if own_text.is_plain_dataclass(type(value), state.attributes):
            names = [item.name for item in dataclasses.fields(value)]
            return f"{cls}({', '.join(f'{item}={self._in(item, state.attributes[item])}' for item in names)})"
        own = self._bound(value, f"{cls}.__new__({cls})", name)
        if state.is_own_dict:
            self._lines.append(f"{own}.__dict__ = {own}")
        if state.content:
            self._lines.append(own_text.filled(type(value), own, self._expression(state.content)))
        for attribute, item in state.attributes.items():
            inner = self._in(attribute, item)
            self._lines.append(own_text.attribute_set(type(value), own, attribute, inner, state.slots))
        return own

    def _bound(self, value: Any, text: str, name: str | None) -> str:
        """Bind `text` to a name before the parts of `value` are written, which may lead back to it."""
        own = self._names.setdefault(id(value), name or self._new_name())
        self._lines.append(f"{own} = {text}")
        self._keep.append(value)
        return own

    def _new_name(self) -> str:
        taken = {self.name, *self._names.values()}
        number = 1
        while (made := f"_{self.name.lstrip('_')}_{number}") in taken or not self.is_free(made):
            number += 1
        return made

    def _in(self, step: str, value: Any) -> str:
        self._way.append(step)
        try:
            return self._expression(value)
        except Unsayable as error:
            text = str(error)
            # The innermost place says it all.
            raise Unsayable(text if text.startswith("at ") else f"at {'.'.join(self._way)} {text}") from None
        finally:
            self._way.pop()

    def _call(self, maker: str, items: tuple[Any, ...], keywords: Mapping[str, Any]) -> str:
        prefix = "" if maker.startswith("builtins.") else f"{self.refer(_module(maker))}."
        function = maker.removeprefix(f"{module_name(maker)}.")
        parts = [self._in(str(index), item) for index, item in enumerate(items)]
        parts += [f"{key}={self._in(key, item)}" for key, item in keywords.items()]
        return f"{prefix}{function}({', '.join(parts)})"

    def _named_tuple(self, value: Any) -> str:
        cls = self.refer(type(value))
        items = [self._in(name, getattr(value, name)) for name in value._fields]
        base = next(base for base in type(value).__mro__ if "_fields" in vars(base))
        made = inspect.getattr_static(type(value), "__new__")
        # `_make` is the way around a __new__ of the author's.
        is_generated = made is inspect.getattr_static(base, "__new__") and "_make" in vars(base)
        return f"{cls}({', '.join(items)})" if is_generated else f"{cls}._make(({', '.join(items)},))"

    def _container(self, value: Any) -> str:
        kept = self._arrays.of_container(value)
        if kept is not None:
            return kept
        if isinstance(value, dict):
            parts = [f"{self._expression(key)}: {self._in(_step(key), item)}" for key, item in value.items()]
            return _display("{", parts, "}")
        if isinstance(value, set | frozenset):
            parts = sorted(self._expression(item) for item in value)
            inner = _display("{", parts, "}") if parts else "set()" if isinstance(value, set) else ""
            return f"frozenset({inner})" if isinstance(value, frozenset) else inner
        parts = [self._in(str(index), item) for index, item in enumerate(value)]
        if isinstance(value, list):
            return _display("[", parts, "]")
        return _display("(", [*parts, ""] if len(parts) == 1 else parts, ")")


def module_name(maker: str) -> str:
    """Return the module of a maker, or of a public name of the framework."""
    return "scipy.sparse" if maker.startswith("scipy.sparse.") else maker.partition(".")[0]


def _module(maker: str) -> ModuleType:
    name = module_name(maker)
    return sys.modules.get(name) or __import__(module_of(maker) if "." in name else name)


def _step(key: Any) -> str:
    return str(key) if isinstance(key, str | int) else type(key).__name__


def _display(start: str, parts: list[str], end: str) -> str:
    """Return a list, dictionary or set: in one line, or where that is long an item a line."""
    line = start + ", ".join(parts).rstrip(" ") + end
    if len(line) <= 110 or len(parts) < 2:
        return line
    rows: list[str] = []
    for part in parts:
        if not part:
            continue
        if rows and len(rows[-1]) + len(part) < 100 and "\n" not in part:
            rows[-1] += f" {part},"
        else:
            rows.append(f"    {part},")
    return "\n".join([start, *rows, end])
