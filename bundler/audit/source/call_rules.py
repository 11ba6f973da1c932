"""Calls that go further with some arguments only, looked at where they stand."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator

from bundler.audit.finding import DYNAMIC_CODE, FILESYSTEM, REFLECTION, SIDE_EFFECTS, UNSAFE_DESERIALIZATION
from bundler.audit.source.attribute_names import is_harmless_prefix
from bundler.audit.source.configs import is_handed_in, is_of_object
from bundler.audit.source.name_values import Flow
from bundler.audit.source.scopes import Scope
from bundler.audit.source.values import NONE, Foreign, Prefix, Stranger, Text, Values

#: A capability, what is wrong, and whether it is held at load.
Problem = tuple[str, str, bool]

_DESERIALIZE = (
    "keras.saving.deserialize_keras_object",
    "keras.utils.deserialize_keras_object",
    "keras.legacy.saving.deserialize_keras_object",
    "keras.utils.legacy.deserialize_keras_object",
    "keras.models.model_from_json",
    "keras.layers.deserialize",
    "keras.src.saving.serialization_lib.deserialize_keras_object",
    "keras.src.layers.deserialize",
)
_QUIET = frozenset({"ignore", "once", "always", "default", "module"})


def keyword(node: ast.Call, name: str) -> ast.expr | None:
    """Return the value of a keyword argument; `None` where it is not given by name."""
    return next((item.value for item in node.keywords if item.arg == name), None)


def spread(node: ast.Call) -> bool:
    """Whether arguments come out of a container, so that what is given cannot be read."""
    return any(isinstance(item, ast.Starred) for item in node.args) or any(item.arg is None for item in node.keywords)


def attribute_names(flow: Flow, node: ast.expr, scope: Scope) -> tuple[list[str], bool]:
    """Return the names that a computed attribute may have, and whether these are all that can lead further."""
    names: list[str] = []
    known = True
    for value in flow.of(node, scope):
        if isinstance(value, Text):
            names.append(value.text)
        elif not isinstance(value, Prefix) or not is_harmless_prefix(value.text):
            known = False
    return names, known


def call_problems(path: str, node: ast.Call, scope: Scope, flow: Flow) -> Iterator[Problem]:
    """Yield what is wrong with a call of the function `path` of `doors.CALLS`; attribute access is the caller's."""
    if path == "builtins.type":
        if len(node.args) != 1 or node.keywords or spread(node):
            yield DYNAMIC_CODE, "type() with a namespace makes a class from data", False
    elif path in ("functools.wraps", "functools.update_wrapper"):
        most = 1 if path.endswith("wraps") else 2
        if len(node.args) > most or keyword(node, "assigned") or keyword(node, "updated") or spread(node):
            yield REFLECTION, f"{path} with a choice of attributes copies any attribute", True
    elif path in ("operator.attrgetter", "operator.methodcaller"):
        names = node.args if path.endswith("attrgetter") else node.args[:1]
        if spread(node) or not names or not all(isinstance(item, ast.Constant) for item in names):
            yield REFLECTION, f"{path} with a computed name", False
    elif path in ("warnings.filterwarnings", "warnings.simplefilter"):
        action = node.args[0] if node.args else keyword(node, "action")
        if spread(node) or not isinstance(action, ast.Constant) or action.value not in _QUIET:
            yield SIDE_EFFECTS, f"{path} makes warnings of other code into errors", False
    elif path == "dataclasses.dataclass":
        yield DYNAMIC_CODE, "dataclass() on what is not a class in sight: the names of its fields become code", True
    elif path in ("traceback.format_exception", "traceback.print_exception"):
        if len(node.args) != 1 or spread(node):
            yield FILESYSTEM, f"{path} of what may be no traceback: it shows lines of the files that are named", True
    elif path == "logging.Formatter":
        style = keyword(node, "style")
        percent = style is None or (isinstance(style, ast.Constant) and style.value == "%")
        if len(node.args) > 2 or not percent or spread(node):
            yield REFLECTION, "logging.Formatter with a style whose fields read attributes", True
    elif path == "inspect.signature":
        if keyword(node, "eval_str") or keyword(node, "globals") or keyword(node, "locals") or spread(node):
            yield DYNAMIC_CODE, "inspect.signature evaluates annotations", False
    elif path == "tensorflow.print":
        stream = keyword(node, "output_stream")
        streams = flow.of(stream, scope) if stream is not None else ()
        if any(value not in (NONE, Foreign("sys.stdout"), Foreign("sys.stderr")) for value in streams) or any(
            item.arg is None for item in node.keywords
        ):
            yield FILESYSTEM, "tf.print to a stream that may be a file", False
    elif path in _DESERIALIZE:
        yield from _deserialize(path, node, scope, flow)
    elif path == "keras.layers.Lambda":
        return  # Only its from_config() takes code (CVE-2024-3660), and that is an attribute.
    elif path.startswith("keras.layers."):
        vocabulary = keyword(node, "vocabulary")
        nothing = isinstance(vocabulary, ast.Constant) and vocabulary.value is None
        if (
            spread(node)
            or len(node.args) > 3
            or not (vocabulary is None or nothing or isinstance(vocabulary, (ast.List, ast.Tuple)))
        ):
            yield FILESYSTEM, f"{path} with a vocabulary that may be the path of a file (CVE-2025-12058)", False
    elif path in ("sys.stdout", "sys.stderr"):
        yield REFLECTION, f"{path} is called", False
    elif path not in ("builtins.getattr", "builtins.setattr", "builtins.delattr"):
        yield REFLECTION, f"{path} is not looked at", path.startswith(("abc.", "enum."))


def _deserialize(path: str, node: ast.Call, scope: Scope, flow: Flow) -> Iterator[Problem]:
    if keyword(node, "safe_mode") is not None or len(node.args) > 3 or spread(node):
        what = f"{path} with a choice of safe_mode, or with arguments that cannot be read"
        yield UNSAFE_DESERIALIZATION, what, True
        return
    config = node.args[0] if node.args else None
    if config is None or not is_handed_in(config, scope, flow):
        what = f"{path} of what is not a config that was handed in: it builds what it names"
        yield UNSAFE_DESERIALIZATION, what, config is None or not is_of_object(config, scope, flow)


def format_problems(texts: Values) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a call of ``str.format``: its fields read attributes by name."""
    for value in texts:
        if isinstance(value, (Stranger, Prefix)):
            yield REFLECTION, "format() of a text that cannot be read: its fields may name any attribute"
        elif isinstance(value, Text):
            try:
                fields = [name for _, name, _, _ in string.Formatter().parse(value.text) if name]
            except ValueError:
                continue
            for name in fields:
                if "__" in name or "._" in name:
                    yield REFLECTION, f"a format field reads {name[:80]}"
