"""The headers of a distribution's ``METADATA`` or ``PKG-INFO`` file (PyPA, Core metadata specifications).

Most of such a file is the description below them, which nobody here asks for, and a process asks for a header of the
same hundred files again and again.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterable
from dataclasses import dataclass
from email.parser import HeaderParser

from packaging.requirements import InvalidRequirement, Requirement


@dataclass(frozen=True, kw_only=True, slots=True)
class CoreMetadata:
    """What a distribution says of itself; `None` where the header is missing."""

    name: str | None
    version: str | None
    requires: tuple[Requirement, ...]


def core_metadata(found: importlib.metadata.Distribution) -> CoreMetadata:
    """Read the headers of an installed distribution; a broken one has none.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not text.
    """
    text = found.read_text("METADATA")
    if text is not None:
        return _parsed(text.partition("\n\n")[0], None)
    # What `setup.py develop` and old system packages leave: a folder, or one file without a folder.
    text = found.read_text("PKG-INFO") or found.read_text("") or ""
    return _parsed(text.partition("\n\n")[0], tuple(found.requires or ()))


@functools.lru_cache(maxsize=4096)
def _parsed(headers: str, requires: tuple[str, ...] | None) -> CoreMetadata:
    message = HeaderParser().parsestr(headers, headersonly=True)
    return CoreMetadata(
        name=message["Name"],
        version=message["Version"],
        requires=tuple(_requirements(message.get_all("Requires-Dist", ()) if requires is None else requires)),
    )


def _requirements(texts: Iterable[str]) -> Iterable[Requirement]:
    for text in texts:
        try:
            yield Requirement(text)
        except InvalidRequirement:
            continue  # metadata from before PEP 508 says nothing that installers heed
