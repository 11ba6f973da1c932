"""One custom object as the writer found it, before the manifest describes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundObject:
    """A custom class or function and where the config asks for it.

    `module` and `qualname` are the attribute of the module that gives it; `key` is what Keras looks it up by.
    `paths` are JSON pointers into the config, and empty for what only lives inside other objects. `distribution`
    is set when it comes from an installed distribution that does not travel as source. An object that is `by_value`
    has no source and travels as a pickle.
    """

    kind: str
    key: str
    module: str
    qualname: str
    paths: tuple[str, ...] = ()
    distribution: str | None = None
    by_value: bool = False
