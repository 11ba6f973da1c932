"""What a dotted name of a foreign module denotes, from the tables alone."""

from __future__ import annotations

import enum
import functools
from typing import NamedTuple

from bundler.audit.finding import DYNAMIC_CODE, FILESYSTEM, REFLECTION, UNSAFE_DESERIALIZATION
from bundler.audit.graph import op_is_allowed, operations
from bundler.audit.source import framework_sinks, library_sinks
from bundler.audit.source.call_rules import CALL_RULES
from bundler.audit.source.exported_names import computing_names, exported, keras_sources, standard_library, starred
from bundler.frameworks import LISTED

DEPTH = 12  # components of a dotted name that are followed; real ones have seven at most


class Kind(enum.Enum):
    """What kind of thing a dotted name denotes, as far as the audit cares."""

    MODULE = "module"
    #: A function, class or value that only computes, whatever is done with it.
    PLAIN = "plain"
    #: It does more than compute; naming it is a finding.
    SINK = "sink"
    #: A sink with some arguments only.
    CALL = "call"
    #: Something of a requirement whose code is not audited.
    OPEN = "open"
    #: A name that no table has.
    MISSING = "missing"


class Denoted(NamedTuple):
    """A dotted name in its canonical spelling, and what it denotes."""

    path: str
    kind: Kind
    capability: str | None = None


#: Other spellings of the same module.
_ALIASES = (
    ("tensorflow.keras", "keras"),
    ("tensorflow.compat.v2", "tensorflow"),
    ("tensorflow._api.v2", "tensorflow"),
    ("keras._tf_keras.keras", "keras"),
    ("keras.api", "keras"),
    ("posixpath", "os.path"),
    ("ntpath", "os.path"),
    ("numpy.matlib", "numpy"),
    ("_io", "io"),
    ("_operator", "operator"),
    ("_functools", "functools"),
    ("_collections_abc", "collections.abc"),
)
#: What modules call the modules that they import. An attribute of that name is that module.
REEXPORTS = {
    "tf": "tensorflow",
    "np": "numpy",
    "jnp": "jax.numpy",
    "onp": "numpy",
    "pd": "pandas",
    "plt": "matplotlib",
    "K": "keras.backend",
    **{name: name for name in ("tensorflow", "numpy", "jax", "torch", "keras", "scipy", "h5py", "pandas")},
}
#: Modules that a requirement may well have one of its own of that name: then both are looked at.
_SOFT = frozenset("types functools operator dataclasses logging warnings typing inspect io code http keras".split())
#: Functions of ``keras.src`` that are called like one of its modules.
_FUNCTIONS = frozenset({"keras.src.backend.backend", "keras.src.backend.config.backend"})
_COMPAT = frozenset("dimension_value dimension_at_index as_text as_bytes as_str as_str_any forward_compatible".split())
_POWER = frozenset(
    "os sys io subprocess builtins importlib socket ctypes shutil pickle marshal tempfile pathlib glob urllib requests"
    " threading multiprocessing gc codecs runpy codeop pkgutil atexit linecache zipfile tarfile sqlite3 copyreg ssl"
    " asyncio _os _sys posix _thread".split()
)
#: Submodules of requirements that have the name of a module of power, and are their own.
_OWN = frozenset({"scipy.io", "skimage.io", "torchvision.io", "torch.types", "torch.multiprocessing", "jax.numpy"})
_DOORS = library_sinks.merged(
    library_sinks.IMPORTS.items(),
    library_sinks.SINKS.items(),
    framework_sinks.TENSORFLOW.items(),
    framework_sinks.KERAS.items(),
    framework_sinks.NUMPY.items(),
    framework_sinks.OTHERS.items(),
    framework_sinks.KERAS_SOURCE_DOORS.items(),
    [("tf_keras", UNSAFE_DESERIALIZATION)],
)


def raw_op_allowed(name: str) -> bool:
    """Whether the raw operation `name` of TensorFlow only computes, by the list that graphs are held against.

    In a graph the attribute of `PrintV2` shows where it prints; here it is an argument.
    """
    return op_is_allowed(name) and name != "PrintV2"


@functools.cache
def raw_doors() -> frozenset[str]:
    """Return what raw operations and classes of the frameworks are called that reach outside: no attribute of data."""
    parts = (operations.READS, operations.WRITES, operations.CHECKPOINT, operations.TABLE_FILE, operations.NETWORK,
             operations.DYNAMIC, operations.NATIVE, operations.PROCESS)  # fmt: skip
    listed = (*framework_sinks.TENSORFLOW, *framework_sinks.KERAS, *framework_sinks.NUMPY)
    classes = {name for path in listed if (name := path.rpartition(".")[2])[:1].isupper() and len(name) > 6}
    return frozenset().union(*parts) | {"PrintV2"} | classes


def canonical(path: str) -> str:
    """Return the one spelling of `path` that the tables have."""
    for alias, name in _ALIASES:
        if path == alias or path.startswith(alias + "."):
            return canonical(name + path[len(alias) :])
    return path


@functools.lru_cache(maxsize=8192)
def look(path: str) -> Denoted:
    """Return what the dotted name `path` denotes."""
    if path.count(".") > DEPTH:
        return Denoted(path, Kind.MISSING, REFLECTION)
    path = canonical(path)
    module, _, name = path.rpartition(".")
    if module and (owner := look(module)).path != module:
        # On the way the name led into another module: package.tf.io.read_file.
        return look(f"{owner.path}.{name}")
    if module == "tensorflow.raw_ops":
        known = raw_op_allowed(name) and name in exported()[module]
        return Denoted(path, Kind.PLAIN) if known else Denoted(path, Kind.SINK, REFLECTION)
    if path in CALL_RULES:
        return Denoted(path, Kind.CALL, REFLECTION)
    root = path.partition(".")[0]
    if path.startswith("tensorflow.compat.v1."):
        # The same name of the present API where that only computes; sessions, files and graphs are not there.
        same = look("tensorflow." + path.removeprefix("tensorflow.compat.v1."))
        return same if same.kind in (Kind.PLAIN, Kind.MODULE) else Denoted(path, Kind.SINK, REFLECTION)
    if module == "tensorflow.compat" and name in _COMPAT:
        return Denoted(path, Kind.PLAIN)
    if path in ("tensorflow.compat", "tensorflow.compat.v1", "keras.src"):
        return Denoted(path, Kind.MODULE)
    if path.startswith("keras.src."):
        return _keras_source(path)
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        if (capability := _DOORS.get(".".join(parts[:end]))) is not None:
            return Denoted(path, Kind.SINK, capability)
    if root in standard_library() or root == "builtins":
        return _standard(path)
    if root in LISTED:
        return _exported(path)
    return _requirement(path)


@functools.lru_cache(maxsize=8192)
def told(path: str) -> frozenset[str]:
    """Return the capabilities that a table lists for `path` itself; a mixed module has those of all that is in it."""
    path = canonical(path)
    listed = {capability for capability in (_DOORS.get(path),) if capability is not None}
    if path in CALL_RULES:
        listed.add(REFLECTION)
    if path in library_sinks.PURE_PARTS:
        listed.add(library_sinks.PURE_PARTS[path][0])
        listed |= {capability for sink, capability in _DOORS.items() if sink.startswith(path + ".")}
    return frozenset(listed)


def member(owner: Denoted, name: str) -> Denoted:
    """Return what `name` of the module or package `owner` denotes."""
    if owner.path.count(".") >= DEPTH:
        return Denoted(owner.path, Kind.MISSING, REFLECTION)
    return look(f"{owner.path}.{name}")


def brings(owner: Denoted, name: str) -> bool:
    """Say whether a star import of the module or package `owner` binds `name`.

    Below a sink all names are sinks too, also those that it does not have: its list decides, where there is one. That
    nothing but `builtins` has another `super` was looked up; a requirement that has one answers for what it does.
    """
    if owner.path in starred():
        return name in starred()[owner.path]
    if owner.kind is Kind.SINK and owner.path in exported():
        return name in exported()[owner.path]
    if name == "super" and owner.path != "builtins":
        return False
    return member(owner, name).kind is not Kind.MISSING


def _standard(path: str) -> Denoted:
    module, _, name = path.rpartition(".")
    if path in library_sinks.PURE_PARTS or path in exported():
        return Denoted(path, Kind.MODULE)
    if module in library_sinks.PURE_PARTS:
        capability, names = library_sinks.PURE_PARTS[module]
        return Denoted(path, Kind.PLAIN) if name in names else Denoted(path, Kind.SINK, capability)
    if name in exported().get(module, ()):
        return Denoted(path, Kind.PLAIN)
    if not module or module.partition(".")[0] not in standard_library():
        # A module of the standard library that was not reviewed.
        return Denoted(path, Kind.SINK, REFLECTION)
    if look(module).kind is Kind.MODULE and (name in standard_library() or name.lstrip("_") in standard_library()):
        # What a module imports for itself: typing.sys, random._os.
        return Denoted(path, Kind.SINK, look(name.lstrip("_")).capability or REFLECTION)
    return Denoted(path, Kind.MISSING, REFLECTION)


def _exported(path: str) -> Denoted:
    module, _, name = path.rpartition(".")
    if path in exported() or not module:
        return Denoted(path, Kind.MODULE)
    if name in exported().get(module, ()) or path == "tensorflow.available":
        return Denoted(path, Kind.PLAIN)
    if name in ("__version__", "__name__", "__doc__"):
        return Denoted(path, Kind.PLAIN)
    return Denoted(path, Kind.MISSING, REFLECTION)


def _requirement(path: str) -> Denoted:
    for prefix, capability in framework_sinks.OTHER_PREFIXES.items():
        if path.startswith(prefix):
            return Denoted(path, Kind.SINK, capability)
    module, _, name = path.rpartition(".")
    if module and path not in _OWN:
        if name in REEXPORTS and name not in _SOFT:
            return look(REEXPORTS[name])
        owner = module.rpartition(".")[2]
        if (
            owner in _SOFT
            and "." in module
            and (same := look(f"{owner}.{name}")).kind not in (Kind.PLAIN, Kind.MISSING)
        ):
            return same
        if name in _POWER:
            return look(name.lstrip("_"))
        if name.startswith("_") and name not in ("__version__", "__name__", "__doc__"):
            return Denoted(path, Kind.MISSING, REFLECTION)
    return Denoted(path, Kind.OPEN)


def _keras_source(path: str) -> Denoted:
    parts = path.split(".")
    if path.startswith("keras.src.utils.module_utils."):
        # Modules that are imported when they are used, and what makes one of any name.
        return look(REEXPORTS[parts[-1]]) if parts[-1] in REEXPORTS else Denoted(path, Kind.SINK, DYNAMIC_CODE)
    for end in range(len(parts), 2, -1):
        if (capability := framework_sinks.KERAS_SOURCE_DOORS.get(".".join(parts[:end]))) is not None:
            return Denoted(path, Kind.SINK, capability)
    if path in keras_sources():
        return Denoted(path, Kind.MODULE) if _computes(path) else Denoted(path, Kind.SINK, FILESYSTEM)
    module, _, name = path.rpartition(".")
    if module == "keras.src.backend" and f"keras.src.backend.tensorflow.{name}" in keras_sources():
        # The backend in use is what `keras.src.backend` re-exports; their modules have the same names.
        return look(f"keras.src.backend.tensorflow.{name}")
    if name.startswith("_") or module not in keras_sources() or not _computes(module):
        return Denoted(path, Kind.MISSING, REFLECTION)
    if name in REEXPORTS:
        return look(REEXPORTS[name])
    if (public := _keras_doors().get(name)) is not None:
        return look(public)
    if path in _FUNCTIONS:
        return Denoted(path, Kind.PLAIN)
    same = [source for source in keras_sources() if source.endswith("." + name)]
    if same:
        if not all(map(_computes, same)):
            return Denoted(path, Kind.SINK, FILESYSTEM)
        return Denoted(same[0], Kind.MODULE) if len(same) == 1 else Denoted(path, Kind.PLAIN)
    if name in standard_library():
        return look(name)
    return Denoted(path, Kind.PLAIN)


@functools.cache
def _keras_doors() -> dict[str, str]:
    """Return the sinks of Keras's public interface by the last part of their names; ``keras.src`` has them too."""
    paths = (*framework_sinks.KERAS, *(path for path in CALL_RULES if path.startswith("keras.")))
    named = {path.rpartition(".")[2]: path for path in paths if path.count(".") > 1 and ".src." not in path}
    # Each module has a `deserialize` of its own, and only that of layers builds whatever it is told.
    return {name: path for name, path in named.items() if name != "deserialize"}


def _computes(module: str) -> bool:
    """Whether `module` of ``keras.src`` is in the list, or leads to what is."""
    return any(
        module == part or module.startswith(part + ".") or part.startswith(module + ".")
        for part in framework_sinks.KERAS_SOURCES
    )


@functools.cache
def harmless_names() -> frozenset[str]:
    """Return what functions of the frameworks are called that only compute, whichever module has them."""
    paths = (*_DOORS, *CALL_RULES)
    return computing_names(frozenset({*paths, "tensorflow.raw_ops"})) - {path.rpartition(".")[2] for path in paths}
