"""Values that a generated module may hold: plain constants as text, and expressions that may run again."""

from __future__ import annotations

import ast
import collections
import functools
import logging
import re
import sys
import typing
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from bundler.frameworks import root_of

#: Keras objects that are configuration: making one anew reads nothing, writes nothing and holds no weights.
KERAS_BASES = frozenset(
    {
        "Initializer",
        "Regularizer",
        "Constraint",
        "Loss",
        "LearningRateSchedule",
        "DTypePolicy",
        "InputSpec",
    }
)
#: Calls of Python's own library that only make a value.
_MAKERS: tuple[Any, ...] = (
    functools.partial,
    collections.namedtuple,
    typing.NewType,
    typing.TypeVar,
    logging.getLogger,
    re.compile,
)
_LONGEST = 2000
_REFERENCES = (type, FunctionType, BuiltinFunctionType, ModuleType)
_ARITHMETIC = (ast.Constant, ast.UnaryOp, ast.BinOp, ast.unaryop, ast.operator, ast.Tuple, ast.List, ast.Load)
#: A value by its name, as the module that is generated will see it; raises KeyError.
Lookup = Callable[[str], Any]


def is_plain(value: object) -> bool:
    """Say whether `value` is a constant whose `repr` gives it back, and small enough to stand in source."""
    return _plain(value, 0) and len(repr(value)) <= _LONGEST


def _plain(value: object, depth: int) -> bool:
    if value is None or type(value) in (bool, int, str, bytes):
        return True
    if type(value) in (float, complex):
        return "nan" not in repr(value) and "inf" not in repr(value)
    if depth > 20:
        return False
    if type(value) is dict:
        return all(_plain(key, depth + 1) and _plain(item, depth + 1) for key, item in value.items())
    if isinstance(value, tuple | list | set | frozenset) and type(value) in (tuple, list, set, frozenset):
        return all(_plain(item, depth + 1) for item in value)
    return False


def is_flat(value: object) -> bool:
    """Say whether nothing inside `value` can be changed, so that nobody can ask whether it is the same object."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return all(not isinstance(item, list | dict | set) and is_flat(item) for item in parts)


def same(first: object, second: object) -> bool:
    """Say whether two values are one object, one module, or plain constants that nobody can tell apart."""
    if first is second:
        return True
    if isinstance(first, ModuleType) and isinstance(second, ModuleType):
        return _same_module(awake(first), awake(second))
    return type(first) is type(second) and is_plain(first) and is_plain(second) and written(first) == written(second)


def awake(module: ModuleType) -> ModuleType:
    """Return the module that a lazy loader stands for: ``tf.keras`` is one until it is used, and another thing then."""
    if type(module) is ModuleType:
        return module
    found = sys.modules.get(module.__name__)
    return found if isinstance(found, ModuleType) else module


def _same_module(first: ModuleType, second: ModuleType) -> bool:
    """Say whether two modules are one, or one file that ran twice and only hands on what others define.

    ``import tensorflow.keras`` runs the file of ``tf.keras`` once more.
    """
    if first is second:
        return True
    file = getattr(first, "__file__", None)
    if not isinstance(file, str) or file != getattr(second, "__file__", None):
        return False
    mine, others = _public(first), _public(second)
    return mine.keys() == others.keys() and all(
        value is others[name] or (isinstance(value, ModuleType) and _is_file_of(value, others[name]))
        for name, value in mine.items()
    )


def _public(module: ModuleType) -> dict[str, object]:
    return {name: value for name, value in vars(module).items() if not name.startswith("_")}


def _is_file_of(module: ModuleType, other: object) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and isinstance(other, ModuleType) and file == getattr(other, "__file__", None)


def interchangeable(first: object, second: object) -> bool:
    """Say whether one name can stand for both: what can change is shared only where it was shared before."""
    if first is second:
        return True
    if not same(first, second):
        return False
    try:
        hash(first)
    except TypeError:
        return False
    return True


def written(value: object) -> str:
    """Return the text of a plain constant; sets are sorted, so that it is the same in every process."""
    if isinstance(value, set | frozenset) and value:
        inner = "{" + ", ".join(sorted(written(item) for item in value)) + "}"
        return f"frozenset({inner})" if isinstance(value, frozenset) else inner
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(key)}: {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(item) for item in value) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(written(item) for item in value) + ("," if len(value) == 1 else "") + ")"
    if type(value) is str:
        # The quotes that a person and a formatter use.
        text = repr(value)
        return f'"{text[1:-1]}"' if text.startswith("'") and '"' not in value else text
    return repr(value)


def numpy_scalar(value: Any) -> str | None:
    """Return the text of a numpy scalar, such as ``numpy.float32(0.5)``, which `x.mean()` gives; `None` for others."""
    if type(value).__module__ != "numpy" or getattr(value, "shape", None) != () or hasattr(value, "__setitem__"):
        return None
    plain = value.item()
    return f"numpy.{type(value).__name__}({written(plain)})" if is_plain(plain) else None


def numpy_array(value: Any) -> str | None:
    """Return the text of a small NumPy array of numbers, such as ``numpy.array([0.5], dtype="float32")``, or `None`."""
    dtype: Any = getattr(value, "dtype", None)
    if type(value).__module__ != "numpy" or type(value).__name__ != "ndarray" or dtype.kind not in "biuf":
        return None
    # An empty one has a shape that its text does not say.
    if not 0 < value.size <= _LONGEST or not is_plain(plain := value.tolist()):
        return None
    return f'numpy.array({written(plain)}, dtype="{dtype.name}")'


def literal_is(node: ast.expr, value: object) -> bool:
    """Say whether `node` is a constant expression, arithmetic included, whose value is `value`."""
    try:
        return same(ast.literal_eval(node), value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    if not all(isinstance(item, _ARITHMETIC) for item in ast.walk(node)):
        return False
    try:
        # Numbers and operators only, which the author's process has computed before.
        code = compile(ast.Expression(body=node), "<constant>", "eval")
        return same(eval(code, {"__builtins__": {}}), value)  # noqa: S307
    except (ArithmeticError, TypeError, ValueError):
        return False


def computed(node: ast.expr, names: Mapping[str, object]) -> tuple[Any] | None:
    """Return what arithmetic on plain constants, of which some have names, gives now; `None` for anything else."""
    used = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
    if not used or not all(isinstance(item, (*_ARITHMETIC, ast.Name)) for item in ast.walk(node)):
        return None
    if not all(name in names and is_plain(names[name]) for name in used):
        return None
    try:
        code = compile(ast.Expression(body=node), "<constant>", "eval")
        return (eval(code, {"__builtins__": {}}, {name: names[name] for name in used}),)  # noqa: S307
    except (ArithmeticError, TypeError, ValueError):
        return None


def reproduces(node: ast.expr, value: object, lookup: Lookup) -> bool:
    """Say whether running `node` again, where names mean what `lookup` says, gives `value` and does nothing else.

    Names, attributes of modules and classes, and calls from a closed list: Keras configuration objects (see
    `KERAS_BASES`), Keras's own ``get`` functions and the makers of Python's library in `_MAKERS`, with arguments that
    are constants or such expressions themselves.
    """
    if literal_is(node, value):
        return True
    try:
        if isinstance(node, ast.Name | ast.Attribute):
            return same(_dotted(node, lookup), value)
        if isinstance(node, ast.Call):
            return _call(node, value, lookup)
    except Exception:  # noqa: BLE001 - a module's own __getattr__ may import something, and raise anything
        return False
    return False


def _call(node: ast.Call, value: object, lookup: Lookup) -> bool:
    function = _dotted(node.func, lookup)
    makes_its_type = not isinstance(function, type) or type(value) is function
    if not _is_allowed(function) or not makes_its_type:
        return False
    arguments = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg is not None)]
    if len(arguments) != len(node.args) + len(node.keywords) or not all(_argument(item, lookup) for item in arguments):
        return False
    if isinstance(value, functools.partial):
        given = [item.arg for item in node.keywords]
        return (
            reproduces(node.args[0], value.func, lookup)
            and len(value.args) == len(node.args) - 1
            and all(reproduces(item, one, lookup) for item, one in zip(node.args[1:], value.args, strict=True))
            and given == list(value.keywords)
            and all(reproduces(item.value, value.keywords[str(item.arg)], lookup) for item in node.keywords)
        )
    return not any(_is_changeable(item, lookup) for item in arguments) or _makes(node, value, lookup)


def _is_changeable(node: ast.expr, lookup: Lookup) -> bool:
    """Say whether an argument reads a constant by its name, which may have got another value since."""
    return any(isinstance(item, ast.Name) and is_plain(lookup(item.id)) for item in ast.walk(node))


def _makes(node: ast.Call, value: object, lookup: Lookup) -> bool:
    """Say whether the call, made once more, gives what looks like `value`; the author's own classes are not run."""
    called = [_dotted(item.func, lookup) for item in ast.walk(node) if isinstance(item, ast.Call)]
    if not all(any(item is maker for maker in _MAKERS) or root_of(item) == "keras" for item in called):
        return True
    names = {item.id: lookup(item.id) for item in ast.walk(node) if isinstance(item, ast.Name)}
    try:
        code = compile(ast.Expression(body=node), "<constant>", "eval")
        made = eval(code, {"__builtins__": {}}, names)  # noqa: S307 - calls of `_is_allowed` alone
        return type(made) is type(value) and bool(_shown(made) == _shown(value))
    except Exception:  # noqa: BLE001 - a constructor that now refuses its arguments made something else before
        return False


def _shown(value: Any) -> Any:
    """Return what tells two values of the calls above apart."""
    if isinstance(value, type):
        return (value.__name__, getattr(value, "_fields", None), repr(getattr(value, "_field_defaults", None)))
    if callable(getattr(value, "get_config", None)):
        # The config of a loss such as Huber leaves out what its function gets.
        return repr((value.get_config(), getattr(value, "_fn_kwargs", None)))
    return getattr(value, "__name__", value)


def _is_allowed(function: Any) -> bool:
    if any(function is maker for maker in _MAKERS):
        return True
    if isinstance(function, FunctionType):
        return root_of(function) == "keras" and function.__name__ == "get"
    return isinstance(function, type) and any(
        base.__name__ in KERAS_BASES and base.__module__.partition(".")[0] == "keras" for base in function.__mro__
    )


def _argument(node: ast.expr, lookup: Lookup) -> bool:
    if isinstance(node, ast.Tuple | ast.List):
        return all(_argument(item, lookup) for item in node.elts)
    if isinstance(node, ast.Dict):
        return all(item is not None and _argument(item, lookup) for item in (*node.keys, *node.values))
    if isinstance(node, ast.Call):
        function = _dotted(node.func, lookup)
        return _is_allowed(function) and all(
            _argument(item, lookup) for item in (*node.args, *(keyword.value for keyword in node.keywords))
        )
    if isinstance(node, ast.Name | ast.Attribute):
        value = _dotted(node, lookup)
        return is_plain(value) or isinstance(value, _REFERENCES) or _is_allowed(type(value))
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return all(isinstance(item, _ARITHMETIC) for item in ast.walk(node))
    return True


def _dotted(node: ast.expr, lookup: Lookup) -> Any:
    """Return the value of ``a.b.c`` where everything but the end is a module or a class."""
    if isinstance(node, ast.Name):
        return lookup(node.id)
    if isinstance(node, ast.Attribute):
        holder = _dotted(node.value, lookup)
        if isinstance(holder, ModuleType | type):
            return getattr(holder, node.attr)
    raise KeyError(ast.dump(node))


def type_name(value: object) -> str:
    """Return the full name of the type of `value`, as messages show it."""
    cls = type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
