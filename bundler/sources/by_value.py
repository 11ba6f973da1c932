"""Classes and functions that have no source, as pickles: the last resort, and only for what the author names.

cloudpickle stores bytecode, so nobody can read what such an object does, and one Python minor version can run it.
What the object refers to is told apart as everywhere: the author's modules are packed as source and named by a
persistent id (`bundler.namespace.opaque` reads it), installed modules become requirements, and only what is in no
file at all goes into the pickle.
"""

from __future__ import annotations

import dis
import io
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import cloudpickle

from bundler.archive.names import collisions, name_problem
from bundler.errors import PackError, SourceError
from bundler.formats.python.definitions import definitions_in
from bundler.formats.python.relative_imports import absolute
from bundler.namespace import namespace_of
from bundler.namespace.opaque import MARK
from bundler.sources.closure import RequiredImport
from bundler.sources.extract.namespace_texts import nested
from bundler.sources.live_objects import attribute_of
from bundler.sources.locate import Locator, ModuleVerdict

#: The original module and qualified name of an object.
Place = tuple[str, str]

#: cloudpickle's table of modules to pickle by value is the process's.
_TABLE_LOCK = threading.RLock()
_NAMES = frozenset({"__module__", "__name__", "__package__", "__qualname__"})
_TRACKER = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pickles:
    """The pickles, and what they need: modules to pack with the reason, and installed distributions."""

    contents: Mapping[Place, bytes]
    roots: Mapping[str, str]
    requirements: tuple[RequiredImport, ...]


def places_of(objects: Iterable[Any], locator: Locator) -> dict[Any, Place]:
    """Return where each object that the author named believes to be defined.

    Raises:
        PackError: one is neither a class nor a plain function, or two have the same place.
        SourceError: some have source, which can be packed and read.
    """
    places: dict[Any, Place] = {}
    problems = []
    for obj in objects:
        if not isinstance(obj, type | FunctionType):
            raise PackError(
                "by_value takes classes and functions themselves",
                place="by_value",
                expected="a class or a plain function",
                found=f"an instance of {type(obj).__module__}.{type(obj).__qualname__}",
                hint="name its class, or the function that it wraps",
            )
        place = (str(obj.__module__), obj.__qualname__)
        if place in places.values() and obj not in places:
            raise PackError(
                "by_value has two different objects of one name",
                place=".".join(place),
                hint="give one of them another __qualname__",
            )
        if (where := _source_of(obj, locator)) is not None:
            problems.append(f"{'.'.join(place)} has source ({where}), which everybody can read")
        places[obj] = place
    if problems:
        raise SourceError(
            "by_value is for what has no source:", problems, hint="take these out of by_value; they travel without"
        )
    return places


def pickle_objects(places: Mapping[Any, Place], locator: Locator) -> Pickles:
    """Pickle every object of `places`.

    Raises:
        SourceError: some cannot be pickled, or need what cannot travel; every cause is listed.
    """
    contents: dict[Place, bytes] = {}
    roots: dict[str, str] = {}
    needs: dict[tuple[str, str], RequiredImport] = {}
    uses: dict[Place, set[Place]] = {}
    problems: list[str] = []
    for obj, place in places.items():
        buffer = io.BytesIO()
        with ExitStack() as stack:
            pickler = _Pickler(buffer, obj, places, locator, stack)
            try:
                pickler.dump(obj)
            except Exception as error:  # noqa: BLE001 - any __reduce__ of the author's may have raised it
                problems.append(f"{'.'.join(place)} cannot be pickled: {type(error).__name__}: {error}")
        contents[place] = buffer.getvalue()
        uses[place] = pickler.uses
        problems += pickler.problems
        roots |= {name: f"used by {'.'.join(place)}, which has no source" for name in sorted(pickler.modules)}
        for name, distribution in sorted({**pickler.distributions, "cloudpickle": "cloudpickle"}.items()):
            needs[name, distribution] = RequiredImport(
                name=name, distribution=distribution, required_by=".".join(place)
            )
    problems += _cycles(uses)
    if problems:
        raise SourceError(
            "what by_value names cannot travel:",
            list(dict.fromkeys(problems)),
            hint="define it in a module and import it from there; then its source travels",
        )
    return Pickles(contents=contents, roots=roots, requirements=tuple(needs[key] for key in sorted(needs)))


def member_names(places: Iterable[Place], taken: Iterable[str]) -> dict[Place, str]:
    """Return the member for each pickle: ``code/<module>.<qualname>.pickle``, apart from the names in `taken`."""
    used = list(taken)
    names: dict[Place, str] = {}
    for place in places:
        stem = re.sub(r"[^\w.]", "", ".".join(place))[:100].strip(".")
        number = 0
        while True:
            name = f"code/{stem}{f'-{number}' if number else ''}.pickle"
            if name_problem(name):
                # A module called "con", which Windows takes for a device.
                stem = f"object_{stem}" if stem.isascii() else "object"
                name = f"code/{stem}.pickle"
            if name_problem(name) is None and not any(True for _ in collisions([*used, name])):
                break
            number += 1
        names[place] = name
        used.append(name)
    return names


def _source_of(obj: Any, locator: Locator) -> str | None:
    """Say where the text that defines `obj` is, where it would be packed or required."""
    module = sys.modules.get(str(obj.__module__))
    namespace = namespace_of(str(obj.__module__))
    if module is None or module.__name__ == "__main__" or attribute_of(module, obj) is None:
        return None
    name = namespace.original(obj.__module__) if namespace else str(obj.__module__)
    located = locator.locate(name)
    if located.verdict in (ModuleVerdict.REQUIREMENT, ModuleVerdict.STDLIB):
        return located.detail
    text = located.text if located.text is not None else located.file.read_bytes() if located.file else None
    if located.verdict is not ModuleVerdict.SOURCE or text is None:
        return None
    # A class that somebody put into the module from outside is an attribute of it too, but not in its text.
    spelled = next((item for item in definitions_in(text, name) if item.qualname == obj.__qualname__), None)
    return f"{name}, line {spelled.line}" if spelled is not None else None


def _cycles(uses: Mapping[Place, set[Place]]) -> Iterator[str]:
    """Yield a line for each object that needs itself through others: neither could be loaded first."""
    for place in uses:
        reached: set[Place] = set()
        stack = list(uses[place])
        while stack:
            other = stack.pop()
            if other not in reached:
                reached.add(other)
                stack.extend(uses.get(other, ()))
        if place in reached:
            others = ", ".join(".".join(other) for other in sorted(reached - {place}) if place in uses.get(other, ()))
            yield f"{'.'.join(place)} and {others} need each other; make one of them an argument of the other"


@contextmanager
def _by_value(module: ModuleType) -> Iterator[None]:
    """Have cloudpickle pickle what `module` defines by value, although it could be imported."""
    with _TABLE_LOCK:
        before = module.__name__ in cloudpickle.list_registry_pickle_by_value()
        if not before:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            if not before:
                cloudpickle.unregister_pickle_by_value(module)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Pickles `top` by value and tells apart what it refers to."""

    def __init__(
        self, file: io.BytesIO, top: Any, places: Mapping[Any, Place], locator: Locator, stack: ExitStack
    ) -> None:
        super().__init__(file)
        self.modules: set[str] = set()
        self.distributions: dict[str, str] = {}
        self.uses: set[Place] = set()
        self.problems: list[str] = []
        self._top = top
        self._places = places
        self._locator = locator
        self._stack = stack
        self._in_memory: set[str] = set()
        self._pickle_module(sys.modules.get(str(top.__module__)))

    def persistent_id(self, obj: Any) -> tuple[str, ...] | None:
        """Return the id of what the bundle holds beside this pickle, `None` for the rest."""
        if obj is self._top:
            return None
        if isinstance(obj, ModuleType):
            return self._refer(obj.__name__)
        if not isinstance(obj, type | FunctionType | BuiltinFunctionType):
            return None
        if isinstance(obj, type | FunctionType) and obj in self._places:
            self.uses.add(self._places[obj])
            return (MARK, *self._places[obj])
        module = sys.modules.get(str(getattr(obj, "__module__", None)))
        if module is None or module.__name__ == "__main__":
            return None
        attribute = attribute_of(module, obj)
        return self._refer(module.__name__, attribute) if attribute else None

    def reducer_override(self, obj: Any) -> Any:
        """Reduce as cloudpickle does, without what differs from run to run or tells about the author's machine."""
        if isinstance(obj, CodeType):
            filename = f"<kbundle opaque {'.'.join(self._places[self._top])}>"
            if obj.co_filename != filename:
                return self.dispatch_table[CodeType](obj.replace(co_filename=filename))
            return NotImplemented
        reduced = super().reducer_override(obj)
        if not isinstance(reduced, tuple) or len(reduced) < 3 or not isinstance(obj, type | FunctionType):
            return reduced
        make, arguments, state, *rest = reduced
        if isinstance(obj, FunctionType):
            self._note_imports(obj)
            arguments[1].pop("__file__", None)
        else:
            # cloudpickle gives a class a random number, by which one process knows it again; a bundle's digest must
            # not depend on it, and a class of the bundle is never the author's own.
            arguments = tuple(
                None if isinstance(item, str) and _TRACKER.fullmatch(item) else item for item in arguments
            )
        # Whether two equal strings are one object depends on where they come from, and shows in a pickle.
        arguments = tuple(sys.intern(item) if type(item) is str else item for item in arguments)
        # An object that came out of a bundle goes on under the name that it had.
        names = dict(zip(("__module__", "__qualname__"), self._places[obj], strict=True)) if obj is self._top else {}
        # A copy: the first part of a function's state is its own __dict__.
        state = tuple(dict(value) if isinstance(value, dict) else value for value in state)
        for value in (*arguments, *state):
            if isinstance(value, dict):
                value.update({key: names[key] for key in names.keys() & value.keys()})
                value.update({key: sys.intern(value[key]) for key in _NAMES & value.keys() if type(value[key]) is str})
        return (make, arguments, state, *rest)

    def _refer(self, full_name: str, attribute: str | None = None) -> tuple[str, ...] | None:
        namespace = namespace_of(full_name)
        name = namespace.original(full_name) if namespace else full_name
        located = self._locator.locate(name)
        if located.verdict is ModuleVerdict.SOURCE and not located.is_namespace:
            self.modules.add(name)
            return (MARK, name, attribute) if attribute else (MARK, name)
        if located.verdict is ModuleVerdict.REQUIREMENT and located.distribution:
            self.distributions[name.partition(".")[0]] = located.distribution
        elif located.verdict in (ModuleVerdict.MISSING, ModuleVerdict.UNPACKABLE):
            module = sys.modules.get(full_name)
            if module is None or getattr(module, "__file__", None) is not None:
                self.problems.append(f"{'.'.join(self._places[self._top])} needs {name}: {located.detail}")
            self._pickle_module(module)
        return None

    def _pickle_module(self, module: ModuleType | None) -> None:
        """Pickle by value what a module without a file defines, and the object itself wherever it is."""
        if module is not None and module.__name__ != "__main__" and module.__name__ not in self._in_memory:
            self._in_memory.add(module.__name__)
            self._stack.enter_context(_by_value(module))

    def _note_imports(self, function: FunctionType) -> None:
        """Note the modules that the body of `function` imports when it runs."""
        package = str(function.__globals__.get("__package__") or "")
        for name in _imports_of(function.__code__, package):
            verdict = self._locator.locate(name).verdict
            if verdict in (ModuleVerdict.SOURCE, ModuleVerdict.REQUIREMENT):
                self._refer(name)


def _imports_of(code: CodeType, package: str) -> Iterator[str]:
    """Yield the absolute names that the import statements of `code` and of the functions in it ask for."""
    before: list[dis.Instruction] = []
    for instruction in (item for inner in nested(code) for item in dis.get_instructions(inner)):
        if instruction.opname == "EXTENDED_ARG":
            continue  # It belongs to the next one, whose argument has it already.
        if instruction.opname == "IMPORT_NAME" and len(before) >= 2:
            # The two instructions before it load the level and the names after "import".
            name = absolute(str(instruction.argval), int(before[-2].argval), package)
            if name and not name.startswith("."):
                yield name
                for item in before[-1].argval or ():
                    yield f"{name}.{item}"
        before = [*before[-1:], instruction]
