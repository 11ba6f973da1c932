"""What the standard library, NumPy, TensorFlow and Keras export by name, in this environment.

A person reads what is new before it is committed: a new name that reads, writes, connects or runs code gets an entry in
`sinks.py` (or `attributes.py` for a method) in the same commit, which then wins over this list.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import inspect
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

#: Modules of the standard library that only compute; `sinks.py` takes single names out again.
PURE = """
__future__ abc array ast base64 binascii bisect calendar cmath collections collections.abc colorsys contextlib
contextvars copy csv dataclasses datetime decimal difflib enum fractions functools graphlib hashlib heapq hmac html
html.entities inspect itertools json json.decoder json.encoder keyword logging math numbers operator pprint queue
random re reprlib secrets statistics string struct textwrap time traceback types typing unicodedata uuid warnings
weakref zlib concurrent
""".split()

#: What a bundle must not reach: a name of theirs on an object that is not known is a finding.
POWER = """
os sys subprocess shutil socket pathlib ctypes io importlib importlib.util importlib.machinery builtins pickle marshal
tempfile glob threading multiprocessing signal gc runpy code codeop pty select ssl urllib.request http.client ftplib
smtplib webbrowser asyncio atexit linecache pkgutil zipimport sqlite3 zipfile tarfile codecs
""".split()

#: What else programs import by star; below a sink every name is one, so it must be known which names there are.
STARS = """
argparse configparser concurrent.futures fnmatch getopt glob io multiprocessing optparse os os.path pathlib pickle
platform select shlex shutil signal socket subprocess sys tempfile threading unittest urllib.parse urllib.request
zipfile
""".split()

NUMPY = """
numpy numpy.linalg numpy.random numpy.fft numpy.polynomial numpy.polynomial.polynomial numpy.polynomial.legendre
numpy.polynomial.chebyshev numpy.polynomial.hermite numpy.polynomial.hermite_e numpy.polynomial.laguerre numpy.ma
numpy.char numpy.strings numpy.typing numpy.exceptions numpy.dtypes numpy.rec numpy.lib
numpy.lib.stride_tricks numpy.lib.scimath
""".split()


#: Parts of TensorFlow whose objects no layer holds.
NOT_HELD = (
    "compat",
    "raw_ops",
    "test",
    "mlir",
    "lite",
    "profiler",
    "sysconfig",
    "summary",
    "tools",
    "tpu",
    "saved_model",
)


#: Names of what only computes, and of something else on objects that a bundle should ask for: `queue.Queue.shutdown` of
#: Python 3.13 is that of a socket and of a pool, too.
MORE_ELSEWHERE = frozenset({"shutdown"})


def public(module: types.ModuleType) -> list[str]:
    """Return the public names of `module` that are not modules and no other module's.

    What a module only imports for itself stays out: ``dataclasses.FunctionType`` makes code from data.
    """
    numpy = module.__name__.startswith("numpy")
    found = []
    for name in getattr(module, "__all__", dir(module)):
        value = getattr(module, name, None)
        # The functions of NumPy are at home in C, and the modules below `numpy.lib` have no ``__all__``.
        home = (getattr(value, "__module__", None) or module.__name__).lstrip("_")
        own = numpy or hasattr(module, "__all__") or home.split(".")[0] == module.__name__.split(".")[0]
        if own and not name.startswith("_") and not isinstance(value, types.ModuleType):
            found.append(name)
    return found


def modules(names: list[str]) -> dict[str, set[str]]:
    """Return the public names of modules that are imported here."""
    found = {}
    for name in names:
        try:
            found[name] = set(public(importlib.import_module(name)))
        except ImportError as error:
            print(f"# {name}: {error}", file=sys.stderr)
    return found


def stars() -> dict[str, set[str]]:
    """Return what star imports of `STARS` bring, modules of theirs included."""
    found = {}
    for name in STARS:
        module = importlib.import_module(name)
        found[name] = {key for key in getattr(module, "__all__", dir(module)) if not key.startswith("_")}
    return found


def power() -> set[str]:
    """Return the names of functions and classes of `POWER`, of the methods of paths, and of the modules themselves."""
    found = {part for name in POWER for part in name.split(".")}
    for name in POWER:
        module = importlib.import_module(name)
        for key, value in vars(module).items():
            # A part of a package is there or not, depending on who has imported it.
            part = isinstance(value, types.ModuleType) and value.__name__ == f"{name}.{key}"
            if not key.startswith("__") and key not in dir(builtins) and not part:
                found.add(key)
    found |= {key for key in dir(Path) if not key.startswith("_")}
    return found


def api(root: Path) -> dict[str, set[str]]:
    """Return what the generated API files of TensorFlow and Keras below `root` re-export, without importing them."""
    found: dict[str, set[str]] = {}
    for top, name in (
        (root / "tensorflow/_api/v2", "tensorflow"),
        (root / "keras", "keras"),
        (root / "keras/_tf_keras/keras", "keras"),
        (root / "keras/api", "keras"),
        (root / "keras/api/_tf_keras/keras", "keras"),
    ):
        for file in sorted(top.rglob("__init__.py")) + sorted(top.glob("v2.py")):
            parts = file.parent.relative_to(top).parts
            skipped = ("src", "_tf_keras", "api") if name == "keras" else ("compat", "__internal__", "__operators__")
            if (parts and parts[0] in skipped) or (not parts and name == "tensorflow" and file.name != "v2.py"):
                continue
            module = ".".join((name, *parts))
            names = found.setdefault(module, set())
            if parts:
                found.setdefault(".".join((name, *parts[:-1])), set())
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.ImportFrom):
                    names |= {alias.asname or alias.name for alias in node.names}
    for module in found:
        found[module] = {name for name in found[module] if not name.startswith("_") and f"{module}.{name}" not in found}
    return found


def source_tree(root: Path) -> set[str]:
    """Return the names of the modules of ``keras.src`` below `root`."""
    top = root / "keras"
    found = set()
    for file in (top / "src").rglob("*.py"):
        parts = file.relative_to(root).with_suffix("").parts
        if not parts[-1].endswith("_test"):
            found.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def attributes() -> dict[str, set[str]]:
    """Return the names of the classes that layer code holds instances of.

    ``public``: all of them; ``methods``: those that are called, so that storing to them replaces code; ``private``:
    what a class derived from one of Keras's may use of its base.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    classes: set[type] = {item for item in vars(builtins).values() if isinstance(item, type)}
    for name in (*PURE, *NUMPY):
        module = importlib.import_module(name)
        classes |= {item for item in (getattr(module, key) for key in public(module)) if isinstance(item, type)}
    seen: set[str] = set()
    waiting: list[types.ModuleType] = [tf, keras]
    while waiting:
        module = waiting.pop()
        name = module.__name__
        if (
            name in seen
            or not (name == "tensorflow" or "_api.v2" in name or name.startswith("keras"))
            or ".src" in name
        ):
            continue
        seen.add(module.__name__)
        for key in dir(module):
            if key.startswith("_") or key in NOT_HELD:
                continue
            try:
                item = getattr(module, key)
            except Exception as error:  # noqa: BLE001 - lazy names of optional packages
                print(f"# {module.__name__}.{key}: {type(error).__name__}", file=sys.stderr)
                continue
            if isinstance(item, type):
                classes.add(item)
            elif isinstance(item, types.ModuleType):
                waiting.append(item)
    values: list[object] = [tf.constant(1.0), tf.Variable(1.0), np.float32(1), keras.Input((1,)), tf.constant(1).dtype]
    values += [tf.function(lambda x: x), tf.data.Dataset.range(1), tf.TensorShape([1]), iter([]), (x for x in ())]
    classes |= {type(value) for value in values}
    names: set[str] = set()
    methods: set[str] = set()
    private: set[str] = set()
    for item in classes:
        names |= {name for name in dir(item) if not name.startswith("_")}
        methods |= {name for name in dir(item) if not name.startswith("__") and callable(getattr(item, name, None))}
        # What __init__ stores is not an attribute of the class.
        for base in item.__mro__:
            if base.__module__.startswith("keras"):
                kept = stored(base)
                names |= {name for name in kept if not name.startswith("_")}
                private |= {name for name in kept | set(vars(base)) if name.startswith("_") and "__" not in name}
    return {"public": names - MORE_ELSEWHERE, "methods": methods, "private": private}


@functools.cache
def stored(item: type) -> set[str]:
    """Return the names that methods of `item` store on ``self``."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(item)))
    except (OSError, TypeError, SyntaxError):
        return set()
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if isinstance(node.value, ast.Name) and node.value.id == "self"
    }


def python_names() -> dict[str, Any]:
    """Return what the tree of the table `names` has of Python itself."""
    return {
        "stdlib": modules(PURE),
        "builtins": {"builtins": set(dir(builtins))},
        "power": {"names": power()},
        "stars": stars(),
        "roots": {"stdlib": set(sys.stdlib_module_names)},
    }


def numpy_names() -> dict[str, Any]:
    """Return what it has of the NumPy that is installed here."""
    return {"numpy": modules(NUMPY)}


def api_names(site: Path) -> dict[str, Any]:
    """Return what it has of the TensorFlow and the Keras in a folder of packages, which are not imported."""
    return {"api": api(site), "keras.src": {"modules": source_tree(site)}}


def attribute_names() -> dict[str, Any]:
    """Return what it has of the classes of all of them."""
    return {"attributes": attributes()}
