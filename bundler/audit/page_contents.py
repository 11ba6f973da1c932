"""What the page of a bundle shows beside its findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bundler.formats.stored_arrays import Tensor
from bundler.manifest import Manifest
from bundler.manifest.codec import JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What the page of a bundle shows beside its findings; all of it is as a stranger wrote it.

    Attributes:
        manifest: the bundle's own statement.
        config: of the model, as its ``config.json`` has it; `None` where there is none or it could not be read.
        sources: the text of every packed module, by member.
        tensors: the weights, if their file could be read.
        lock_text: the text of the lock or, without one, of the requirements.
    """

    manifest: Manifest
    config: JSON | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    tensors: tuple[Tensor, ...] = ()
    lock_text: str = ""
