"""What a bundle holds that no caller loads without saying so: the words of ``allow=``.

There is no word for everything: each stands for one kind of thing, and an error names the ones that are missing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from bundler.errors import BundleError, ConsentRequired, RebuildFailed
from bundler.manifest import Manifest

#: Objects stored as a pickle: code that nobody can read before it runs.
OPAQUE_CODE = "opaque-code"
#: Every word, and what it lets in.
WORDS = {OPAQUE_CODE: "objects that have no source and are stored as a pickle"}


def needed_words(manifest: Manifest) -> tuple[str, ...]:
    """Return the words without which the bundle of `manifest` does not load, sorted."""
    return (OPAQUE_CODE,) if opaque_lines(manifest) else ()


def opaque_lines(manifest: Manifest) -> tuple[str, ...]:
    """Return one line an object that is stored as a pickle."""
    return tuple(
        f"opaque: the {item.kind} {item.module}.{item.qualname} has no source; its bytecode is the pickle "
        f"{item.opaque.member}, for Python {item.opaque.python} only"
        for item in manifest.objects
        if item.opaque is not None
    )


def check_words(allow: Iterable[str]) -> tuple[str, ...]:
    """Return the words of `allow`, sorted.

    Raises:
        BundleError: one of them means nothing.
    """
    words = {allow} if isinstance(allow, str) else set(allow)
    unknown = sorted(str(word) for word in words if word not in WORDS)
    if unknown:
        raise BundleError(
            "allow has a word that means nothing",
            place="allow",
            expected=" or ".join(map(repr, sorted(WORDS))),
            found=", ".join(map(repr, unknown)),
            hint="leave the word out; kbundle inspect shows what a bundle asks for",
        )
    return tuple(sorted(words))


def check_consent(manifest: Manifest, allow: Iterable[str]) -> tuple[str, ...]:
    """Refuse what the caller has not allowed, and pickles of another Python; returns the words of `allow`, sorted.

    Only the manifest is looked at, so this comes before any code of the bundle and before the framework.

    Raises:
        BundleError: `allow` has a word that means nothing.
        ConsentRequired: the bundle needs a word that `allow` lacks.
        RebuildFailed: a pickle was made by another Python version (its bytecode means something else here).
    """
    words = check_words(allow)
    missing = [word for word in needed_words(manifest) if word not in words]
    if missing:
        raise ConsentRequired(missing, opaque_lines(manifest), allow=words)
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    others = [item for item in manifest.objects if item.opaque is not None and item.opaque.python != running]
    if others:
        made_for = sorted({item.opaque.python for item in others if item.opaque is not None})
        raise RebuildFailed(
            "what has no source is stored as bytecode, which only the Python that made it can run",
            place=", ".join(f"{item.module}.{item.qualname}" for item in others),
            expected=f"Python {' and '.join(made_for)}",
            found=f"Python {running}",
            hint=f"load it under Python {made_for[0]}, or have the author pack it from source",
        )
    return words
