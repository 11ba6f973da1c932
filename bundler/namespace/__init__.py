"""Consumer side: the private module tree that a bundle's source runs in."""

from __future__ import annotations

from bundler.namespace.effects import Crossing, always, net
from bundler.namespace.guard import Guard, Record, Use
from bundler.namespace.loader import open_namespace
from bundler.namespace.opaque import load_opaque, opaque_place
from bundler.namespace.tables import Meaning, Named, Tables
from bundler.namespace.tree import IMPORT_LOCK, ROOT, ModuleText, Namespace, loaded_namespaces, namespace_of

__all__ = [
    "IMPORT_LOCK",
    "ROOT",
    "Crossing",
    "Guard",
    "Meaning",
    "ModuleText",
    "Named",
    "Namespace",
    "Record",
    "Tables",
    "Use",
    "always",
    "load_opaque",
    "loaded_namespaces",
    "namespace_of",
    "net",
    "opaque_place",
    "open_namespace",
]
