"""From a ``.keras`` file and folders of source to the custom objects, without importing any of that source.

A class node says its module, so its file is looked up by name. A function node, and a class that was defined in a
script, do not. Those are searched for by name, in the folders given and in the code that the classes import, and must
be found exactly once (I11).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bundler.errors import SourceError
from bundler.formats import keras_config
from bundler.formats.python.definitions import Definition, DefinitionKind, binds, definitions_below, definitions_in
from bundler.sources.closure import close
from bundler.sources.found import FoundObject
from bundler.sources.locate import Located, Locator, ModuleVerdict
from bundler.sources.resolve import Resolution, defines

JSON = Any

#: What a class node says about its module when that module was a script.
_NO_MODULE = ("None", "builtins", "__main__")


def resolve_file(
    config: JSON,
    *,
    sources: Sequence[Path],
    locator: Locator,
    is_builtin_function: Callable[[dict[str, JSON]], bool],
) -> Resolution:
    """Find the custom objects of a saved model file.

    Args:
        config: the value of ``config.json``.
        sources: folders that stand for entries of `sys.path`.
        locator: says where modules come from; made with the same folders as roots.
        is_builtin_function: says whether a function node is one of Keras's own.
    """
    search = _FileSearch(sources, locator)
    by_name = []
    for pointer, node in keras_config.nodes(config):
        if node["class_name"] == "__lambda__":
            search.problems.append(
                f"{pointer}: a Python lambda has no source in the file; "
                "write it as a named function in a module and save the model again"
            )
        elif keras_config.is_function(node):
            if not is_builtin_function(node):
                by_name.append((pointer, node))
        elif "module" in node and not keras_config.is_builtin_class(node) and not search.add_class(pointer, node):
            by_name.append((pointer, node))
    for pointer, node in by_name:
        search.add_by_name(pointer, node)
    for pointer, value in keras_config.walk(config):
        if isinstance(value, str) and ">" in value:
            search.add_key(pointer, value)
    return search.result()


class _FileSearch:
    def __init__(self, sources: Sequence[Path], locator: Locator) -> None:
        self.problems: list[str] = []
        self._sources = sources
        self._locator = locator
        self._refused: dict[str, list[str]] = {}
        self._found: dict[tuple[str, str, str, str | None], list[str]] = {}
        self._definitions: list[Definition] | None = None
        self._unreadable: list[Path] = []

    def add_class(self, pointer: str, node: dict[str, JSON]) -> bool:
        """Note the class of `node` if the module that it names has it."""
        module, name = str(node["module"]), str(node["class_name"])
        if module in _NO_MODULE:
            return False
        located = self._locator.locate(module)
        is_source = located.verdict is ModuleVerdict.SOURCE and binds(_text(located), name)
        if not is_source and located.verdict is not ModuleVerdict.REQUIREMENT:
            return False
        distribution = None if is_source else located.distribution
        self._add(module, name, keras_config.lookup_key(node), pointer, distribution)
        return True

    def add_by_name(self, pointer: str, node: dict[str, JSON]) -> None:
        """Note the function or class of `node` if exactly one definition has its name."""
        key = keras_config.lookup_key(node)
        kind = DefinitionKind.FUNCTION if keras_config.is_function(node) else DefinitionKind.CLASS
        name = str(node["class_name"]) if kind is DefinitionKind.CLASS else key.rpartition(">")[2]
        module = str(node.get("module"))
        definitions = self._all_definitions()
        # A node that says its module means the class of that module; a namesake from elsewhere is another one.
        near = [item for item in definitions if item.kind is kind and (module in _NO_MODULE or item.module == module)]
        candidates = (
            [item for item in near if ">" in key and item.key == key]
            or [item for item in near if ">" in key and item.key == f">{name}"]
            or [item for item in near if item.name == name]
            or [item for item in definitions if item.kind is DefinitionKind.ASSIGNMENT and item.name == name]
        )
        if len(candidates) == 1:
            self._add(candidates[0].module, candidates[0].qualname, key, pointer, None)
        else:
            self._refused.setdefault(self._explain(node, name, candidates), []).append(pointer)

    def add_key(self, pointer: str, value: str) -> None:
        """Note a string that is the key of a packed object, as in ``activation="mypkg>swish"``."""
        if pointer.rpartition("/")[2] in ("registered_name", "class_name", "config"):
            return
        found = [item for item in self._all_definitions() if item.key == value]
        if len(found) == 1:
            self._add(found[0].module, found[0].qualname, value, pointer, None)

    def result(self) -> Resolution:
        objects = tuple(
            FoundObject(
                kind="object", key=key, module=module, qualname=name, paths=tuple(paths), distribution=distribution
            )
            for (module, name, key, distribution), paths in sorted(self._found.items(), key=lambda item: item[0][:3])
        )
        refused = [f"{', '.join(pointers)}: {text}" for text, pointers in self._refused.items()]
        return Resolution(objects=objects, roots=self._roots(), problems=(*self.problems, *refused))

    def _add(self, module: str, name: str, key: str, pointer: str, distribution: str | None) -> None:
        self._found.setdefault((module, name, key, distribution), []).append(pointer)

    def _roots(self) -> dict[str, str]:
        names: dict[str, list[str]] = {}
        for module, name, _, distribution in self._found:
            if distribution is None:
                names.setdefault(module, []).append(name)
        return {module: defines(found) for module, found in sorted(names.items())}

    def _all_definitions(self) -> list[Definition]:
        """Return the definitions in the source folders and in what the classes found so far import."""
        if self._definitions is None:
            self._definitions, self._unreadable = definitions_below(self._sources)
            known = {item.module for item in self._definitions}
            try:
                modules = close(self._roots(), self._locator).modules
            except SourceError:
                modules = ()  # The packing stops at the same problems, and reports them all.
            for module in modules:
                if module.name not in known:
                    self._definitions += definitions_in(module.text, module.name)
        return self._definitions

    def _explain(self, node: dict[str, JSON], name: str, candidates: Sequence[Definition]) -> str:
        what = "function" if keras_config.is_function(node) else "class"
        if candidates:
            places = ", ".join(f"{item.module} line {item.line}" for item in candidates)
            return f"the {what} {name!r} is defined in {len(candidates)} places ({places}); give one source folder"
        module = str(node.get("module"))
        text = f"the {what} {name!r}"
        if module not in _NO_MODULE:
            text += f" of the module {module!r}"
        searched = ", ".join(str(source) for source in self._sources) or "no source folder was given"
        text += f" is not defined in any source file; searched: {searched}"
        if any(source.name == module.partition(".")[0] for source in self._sources):
            text += "; give the folder that holds the package, not the package's own"
        elif module not in _NO_MODULE:
            namesakes = [item for item in self._all_definitions() if item.name == name]
            places = ", ".join(f"{item.module} line {item.line}" for item in namesakes)
            text += (
                f"; there is one of that name in {places}" if places else f" ({self._locator.locate(module).detail})"
            )
        if self._unreadable:
            text += f"; not Python that this version reads: {', '.join(path.name for path in self._unreadable[:5])}"
        return text


def _text(located: Located) -> bytes:
    if located.text is not None:
        return located.text
    return located.file.read_bytes() if located.file else b""
