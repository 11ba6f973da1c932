"""From a live model and its config to the custom objects and the modules that define them.

A config names a class by module and name, so a class can be told apart exactly. A plain function is named by its
bare name alone; the writer makes the names distinct before it saves (see `ambiguous_functions`), and a name that
still fits two functions is an error, never a guess (I11).
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import FunctionType, MappingProxyType
from typing import Any

from bundler.formats import keras_config
from bundler.namespace import Namespace, namespace_of
from bundler.sources.extract import Extracted, extract, needs_extracting
from bundler.sources.found import FoundObject
from bundler.sources.live_objects import (
    LiveObjects,
    attribute_of,
    bases_of,
    is_framework,
    is_frameworks_function,
    kind_of,
)
from bundler.sources.locate import Locator, ModuleVerdict
from bundler.sources.places import SCRIPTS
from bundler.sources.spelled import attribute_anywhere, parts_of, spell

JSON = Any
NOTHING_EXTRACTED = Extracted(modules=(), places=MappingProxyType({}), problems=())


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """What the model needs: its objects, the modules to start from with the reason, and what stands in the way.

    `extracted` has the modules that were made for objects that no module gave.
    """

    objects: tuple[FoundObject, ...]
    roots: Mapping[str, str]
    problems: tuple[str, ...]
    extracted: Extracted = NOTHING_EXTRACTED


def ambiguous_functions(
    functions: Iterable[FunctionType], key_of: Callable[[Any], str], is_builtin_name: Callable[[str], bool]
) -> tuple[FunctionType, ...]:
    """Return the functions whose Keras key another function has too: one of the same model, or one of Keras.

    Keras writes a function of the author's that is called ``relu`` as the bare word, and reads its own back.
    """
    by_key: dict[str, list[FunctionType]] = {}
    for function in functions:
        by_key.setdefault(key_of(function), []).append(function)
    return tuple(
        function for key, group in by_key.items() if len(group) > 1 or is_builtin_name(key) for function in group
    )


def twin_classes(classes: Iterable[type]) -> tuple[type, ...]:
    """Return the classes that share module and name with another: of one factory, or of two runs of a cell."""
    by_name: dict[tuple[str, str], list[type]] = {}
    for cls in classes:
        by_name.setdefault((cls.__module__, cls.__name__), []).append(cls)
    return tuple(cls for group in by_name.values() if len(group) > 1 for cls in group if needs_extracting(cls))


def resolve_live(
    config: JSON,
    live: LiveObjects,
    *,
    registered: Mapping[str, Any],
    key_of: Callable[[Any], str],
    saved_key_of: Callable[[Any], str],
    is_builtin_function: Callable[[dict[str, JSON]], bool],
    locator: Locator,
    saved_module_of: Callable[[type], str] = lambda cls: cls.__module__,
    by_value: Mapping[Any, tuple[str, str]] = MappingProxyType({}),
    others: Sequence[FunctionType] = (),
    values: Mapping[str, Any] = MappingProxyType({}),
    public: Mapping[int, str] = MappingProxyType({}),
) -> Resolution:
    """Find the custom objects of a saved live model.

    Args:
        config: the value of ``config.json``.
        live: what the attribute walk found.
        registered: Keras's table of registered objects by key.
        key_of: gives the key that an object goes by, bundle-unique keys mapped back.
        saved_key_of: gives the key that `config` has for a function.
        is_builtin_function: says whether a function node is one of Keras's own.
        locator: says where modules come from; it gets the modules that are made.
        saved_module_of: gives the module that `config` has for a class.
        by_value: module and qualified name of each object that travels as a pickle.
        others: functions that the model does not hold and that must travel.
        values: callables by the key that `config` has for them, which a line of source makes.
        public: public names of the framework's functions, by identity.
    """
    search = _LiveSearch(
        live=live,
        registered=registered,
        key_of=key_of,
        saved_key_of=saved_key_of,
        saved_module_of=saved_module_of,
        locator=locator,
        by_value=by_value,
        paths={obj: [] for obj in (*by_value, *others)},
        values=values,
        public=public,
    )
    for pointer, node in keras_config.nodes(config):
        if node["class_name"] == "__lambda__":
            search.problems.append(
                f"{pointer}: a Python lambda that no attribute of the model holds; "
                "write it as a named function (def ...) in a module and use that"
            )
        elif keras_config.is_function(node) and node["config"] in values:
            search.add_value(str(node["config"]), pointer)
        elif keras_config.is_function(node):
            if not search.add_function(node, pointer) and not is_builtin_function(node):
                search.problems.append(
                    f"{pointer}: the function {node['config']!r} is not held by any attribute of the model; "
                    "define it in a module, at top level, and keep it as an attribute of the object that uses it"
                )
        elif "module" not in node:
            search.add_bare_node(node, pointer)
        elif not keras_config.is_builtin_class(node):
            search.add_class_node(node, pointer)
    for pointer, value in keras_config.walk(config):
        if isinstance(value, str):
            search.add_name(value, pointer)
    search.extract()
    search.spell()
    for cls in live.classes:
        search.add_live_class(cls)
    methods = {id(value) for obj in by_value if isinstance(obj, type) for value in vars(obj).values()}
    for function in live.functions:
        wrapped = inspect.unwrap(function)
        if id(getattr(wrapped, "__func__", wrapped)) in methods:
            # Keras keeps a wrapper of "build" as an attribute; a method of a pickled class needs no source.
            continue
        search.add_root(function, f"defines {function.__name__}, which the model holds")
    return search.result()


@dataclass(kw_only=True)
class _LiveSearch:
    live: LiveObjects
    registered: Mapping[str, Any]
    key_of: Callable[[Any], str]
    saved_key_of: Callable[[Any], str]
    saved_module_of: Callable[[type], str]
    locator: Locator
    by_value: Mapping[Any, tuple[str, str]]
    values: Mapping[str, Any]
    public: Mapping[int, str]
    extracted: Extracted = NOTHING_EXTRACTED
    problems: list[str] = field(default_factory=list)
    roots: dict[str, str] = field(default_factory=dict)
    defined: dict[str, list[str]] = field(default_factory=dict)
    paths: dict[Any, list[str]] = field(default_factory=dict)
    value_paths: dict[str, list[str]] = field(default_factory=dict)
    spelled: list[FoundObject] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.classes: dict[tuple[str, str, str], list[type]] = {}
        for cls in self.live.classes:
            identity = (self.saved_module_of(cls), cls.__name__, self.saved_key_of(cls))
            self.classes.setdefault(identity, []).append(cls)
        self.functions: dict[str, list[FunctionType]] = {}
        for function in self.live.functions:
            self.functions.setdefault(self.saved_key_of(function), []).append(function)

    def add_class_node(self, node: dict[str, JSON], pointer: str) -> None:
        # Keras writes no module for what a script defines.
        identity = (str(node.get("module") or "__main__"), str(node["class_name"]), keras_config.lookup_key(node))
        found = self.classes.get(identity, []) or _from_modules(*identity[:2]) or self._from_table(identity)
        if len(found) == 1:
            self.paths.setdefault(found[0], []).append(pointer)
        elif not found:
            self.problems.append(
                f"{pointer}: the class {identity[0]}.{identity[1]} is not loaded in this process; import its module"
            )
        else:
            self.problems.append(
                f"{pointer}: {len(found)} different classes are called {identity[0]}.{identity[1]}; "
                "register them with different names: @keras.saving.register_keras_serializable(package, name)"
            )

    def add_bare_node(self, node: dict[str, JSON], pointer: str) -> None:
        """Note a node that a get_config of the author's wrote by hand; Keras looks it up by its class name."""
        found = [cls for cls in self.live.classes if cls.__name__ == node["class_name"]]
        if len(found) == 1:
            self.paths.setdefault(found[0], []).append(pointer)

    def add_function(self, node: dict[str, JSON], pointer: str) -> bool:
        key = str(node["config"])
        registered = self.registered.get(key)
        found = self.functions.get(key) or ([registered] if isinstance(registered, FunctionType) else [])
        if len(found) > 1:
            self.problems.append(
                f"{pointer}: {len(found)} different functions are called {key!r}: "
                + ", ".join(f"{function.__module__}.{function.__qualname__}" for function in found)
            )
            return True
        if not found or is_frameworks_function(found[0]):
            return False
        self.paths.setdefault(found[0], []).append(pointer)
        return True

    def add_name(self, value: str, pointer: str) -> None:
        """Note a string that is a registry key: ``activation="mypkg>swish"``, or a loss given by its name."""
        obj = self.registered.get(value)
        in_compile = pointer.startswith("/compile_config/") and "/config/" not in pointer
        if obj is None or not (">" in value or in_compile) or not isinstance(obj, type | FunctionType):
            return
        if is_framework(obj.__module__) or pointer.rpartition("/")[2] in ("registered_name", "class_name", "config"):
            return
        self.paths.setdefault(obj, []).append(pointer)

    def add_live_class(self, cls: type) -> None:
        reason = f"defines {cls.__name__}, which the model holds"
        if cls in self.paths:
            return
        if kind_of(cls) != "object" or hasattr(cls, "get_config"):
            located = self.locator.locate(_original(cls.__module__))
            # What only lives inside other objects is listed when it travels, and left to its importer otherwise.
            if located.verdict is ModuleVerdict.SOURCE and attribute_of(sys.modules[cls.__module__], cls):
                self.paths[cls] = []
                return
        self.add_root(cls, reason)

    def add_root(self, obj: type | FunctionType, reason: str) -> None:
        name = _original(obj.__module__)
        if obj in self.paths or name in self.roots or name in SCRIPTS or obj.__module__ not in sys.modules:
            return
        if self.locator.locate(name).verdict is ModuleVerdict.SOURCE:
            self.roots[name] = reason

    def extract(self) -> None:
        """Make modules for the objects that no module gives."""
        loaded = {name.partition(".")[0] for name in sys.modules}
        self.extracted = extract(
            [obj for obj in self.paths if needs_extracting(obj) and obj not in self.by_value],
            taken=loaded | self.locator.top_names(),
            parts=self.live.variables,
        )
        self.locator.provide(self.extracted)
        self.problems += self.extracted.problems
        for cls in self.live.classes:
            if cls in self.extracted.places:
                self.paths.setdefault(cls, [])

    def add_value(self, key: str, pointer: str) -> None:
        """Note where the config has one of the values; the classes and functions that it is made of must come."""
        self.value_paths.setdefault(key, []).append(pointer)
        for part in parts_of(self.values[key]):
            self.paths.setdefault(part, [])

    def spell(self) -> None:
        """Make the module of the values that the config has."""
        spelled = spell(
            {key: self.values[key] for key in self.value_paths},
            public=self.public,
            place_of=self._original_place,
            taken_modules=[*{name.partition(".")[0] for name in sys.modules}, *self.locator.top_names()],
            taken_names=[*self.functions, *(cls.__name__ for cls in self.live.classes)],
        )
        for key, reason in spelled.problems.items():
            self.problems.append(f"{self.value_paths[key][0]}: {reason}")
        if spelled.module is not None:
            self.extracted = replace(self.extracted, modules=(*self.extracted.modules, spelled.module))
            self.locator.provide(replace(self.extracted, modules=(spelled.module,)))
        for key, (module, qualname) in spelled.places.items():
            name = _original(module)
            located = self.locator.locate(name)
            is_installed = located.verdict is ModuleVerdict.REQUIREMENT
            if not is_installed:
                self.defined.setdefault(name, []).append(qualname)
            self.spelled.append(
                FoundObject(
                    kind="function",
                    key=qualname,
                    module=name,
                    qualname=qualname,
                    paths=tuple(self.value_paths[key]),
                    distribution=located.distribution if is_installed else None,
                )
            )

    def _original_place(self, obj: type | FunctionType) -> tuple[str, str] | None:
        place = self.by_value.get(obj) or self._attribute(obj)
        return None if place is None else (_original(place[0]), place[1])

    def result(self) -> Resolution:
        merged: dict[tuple[str, str], FoundObject] = {}
        for obj, paths in self.paths.items():
            found = self._describe(obj, paths)
            if found is not None:
                # A class of a loaded bundle and the host's own from the same text are one object where they go.
                same = merged.get((found.module, found.qualname), found)
                both = found.paths if same is found else (*same.paths, *found.paths)
                merged[found.module, found.qualname] = replace(same, paths=both)
        merged |= {(item.module, item.qualname): item for item in self.spelled}
        objects = [merged[place] for place in sorted(merged)]
        roots = {**self.roots, **{name: defines(names) for name, names in self.defined.items()}}
        return Resolution(objects=tuple(objects), roots=roots, problems=tuple(self.problems), extracted=self.extracted)

    def _from_table(self, identity: tuple[str, str, str]) -> list[type]:
        obj = self.registered.get(identity[2])
        return [obj] if isinstance(obj, type) and obj.__name__ == identity[1] else []

    def _describe(self, obj: Any, paths: list[str]) -> FoundObject | None:
        if obj in self.by_value:
            module, qualname = self.by_value[obj]
            key = self.key_of(obj)
            return FoundObject(
                kind=kind_of(obj), key=key, module=module, qualname=qualname, paths=tuple(paths), by_value=True
            )
        place = self._attribute(obj)
        if place is None:
            return None
        module, qualname = place
        kind = kind_of(obj)
        name = _original(module)
        located = self.locator.locate(name)
        distribution = None
        if located.verdict is ModuleVerdict.REQUIREMENT:
            distribution = located.distribution
        else:
            self.defined.setdefault(name, []).append(qualname)
        if isinstance(obj, type):
            for base in bases_of(obj):
                if base not in self.extracted.places:
                    self.add_root(base, f"defines {base.__name__}, a base class of {qualname}")
        return FoundObject(
            kind=kind,
            # A lambda has no key; it becomes the function that it is extracted to.
            key=qualname if obj.__name__ == "<lambda>" else self.key_of(obj),
            module=name,
            qualname=qualname,
            paths=tuple(paths),
            distribution=distribution,
        )

    def _attribute(self, obj: Any) -> tuple[str, str] | None:
        """Return the module of `sys.modules` and the attribute that give `obj`, or note why there is none."""
        if obj in self.extracted.places:
            return self.extracted.places[obj]
        if needs_extracting(obj):
            return None  # `extract` has said why.
        what = f"the {kind_of(obj)} {obj.__qualname__}"
        module = sys.modules.get(obj.__module__)
        qualname = attribute_of(module, obj) if module is not None else None
        if qualname:
            return str(obj.__module__), qualname
        elsewhere = attribute_anywhere(obj)
        if elsewhere is not None:
            return elsewhere
        if module is None:
            remedy = "its module is not loaded any more; import it and make the model anew"
        elif hasattr(module, obj.__name__):
            remedy = "its module holds another object under that name by now; make the model anew"
        else:
            remedy = "no module has it under any name; assign it to a name at the top level of a module"
        self.problems.append(f"{what} is not an attribute of the module {obj.__module__}: {remedy}")
        return None


def defines(names: Iterable[str]) -> str:
    """Return the reason for a module that defines the objects `names`."""
    return f"defines {', '.join(sorted(set(names)))}"


def _from_modules(module_name: str, name: str) -> list[type]:
    module = sys.modules.get(module_name)
    found = vars(module).get(name) if module is not None else None
    return [found] if isinstance(found, type) else []


def _original(module_name: str) -> str:
    namespace: Namespace | None = namespace_of(module_name)
    return namespace.original(module_name) if namespace else module_name
