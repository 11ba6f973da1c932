"""What the code of one bundle gets when it reaches for something by a name: the thing itself, a view, a tag or a stub.

One question is asked of every name that it reads of a module of the host, and of every attribute that it reads by a
computed name: does this only compute? The audit's closed lists answer, by the name's canonical path; where no list has
that, by the home that the object itself states. What no list has stays closed, except in requirements, whose code
nobody audits.
"""

from __future__ import annotations

import collections
import copy
import importlib
import pkgutil
import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from bundler.frameworks import LISTED
from bundler.namespace.guard import Guard
from bundler.namespace.stubs import Stub, ValueStub, tagger
from bundler.namespace.tables import Meaning, Named
from bundler.namespace.views import View

_OWN = __name__.partition(".")[0]
#: Capabilities whose effects the hook sees: a function that takes one of them may come tagged.
_BY_EFFECT = frozenset({"filesystem", "network", "process", "unsafe-deserialization"})
#: Modules of the standard library whose Python functions end in nothing but calls that raise events.
_SEEN = frozenset(
    "os shutil glob tempfile subprocess socket urllib gzip bz2 lzma codecs io zipfile tarfile pickle shelve"
    " dbm sqlite3 plistlib filecmp pathlib tomllib json py_compile compileall runpy".split()
)
#: Of the C functions of the standard library, those that raise an event (Python's table of audit events).
_EVENTED = frozenset(
    (
        "chdir chflags chmod chown listdir link mkdir open popen remove removexattr rename replace"
        " rmdir scandir setxattr symlink system truncate unlink utime kill killpg fork forkpty execv"
        " execve posix_spawn posix_spawnp startfile getxattr listxattr"
    ).split()
)
_DATA = (bool, int, float, complex, str, bytes, tuple, frozenset, type(None), type(Ellipsis))
#: Public functions of those modules that look, or set something for the process, and raise no event.
_UNSEEN = frozenset(
    "shutil.which filecmp.cmp glob.glob0 os.path.relpath urllib.request.install_opener shutil.register_archive_format"
    " shutil.unregister_archive_format shutil.register_unpack_format shutil.unregister_unpack_format".split()
)
#: Listed as sinks for what a reader should know of them; while the code runs nothing about them needs a word.
_FREE = frozenset(
    (
        "tensorflow.py_function tensorflow.numpy_function tensorflow.get_logger"
        " functools.singledispatchmethod gc.collect gc.enable gc.disable"
        " gc.isenabled gc.freeze pickle.dumps pickle.dump"
        " tensorflow.__internal__.tracking.no_automatic_dependency_tracking tensorflow.__internal__.types.Tensor"
        " multiprocessing.cpu_count logging.LoggerAdapter logging.addLevelName"
        " argparse.Action argparse.HelpFormatter"
        " argparse.ArgumentDefaultsHelpFormatter argparse.RawTextHelpFormatter"
        " argparse.RawDescriptionHelpFormatter argparse.MetavarTypeHelpFormatter"
        " argparse.BooleanOptionalAction"
        " tensorflow.python.eager.monitoring.BoolGauge tensorflow.python.eager.monitoring.Counter"
        " inspect.getfile inspect.getsourcefile"
        " codecs.lookup_error codecs.encode codecs.decode codecs.getencoder codecs.getdecoder"
        " distutils.version.LooseVersion distutils.version.StrictVersion"
    ).split()
)
#: They evaluate text where it is given as an annotation, and then an event tells.
_TAGGED = frozenset({"typing.get_type_hints"})
#: The classes of the interpreter's own objects, by the names that `types` gives them; the first of several.
_TYPES = {kind: f"types.{name}" for name, kind in reversed(vars(types).items()) if isinstance(kind, type)}
#: The classes of what annotations are made of.
_ALIASES = (
    *(types.GenericAlias, types.UnionType, type(typing.Annotated[int, 0]), type(typing.List[int])),  # noqa: UP006
    *(type(typing.Union[int, str]), type(typing.Literal[1])),  # noqa: UP007
)
_TABLES = (dict, list, set, collections.OrderedDict, collections.defaultdict)
#: What a module has for the interpreter to work with.
_INNER = frozenset({"__dict__", "__cached__", "__builtins__", "__loader__", "__spec__", "__getattr__", "__dir__"})
#: C modules whose functions the lists know under the name of the module that exports them.
_HOMES = {"posix": "os", "nt": "os", "_thread": "threading", "_pickle": "pickle", "_socket": "socket", "_io": "io"}


class Reach:
    """Hands out what the code of one bundle reaches for."""

    def __init__(self, guard: Guard, stand_ins: Callable[[Reach], Mapping[str, Any]]) -> None:
        """Hand out for the code that `guard` holds; its `builtins` are there, if not yet complete.

        Args:
            guard: what was accepted, and the closed lists.
            stand_ins: makes what takes the place of single names, by canonical path.
        """
        self.guard = guard
        #: The class that stands for `pathlib.Path`; the stand-ins make it.
        self.path_kind: Any = None
        self.tagged = tagger(guard)
        self._views: dict[int, View] = {}
        self._stubs: dict[tuple[str, str], Stub] = {}
        self._behind: dict[int, Any] = {}
        self._stand_ins: dict[str, Any] = {}
        # Values that hold what is the process's, wherever they are found.
        self._known_objects = tuple(
            (pkgutil.resolve_name(path), path)
            for path in ("os.environ", "os.environb", "sys.modules", "sys.path", "sys.meta_path", "sys.argv")
        )
        self.stand_in(stand_ins(self))

    def stand_in(self, found: Mapping[str, Any]) -> None:
        """Hand out what `found` has for a canonical path, whatever is there."""
        self._stand_ins.update(found)

    def view(self, module: ModuleType, name: str | None = None) -> ModuleType:
        """Return the view of a module of the host, under `name` or its own; a bundle's module comes back as it is."""
        name = name or self.guard.tables.look(module.__name__).path
        if isinstance(module, View) or _is_bundled(module):
            return module
        # By the module itself: keras.layers and tensorflow.keras.layers go by one path, and the second has more.
        key = id(module)
        if key not in self._views:
            self._views[key] = View(
                name,
                module.__doc__,
                read=lambda attribute: self.member(module, name, attribute),
                names=lambda: dir(module),
                public=lambda: _public(module),
                hidden=lambda attribute: attribute in _INNER or self.guard.tables.interpreter_name(attribute),
            )
        return self._views[key]

    def member(self, module: ModuleType, place: str, name: str) -> Any:
        """Return what `name` of `module`, whose dotted name is `place`, is for the bundle's code.

        Raises:
            AttributeError: the module has nothing of that name.
        """
        path = f"{place}.{name}"
        if place.partition(".")[0] == _OWN:
            # A script imports kbundle to pack its model. A bundle that had it would have what holds it.
            return self.stub(path, "reflection", getattr(module, name))
        stand_in = self._stand_ins.get(path)
        if stand_in is not None:
            return stand_in
        try:
            value = getattr(module, name)
        except AttributeError:
            # The error of Python holds the module itself, as `obj`.
            raise AttributeError(f"module {place!r} has no attribute {name!r}", name=name) from None
        return self.handed_out(path, value)

    def handed_out(self, path: str, value: Any) -> Any:
        """Return what the code gets for `value`, which it reached for under the dotted name `path`."""
        if isinstance(value, ModuleType) or type(value).__name__ == "LazyModule":
            return self._module(path, value)
        named = self.guard.tables.look(path)
        if isinstance(value, _DATA):
            private = named.kind is Meaning.SINK and named.capability == "environment"
            return self.closed(named.path, "environment", value) if private else value
        if path in _FREE or named.path in _FREE or self._is_bundles(value):
            return value
        if named.path in _TAGGED:
            return self.tagged(value)
        if type(value) in _TABLES and named.kind is not Meaning.SINK and self._is_known(path):
            return copy.copy(value)  # What is added to the table itself is everybody's.
        if named.path in self._stand_ins:
            return self._stand_ins[named.path]
        if named.kind is Meaning.CALL and isinstance(value, FunctionType):
            # The audit looks at its arguments where it is called; elsewhere the hook does.
            return self.tagged(value)
        if named.kind in (Meaning.PLAIN, Meaning.CALL):
            return value
        if named.kind is not Meaning.SINK and type(value) in _ALIASES:
            return value  # ``PositiveInt = Annotated[int, Gt(0)]`` says that it is at home where `int` is.
        home = self._home(value)
        if home is not None:
            if home.path in self._stand_ins:
                return self._stand_ins[home.path]
            if home.path in _TAGGED:
                return self.tagged(value)
            if home.path in _FREE or (home.kind in (Meaning.PLAIN, Meaning.CALL) and not self._is_listed(named)):
                return value
            sink = named if named.kind is Meaning.SINK else home
            return self.closed(sink.path, sink.capability, value)
        kind = self._home(type(value))
        if named.path.startswith("tensorflow.python.") and kind is not None and kind.kind is Meaning.PLAIN:
            return value  # A dtype or a shape: what its class is says what it can do.
        if named.kind is Meaning.SINK and (callable(value) or self._is_known(named.path)):
            return self.closed(named.path, named.capability, value)
        if named.kind is Meaning.MISSING and self._is_known(named.path) and named.path.rpartition(".")[2][:1] == "_":
            return self.closed(named.path, named.capability, value)
        return value

    def attribute(self, name: str, value: Any) -> Any:
        """Return what the code gets for `value`, which it read as the attribute `name` by a computed name."""
        if isinstance(value, ModuleType):
            return self._module(str(vars(value).get("__name__", name)), value)
        for known, path in self._known_objects:
            if value is known:
                return self._stand_ins.get(path) or self.stub(path, self.guard.tables.look(path).capability, value)
        if not callable(value) or self._is_bundles(value):
            return value
        word = self.guard.tables.power(name)
        if word is not None and name in self.guard.tables.unseen:
            return self.stub(name, word, value)
        if word is not None:
            return self.closed(name, word, value) if isinstance(value, type) else self.tagged(value)
        home = self._home(value)
        if home is not None and home.path in self._stand_ins:
            return self._stand_ins[home.path]
        if home is not None and home.kind is Meaning.SINK:
            return self.closed(home.path, home.capability, value)
        return value

    def computed(self, thing: Any, name: str, value: Any) -> Any:
        """Return what the code gets for `value`, the attribute `name` of `thing`, read by a computed name."""
        if not isinstance(thing, View):
            return self.attribute(name, value)
        named = self.guard.tables.look(f"{thing.__name__}.{name}")
        if named.kind is Meaning.CALL and named.path not in self._stand_ins and not isinstance(value, Stub):
            # The audit looks at such a call where it is named; here nobody could.
            return self.stub(named.path, "reflection", value)
        return value

    def kind(self, found: type) -> Any:
        """Return what the code gets for the class of an object: a stub where making another one is a power."""
        if found.__module__.partition(".")[0] == _OWN:
            return self.stub(f"{found.__module__}.{found.__qualname__}", "reflection", found)  # What holds the bundle.
        home = self._home(found)
        if home is not None and home.path in self._stand_ins:
            return self._stand_ins[home.path]
        if home is not None and home.kind is Meaning.CALL and home.path != "builtins.type":
            return self.stub(home.path, "reflection", found)
        if found in _TYPES:
            # The interpreter's own classes say that they are at home in `builtins`, and are not.
            home = self.guard.tables.look(_TYPES[found])
        if home is None:
            # Of a requirement: real, unless the lists have it as a sink.
            home = self.guard.tables.look(f"{found.__module__}.{found.__qualname__}")
        if home.kind is Meaning.SINK or (home.kind is Meaning.MISSING and home.path.startswith("keras.")):
            return self.closed(home.path, home.capability, found)
        return found

    def closed(self, path: str, word: str, value: Any) -> Any:
        """Return the tag or the stub that stands for a power."""
        if isinstance(value, type) and issubclass(value, BaseException):
            return value
        if self._effects_show(path, word, value) and not self.guard.accepts("reflection"):
            return value if self.guard.accepts(word) else self.tagged(value)
        return self.stub(path, word, value)

    def stub(self, path: str, word: str, value: Any) -> Any:
        """Return the stub that stands for a power, or the power where its word was accepted."""
        if self.guard.accepts(word) or self.guard.accepts("reflection"):
            return value
        key = (path, word)
        if key not in self._stubs:
            require = self.guard.require

            def use(how: str) -> Any:
                require(word, f"{how} {path}")
                return value

            kind = Stub if callable(value) else ValueStub
            self._stubs[key] = kind(path, use, lambda thing, subclass: _is_kind(value, thing, subclass))
            self._behind[id(self._stubs[key])] = value
        return self._stubs[key]

    def behind(self, thing: Any) -> Any:
        """Return what a stub stands for, where code of ours only compares with it; anything else as it is."""
        return self._behind.get(id(thing), thing)

    def _effects_show(self, path: str, word: str, value: Any) -> bool:
        """Say whether the hook sees whatever a function does, so that a tag holds it as well as a stub."""
        root = path.partition(".")[0]
        if isinstance(value, type) or not callable(value):
            return False
        # What TensorFlow loads is an event of ours; NumPy reaches memory without any.
        if word not in _BY_EFFECT and not (root == "tensorflow" and word == "native-code"):
            return False
        if word == "unsafe-deserialization" and root in LISTED:
            return False  # A switch of Keras raises no event.
        if isinstance(value, FunctionType):
            if root in sys.stdlib_module_names and (value.__name__.startswith("_") or path in _UNSEEN):
                return False  # pickle._getattribute is `getattr`.
            return root in _SEEN or root not in sys.stdlib_module_names
        if isinstance(value, BuiltinFunctionType):
            standard = str(value.__module__).partition(".")[0] in {*sys.stdlib_module_names, "posix", "nt"}
            return not standard or value.__name__ in _EVENTED
        return root == "numpy" or (isinstance(value, MethodType) and root not in sys.stdlib_module_names)

    def _module(self, path: str, value: Any) -> Any:
        """Return the view of a module that was found under `path`, under the name that it has itself."""
        own = vars(value).get("__name__") or vars(value).get("name")
        name = str(own or path)
        if sys.modules.get(name) is not value:
            # A lazy module stands for another one; a module that nobody can import by its name goes by its path.
            named = self.guard.tables.look(path)
            name = named.path if named.kind is Meaning.MODULE else name
            if not self.guard.tables.installed(name.partition(".")[0]):
                return self.closed(path, "reflection", value)
            value = self._imported(name, value)
        if not (_is_bundled(value) or isinstance(value, View) or self.guard.tables.installed(name.partition(".")[0])):
            return self.closed(path, "reflection", value)
        return self.view(value, self.guard.tables.look(name).path)

    @staticmethod
    def _imported(name: str, lazy: Any) -> Any:
        try:
            return importlib.import_module(name)
        except ImportError:
            return lazy

    def _is_bundles(self, value: Any) -> bool:
        function = getattr(value, "__func__", value)
        return isinstance(function, FunctionType) and getattr(function, "__builtins__", None) is self.guard.builtins

    def _is_listed(self, named: Named) -> bool:
        """Say whether the name itself is listed as a sink, whatever its object's home is: ``keras.applications``."""
        return named.kind is Meaning.SINK and not named.path.startswith(("tensorflow.python.", "numpy.", "keras.src."))

    @staticmethod
    def _is_known(path: str) -> bool:
        root = path.partition(".")[0]
        return root in LISTED or root in sys.stdlib_module_names

    def _home(self, value: Any) -> Named | None:
        """Return what the lists say of the place that a class or function states as its own; `None` where none does.

        Requirements have no lists, and neither have objects that are neither classes nor functions.
        """
        function = getattr(value, "__func__", value)
        module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
        if not (isinstance(module, str) and isinstance(name, str)):
            return None
        module = _HOMES.get(module, module)
        if not self._is_known(module):
            return None
        for public in _exported(function):
            named = self.guard.tables.look(public)
            if named.kind is not Meaning.MISSING:
                return named
        named = self.guard.tables.look(f"{module}.{name}")
        # Keras has modules that are called as their class is: keras.src.backend.common.name_scope.
        return replace(named, kind=Meaning.PLAIN) if named.kind is Meaning.MODULE else named


def _exported(thing: Any) -> list[str]:
    """Return the public names under which TensorFlow or Keras says that it exports a class or function."""
    own = getattr(thing, "__dict__", {})
    paths = own.get("_api_export_path") or ()
    paths = [paths] if isinstance(paths, str) else list(paths)
    return [*(f"tensorflow.{name}" for name in own.get("_tf_api_names") or ()), *map(str, paths)]


def _public(module: ModuleType) -> list[str]:
    """Return what a star import brings: ``__all__``, or every name without an underscore."""
    names = getattr(module, "__all__", None)
    return [name for name in dir(module) if not name.startswith("_")] if names is None else list(map(str, names))


def _is_bundled(module: Any) -> bool:
    return getattr(vars(module).get("__name__"), "original", None) is not None


def _is_kind(value: Any, thing: Any, subclass: bool) -> bool:
    if not isinstance(value, type):
        return False
    return issubclass(thing, value) if subclass else isinstance(thing, value)
