"""Consumer side: the private module tree that a bundle's source runs in."""

from __future__ import annotations

from bundler.namespace.guard import Guard
from bundler.namespace.loader import open_namespace
from bundler.namespace.opaque import load_opaque, opaque_place
from bundler.namespace.tree import IMPORT_LOCK, ROOT, ModuleText, Namespace, loaded_namespaces, namespace_of

__all__ = [
    "IMPORT_LOCK",
    "ROOT",
    "Guard",
    "ModuleText",
    "Namespace",
    "load_opaque",
    "loaded_namespaces",
    "namespace_of",
    "opaque_place",
    "open_namespace",
]
