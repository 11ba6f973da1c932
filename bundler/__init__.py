"""kbundle: a Keras model and the source of its custom code in one file that loads with one call.

    from bundler import bundle, unbundle

    bundle(model, "ranker.kbundle")
    model = unbundle("ranker.kbundle")

The names below are resolved when they are first used: importing this package imports neither TensorFlow nor NumPy,
and reading a bundle needs neither.

The examples in docstrings run after ``import bundler``, in a folder with two bundles (`tests/test_docstrings.py`). In
``model.kbundle`` is a `keras.Sequential` of a layer ``Gain``, from the author's module ``gain``, and a `Dense` layer:
``float32 [batch, 4]`` to ``float32 [batch, 1]``. In ``retrained.kbundle`` is the same model with other weights.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from bundler.errors import (
    AuditRefused,
    BundleError,
    ConsentRequired,
    DigestMismatch,
    EnvironmentFailed,
    InferenceOnly,
    IntegrityError,
    InvalidBundle,
    LimitExceeded,
    MissingDependency,
    MissingObject,
    PackError,
    ProofFailed,
    RebuildFailed,
    RefusalWarning,
    RequirementsNotMet,
    RequirementsWarning,
    SelfTestFailed,
    SourceError,
    TargetExists,
    UnsupportedVersion,
)
from bundler.version import __version__

if TYPE_CHECKING:
    from bundler.archive.extract import extract
    from bundler.archive.reader import BundleReader, open_bundle
    from bundler.audit.auditing import audit_bundle
    from bundler.audit.finding import Finding
    from bundler.audit.policy import Policy, read_policy
    from bundler.audit.result import Audit
    from bundler.diff.bundles import diff_bundles
    from bundler.diff.change import Difference
    from bundler.manifest import Manifest
    from bundler.namespace.guard import Record, Use
    from bundler.packing.bundling import PackedBundle, bundle
    from bundler.requirements.api import check_requirements, requirements_of
    from bundler.requirements.environments.environment import Environment, environment
    from bundler.unpacking.rebuilding import record_of
    from bundler.unpacking.unbundling import unbundle

#: public name -> module that has it
_LAZY = {
    "Audit": "bundler.audit.result",
    "BundleReader": "bundler.archive.reader",
    "Difference": "bundler.diff.change",
    "Environment": "bundler.requirements.environments.environment",
    "Finding": "bundler.audit.finding",
    "Manifest": "bundler.manifest",
    "PackedBundle": "bundler.packing.bundling",
    "Policy": "bundler.audit.policy",
    "Record": "bundler.namespace.guard",
    "Use": "bundler.namespace.guard",
    "audit_bundle": "bundler.audit.auditing",
    "bundle": "bundler.packing.bundling",
    "check_requirements": "bundler.requirements.api",
    "diff_bundles": "bundler.diff.bundles",
    "environment": "bundler.requirements.environments.environment",
    "extract": "bundler.archive.extract",
    "open_bundle": "bundler.archive.reader",
    "read_policy": "bundler.audit.policy",
    "record_of": "bundler.unpacking.rebuilding",
    "requirements_of": "bundler.requirements.api",
    "unbundle": "bundler.unpacking.unbundling",
}

__all__ = [
    "Audit",
    "AuditRefused",
    "BundleError",
    "BundleReader",
    "ConsentRequired",
    "Difference",
    "DigestMismatch",
    "Environment",
    "EnvironmentFailed",
    "Finding",
    "InferenceOnly",
    "IntegrityError",
    "InvalidBundle",
    "LimitExceeded",
    "Manifest",
    "MissingDependency",
    "MissingObject",
    "PackError",
    "PackedBundle",
    "Policy",
    "ProofFailed",
    "RebuildFailed",
    "Record",
    "RefusalWarning",
    "RequirementsNotMet",
    "RequirementsWarning",
    "SelfTestFailed",
    "SourceError",
    "TargetExists",
    "UnsupportedVersion",
    "Use",
    "__version__",
    "audit_bundle",
    "bundle",
    "check_requirements",
    "diff_bundles",
    "environment",
    "extract",
    "open_bundle",
    "read_policy",
    "record_of",
    "requirements_of",
    "unbundle",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
