"""What a bundle says about itself: frozen dataclasses, and JSON <-> dataclass with dotted-path errors.

No input or output here, and no dependency. `schema/SPEC.md` is the law that these classes follow.
"""

from __future__ import annotations

from bundler.manifest.document import (
    CustomObject,
    DataFile,
    Generator,
    Manifest,
    Member,
    Module,
    ObjectSource,
    Parameters,
    Payload,
    PinnedDistribution,
    Provenance,
    Requirements,
    TensorSpec,
    Unresolved,
)
from bundler.manifest.protocol import FORMAT, FORMAT_MAJOR, FORMAT_VERSION
from bundler.manifest.text import dump_manifest, load_manifest

__all__ = [
    "FORMAT",
    "FORMAT_MAJOR",
    "FORMAT_VERSION",
    "CustomObject",
    "DataFile",
    "Generator",
    "Manifest",
    "Member",
    "Module",
    "ObjectSource",
    "Parameters",
    "Payload",
    "PinnedDistribution",
    "Provenance",
    "Requirements",
    "TensorSpec",
    "Unresolved",
    "dump_manifest",
    "load_manifest",
]
