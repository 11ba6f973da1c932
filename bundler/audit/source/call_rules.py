"""When calls go further than computing: a call is a finding by the first rule of its function, or method, that it breaks.

A function that is listed here must be called where it is named, so that its arguments show. What a rule can ask about
them is in `calls.CallSite`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from bundler.audit.finding import (
    DYNAMIC_CODE,
    FILESYSTEM,
    NATIVE_CODE,
    REFLECTION,
    SIDE_EFFECTS,
    UNSAFE_DESERIALIZATION,
)

#: A `calls.CallSite`. It is not imported: it stands on `lookup`, which reads the names in these tables.
CallSite = Any


class CallRule(NamedTuple):
    """Which calls of a function are a finding: its capability, its text, and whether it is held at load."""

    capability: str
    what: str  # {} stands for the function
    breaks: Callable[[CallSite], bool]
    hard: bool = False


_LOGS = frozenset(("debug", "info", "warning", "warn", "error", "critical", "fatal", "exception", "log"))
_CONFIG_READERS = (
    "keras.src.saving.serialization_lib.deserialize_keras_object keras.src.layers.deserialize"
    " keras.models.model_from_json keras.layers.deserialize"
    " keras.legacy.saving.deserialize_keras_object keras.utils.legacy.deserialize_keras_object"
    " keras.utils.deserialize_keras_object keras.saving.deserialize_keras_object"
)
_TEXT_LAYERS = "keras.layers.IntegerLookup keras.layers.StringLookup keras.layers.TextVectorization"
_METACLASSES = "abc.ABCMeta enum.EnumMeta enum.EnumType"
#: What makes what data names, whoever calls it: builders of configs, and classes of classes.
BUILDERS = frozenset(f"{_CONFIG_READERS} {_METACLASSES}".split())
#: What reads the file that an argument names.
READERS = frozenset(f"{_TEXT_LAYERS} logging.Formatter".split())


def _always(_: CallSite) -> bool:
    return True


def _is_literal(node: ast.expr | None, *values: object) -> bool:
    return isinstance(node, ast.Constant) and node.value in values


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _names_attributes(call: CallSite, last: int | None) -> bool:
    names = call.node.args[:last]
    return not call.is_spread and bool(names) and all(isinstance(item, ast.Constant) for item in names)


_ROWS: tuple[tuple[str, tuple[CallRule, ...]], ...] = (
    # Looked at by the attributes that they ask for. Of Lambda only from_config() takes code (CVE-2024-3660).
    ("builtins.getattr builtins.setattr builtins.delattr keras.layers.Lambda", ()),
    ("builtins.type", (CallRule(DYNAMIC_CODE, "type() with a namespace makes a class from data",
        lambda call: len(call.node.args) != 1 or bool(call.node.keywords) or call.is_spread),)),
    ("functools.wraps", (CallRule(REFLECTION, "{} with a choice of attributes copies any attribute",
        lambda call: call.has_more(1, "assigned", "updated"), True),)),
    ("functools.update_wrapper", (CallRule(REFLECTION, "{} with a choice of attributes copies any attribute",
        lambda call: call.has_more(2, "assigned", "updated"), True),)),
    ("operator.attrgetter", (CallRule(REFLECTION, "{} with a computed name",
        lambda call: not _names_attributes(call, None)),)),
    ("operator.methodcaller", (CallRule(REFLECTION, "{} with a computed name",
        lambda call: not _names_attributes(call, 1)),)),
    ("warnings.filterwarnings warnings.simplefilter", (CallRule(SIDE_EFFECTS, "{} makes warnings of other code into errors",
        lambda call: call.is_spread or not _is_literal(call.node.args[0] if call.node.args else call.keyword("action"),
                                                       "ignore", "once", "always", "default", "module")),)),
    ("dataclasses.dataclass", (CallRule(DYNAMIC_CODE,
        "dataclass() on what is not a class in sight: the names of its fields become code", _always, True),)),
    ("traceback.format_exception traceback.print_exception", (CallRule(FILESYSTEM,
        "{} of what may be no traceback: it shows lines of the files that are named",
        lambda call: len(call.node.args) != 1 or call.is_spread, True),)),
    ("logging.Formatter", (CallRule(REFLECTION, "{} with a style whose fields read attributes",
        lambda call: call.has_more(2) or not _is_literal(call.keyword("style") or ast.Constant("%"), "%"), True),)),
    ("inspect.signature", (CallRule(DYNAMIC_CODE, "{} evaluates annotations",
        lambda call: call.has("eval_str", "globals", "locals") or call.is_spread),)),
    ("tensorflow.print", (CallRule(FILESYSTEM, "tf.print to a stream that may be a file",
        lambda call: call.has(None) or not call.prints_to_process),)),
    (_CONFIG_READERS, (
        CallRule(UNSAFE_DESERIALIZATION, "{} with a choice of safe_mode, or with arguments that cannot be read",
            lambda call: call.has_more(3, "safe_mode"), True),
        CallRule(UNSAFE_DESERIALIZATION, "{} of what is not a config that was handed in: it builds what it names",
            lambda call: not call.takes_handed_in_config and not call.takes_config_of_object, True),
        CallRule(UNSAFE_DESERIALIZATION, "{} of what is not a config that was handed in: it builds what it names",
            lambda call: not call.takes_handed_in_config))),
    (_TEXT_LAYERS, (CallRule(FILESYSTEM, "{} with a vocabulary that may be the path of a file (CVE-2025-12058)",
        lambda call: call.has_more(3) or not (isinstance(words := call.keyword("vocabulary"), (ast.List, ast.Tuple))
                                              or words is None or _is_literal(words, None))),)),
    (_METACLASSES, (CallRule(REFLECTION, "{} is not looked at", _always, True),)),
    ("sys.stdout sys.stderr", (CallRule(REFLECTION, "{} is called", _always),)),
)  # fmt: skip
CALL_RULES: Mapping[str, tuple[CallRule, ...]] = MappingProxyType(
    {path: rules for paths, rules in _ROWS for path in paths.split()}
)
#: Methods that go further with some arguments only, whatever they are called on.
METHOD_RULES: Mapping[str, CallRule] = MappingProxyType({
    "resize": CallRule(NATIVE_CODE, "resize() with arguments that cannot be read",
        lambda call: call.has(None) and call.is_of_stranger, True),
    "set_vocabulary": CallRule(FILESYSTEM, "set_vocabulary() of what may be the path of a file (CVE-2025-12058)",
        lambda call: not (call.node.args and isinstance(call.node.args[0], (ast.List, ast.Tuple)))),
    "cache": CallRule(FILESYSTEM, "cache() of a dataset with a file name",
        lambda call: bool(call.node.args or call.node.keywords) and not all(owner.is_module for owner in call.owners)),
})  # fmt: skip
#: Arguments that mean the same whatever is called, by name; `None` is ``**``. A `safe_mode` that is handed through, as
#: ``from_config()`` does, is chosen elsewhere.
ARGUMENT_RULES: Mapping[str | None, CallRule] = MappingProxyType({
    None: CallRule(FILESYSTEM, "a log record with arguments that cannot be read", lambda call:
        isinstance(call.node.func, ast.Attribute) and call.node.func.attr in _LOGS and call.is_of_stranger, True),
    "refcheck": CallRule(NATIVE_CODE, "refcheck=False leaves arrays that read freed memory",
        lambda call: not all(map(_is_true, call.named("refcheck"))), True),
    "safe_mode": CallRule(UNSAFE_DESERIALIZATION, "safe_mode is chosen: a config may then hold code",
        lambda call: not all(_is_true(mode) or (isinstance(mode, ast.Name) and mode.id == "safe_mode")
                             for mode in call.named("safe_mode")), True),
    "exc_info": CallRule(FILESYSTEM, "exc_info may be no traceback: log records show its files",
        lambda call: not all(isinstance(value, ast.Constant) or call.is_of_exception(value)
                             for value in call.named("exc_info")), True),
})  # fmt: skip
