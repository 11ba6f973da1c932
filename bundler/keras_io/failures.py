"""What Keras or bundled code raised while a model was rebuilt, told by its innermost cause."""

from __future__ import annotations

import re
import traceback

from bundler.errors import AuditRefused, ConsentRequired, RebuildFailed
from bundler.namespace import Namespace

#: The next step where nothing better is known.
SEE_TRACEBACK = "the traceback above this line has the place; kbundle inspect shows the versions it was packed with"
#: What sends Keras in a circle when it loads weights: it follows the attributes of a class, too.
_CIRCLE = "; where a class has a list of its own objects, Keras never ends loading them: keep that list in the module"
#: Keras writes some of its messages in bold.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def rebuild_error(error: BaseException, namespace: Namespace | None = None) -> RebuildFailed:
    """Return the error for an exception of Keras or of bundled code, told by its innermost cause.

    Keras wraps what a nested object raises once a level and repeats the whole config each time; the last
    "Exception encountered" is the one that says something.
    """
    guilty = _guilty_class(error, namespace) if namespace is not None else None
    error = _innermost(error)
    # str() of a KeyError is the repr of its message.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    cause = _COLOUR.sub("", text).rpartition("Exception encountered:")[2].strip() or "it says nothing more"
    if isinstance(error, RecursionError):
        cause += _CIRCLE
    if namespace is not None:
        for shown in (f"{namespace.prefix}>outside:", f"{namespace.prefix}>", f"{namespace.prefix}."):
            cause = cause.replace(shown, "")
    missing = error.name if isinstance(error, ModuleNotFoundError) and error.name else None
    failure = RebuildFailed(
        f"the model could not be rebuilt: {type(error).__name__}: {cause[:2000]}",
        place=_innermost_line(error, namespace),
        hint=f"install what provides the module {missing!r} (kbundle inspect lists the requirements)"
        if missing
        else SEE_TRACEBACK,
    )
    failure.missing_module = missing
    if guilty is not None and namespace is not None:
        failure.module, failure.qualname = namespace.original(guilty.__module__), guilty.__qualname__
    return failure


def asked_words(error: BaseException) -> tuple[str, ...]:
    """Return the words that running code was refused for, where that is among the causes of `error`; sorted.

    Keras and autograph raise what code raised as errors of their own, and some hide the first one.
    """
    words: set[str] = set()
    for item in _chain(error):
        if isinstance(item, ConsentRequired):
            words.update(item.words)
    return tuple(sorted(words))


def refusal_in(error: BaseException) -> ConsentRequired | AuditRefused | None:
    """Return the refusal of running code that `error` came of, if it did."""
    return next((item for item in _chain(error) if isinstance(item, ConsentRequired | AuditRefused)), None)


def _chain(error: BaseException) -> list[BaseException]:
    """Return `error` and all that it came of, the last first."""
    chain: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        item = waiting.pop(0)
        # By identity: an error may call itself equal to another one.
        if item is not None and not any(item is other for other in chain):
            chain.append(item)
            waiting += [item.__cause__, item.__context__]
    return chain


def _guilty_class(error: BaseException | None, namespace: Namespace) -> type | None:
    """Return the bundled class that was being made where the first exception of a chain was raised."""
    chain = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    for item in reversed(chain):
        found = None
        for frame, _ in traceback.walk_tb(item.__traceback__):
            for candidate in (frame.f_locals.get("cls"), type(frame.f_locals.get("self"))):
                if isinstance(candidate, type) and str(candidate.__module__).startswith(f"{namespace.prefix}."):
                    found = candidate
        if found is not None:
            return found
    return None


def _innermost(error: BaseException) -> BaseException:
    """Return the first exception of a chain of which each repeats the text of the one before it."""
    while True:
        cause = error.__cause__ or error.__context__
        # A bare `assert` says nothing, and Keras repeats that.
        is_silent = cause is not None and not str(cause) and str(error).rstrip().endswith("Exception encountered:")
        if cause is None or not (is_silent or (str(cause) and str(cause) in str(error))):
            return error
        error = cause


def _innermost_line(error: BaseException, namespace: Namespace | None) -> str | None:
    """Return "module, line N" of the deepest frame that runs bundled code."""
    place = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__"))
        if namespace is not None and module.startswith(f"{namespace.prefix}."):
            place = f"{namespace.original(module)}, line {line}"
    return place
