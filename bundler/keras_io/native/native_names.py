"""What Keras finds by the names in a config.

A config names functions and classes, and Keras looks for them below its own modules. Older versions (3.10) hand out
whatever is there, such as `os` in a module that imports it, and newer ones functions that fetch files and change
settings. No text of the code that hands the config in leads there, so the net by name does not see it, and what was
found may be called where no frame of that code is on the stack. So finding something is an event where the lists do not
have it as harmless.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from bundler.keras_io.native.native_calls import Replacements, Tell, dress, exact
from bundler.namespace import Meaning, Named

#: Packages beside Keras itself that Keras looks in; as requirements they have no lists.
_BESIDE = frozenset({"keras_hub", "keras_cv", "keras_nlp"})


def watch_names(tell: Tell, replacements: Replacements, look: Callable[[str], Named]) -> None:
    """Replace the function of Keras that finds what a config names; `look` answers by the audit's closed lists."""
    library = replacements.module("keras.src.saving.serialization_lib")
    saveable = getattr(replacements.module("keras.src.saving.keras_saveable"), "KerasSaveable", None)
    if library is None or saveable is None:
        return

    def finding(original: Callable[..., Any]) -> Callable[..., Any]:
        parameters = inspect.signature(original)

        def call(*arguments: Any, **given: Any) -> Any:
            found = original(*arguments, **given)
            bound = parameters.bind(*arguments, **given).arguments
            # What was registered, or given for this call, somebody had already.
            if not any(found is own for own in dict(bound.get("custom_objects") or {}).values()):
                word = _needs(found, look, saveable)
                if word is not None:
                    place = f"{exact(bound.get('module'))}.{exact(bound.get('name'))}"
                    tell(word, f"finds {place} by the name in a config of Keras", None, None)
            return found

        return dress(call, original)

    replacements.add(library, "_retrieve_class_or_fn", finding)


def _needs(found: Any, look: Callable[[str], Named], saveable: type) -> str | None:
    """Return the capability that having `found` takes."""
    is_class = isinstance(found, type)
    for path in _paths(found):
        named = look(path)
        if named.kind is Meaning.PLAIN or (named.kind is Meaning.CALL and is_class):
            return None
        if named.kind in (Meaning.SINK, Meaning.CALL):
            return named.capability
    if is_class and issubclass(found, saveable):
        return None
    beside = str(getattr(found, "__module__", "")).partition(".")[0] in _BESIDE
    return None if beside and isinstance(found, type | FunctionType) else "reflection"


def _paths(found: Any) -> Iterator[str]:
    """Yield the names under which Keras exports a function or class, and where it says that it lies."""
    exported = getattr(found, "__dict__", {}).get("_api_export_path") or ()
    yield from (exported,) if isinstance(exported, str) else exported
    module, name = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str):
        yield f"{module}.{name}"
