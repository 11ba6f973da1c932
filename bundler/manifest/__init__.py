"""What a bundle says about itself: frozen dataclasses, and JSON <-> dataclass with dotted-path errors.

No input or output here, and no dependency. `schema/SPEC.md` is the law that these classes follow.
"""

from __future__ import annotations

from bundler.manifest.canonical_json import check_major, dump_manifest, load_manifest
from bundler.manifest.conditions import Seed, Settings
from bundler.manifest.document import (
    Adaptation,
    Agreement,
    Builder,
    CustomObject,
    DataFile,
    DirectSource,
    Generator,
    Manifest,
    Member,
    Module,
    ObjectSource,
    OpaqueSource,
    Parameters,
    Payload,
    PinnedDistribution,
    Provenance,
    Reduced,
    Requirements,
    TensorSpec,
    Unresolved,
)
from bundler.manifest.protocol import FORMAT, FORMAT_MAJOR, FORMAT_VERSION
from bundler.manifest.proved import Proof, RecordedUse, RecordedUses, SelfTest

__all__ = [
    "FORMAT",
    "FORMAT_MAJOR",
    "FORMAT_VERSION",
    "Adaptation",
    "Agreement",
    "Builder",
    "CustomObject",
    "DataFile",
    "DirectSource",
    "Generator",
    "Manifest",
    "Member",
    "Module",
    "ObjectSource",
    "OpaqueSource",
    "Parameters",
    "Payload",
    "PinnedDistribution",
    "Proof",
    "Provenance",
    "RecordedUse",
    "RecordedUses",
    "Reduced",
    "Requirements",
    "Seed",
    "SelfTest",
    "Settings",
    "TensorSpec",
    "Unresolved",
    "check_major",
    "dump_manifest",
    "load_manifest",
]
