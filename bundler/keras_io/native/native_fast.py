"""Harmless operations keep their speed.

A generated function of TensorFlow reads ``pywrap_tfe.TFE_Py_FastPathExecute`` from its module at every call. Where the
only operation that it names is harmless whatever it is given, its code is made to read another global of the module,
which holds the original: the call costs then what it cost before. Everything else, and everybody who finds
``pywrap_tfe`` in such a module, gets the function that raises events.
"""

from __future__ import annotations

import secrets
import sys
from types import FunctionType, ModuleType
from typing import Any

from bundler.keras_io.native.native_kinds import Kinds

_MODULE, _FUNCTION = "pywrap_tfe", "TFE_Py_FastPathExecute"


def keep_harmless_operations_fast(kinds: Kinds, module: ModuleType, original: Any) -> int:
    """Let the generated functions of harmless operations call `original`; return how many do."""
    # No source can spell this name out, and nobody else knows it.
    hidden = f"operations {secrets.token_hex(16)}"
    holder = ModuleType(_MODULE)
    setattr(holder, _FUNCTION, original)
    answers: dict[str, bool | None] = {}
    count = 0
    for name, generated in list(sys.modules.items()):
        if not name.startswith("tensorflow.") or not isinstance(generated, ModuleType):
            continue
        space = ModuleType.__getattribute__(generated, "__dict__")
        if space.get(_MODULE) is not module:
            continue
        before = count
        for value in list(space.values()):
            function = _innermost(value)
            if function is None or function.__globals__ is not space:
                continue
            code = function.__code__
            if _MODULE in code.co_names and _FUNCTION in code.co_names and _names_harmless(kinds, code, answers):
                names = tuple(hidden if used == _MODULE else used for used in code.co_names)
                function.__code__ = code.replace(co_names=names)
                count += 1
        if count > before:
            space[hidden] = holder
    return count


def _innermost(value: Any) -> FunctionType | None:
    while hasattr(value, "__wrapped__"):
        value = value.__wrapped__
    return value if isinstance(value, FunctionType) else None


def _names_harmless(kinds: Kinds, code: Any, answers: dict[str, bool | None]) -> bool:
    """Say whether the texts in some code name an operation, and none that could do anything."""
    found = False
    for text in code.co_consts:
        if isinstance(text, str) and text.isidentifier():
            if text not in answers:
                answers[text] = kinds.is_plain(text) if kinds.is_registered(text) else None
            if answers[text] is False:
                return False
            found = found or answers[text] is True
    return found
