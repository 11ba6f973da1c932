"""What the model uses of installed distributions: objects that the manifest names and no source of the bundle shows.

The loader takes them from this machine and hands them to Keras, which calls them. A name is held against the same
tables as the names in source: ``os.system`` as an activation is a door, whatever distribution it is said to be of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bundler.audit.facts import REFLECTION, Finding
from bundler.audit.source.lookup import Denoted, Kind, look
from bundler.audit.source.rules import OF_CAPABILITY, THIRD_PARTY, UNKNOWN_IMPORT
from bundler.manifest import CustomObject, Manifest

#: Where TensorFlow defines what it exports under ``tf``, ``tf.nn`` and ``tf.math``.
_PRIVATE_OPS = re.compile(r"tensorflow\.python\.ops\.(gen_)?[a-z_]*(array|linalg|math|nn)(_impl|_ops)[a-z_]*")
_PUBLIC = ("tensorflow.nn", "tensorflow.math", "tensorflow", "tensorflow.linalg")


def declared_findings(manifest: Manifest, requirements: Mapping[str, str]) -> list[Finding]:
    """Return what the objects of `manifest` that no source of the bundle defines could do.

    Args:
        manifest: the bundle's.
        requirements: top-level import name -> the distribution that the bundle requires for it.
    """
    found = []
    for item in manifest.objects:
        if item.distribution is None:
            continue
        denoted = _denoted(item)
        name = f"{item.module}.{item.qualname}"
        what = f"the model uses {name} of {item.distribution}"
        if denoted.kind is Kind.OPEN:
            rule = THIRD_PARTY if item.module.partition(".")[0] in requirements else UNKNOWN_IMPORT
            found.append(rule.at("manifest.json", what, inside="objects"))
        elif denoted.kind is not Kind.PLAIN:
            rule = OF_CAPABILITY[denoted.capability or REFLECTION]
            found.append(rule.at("manifest.json", what, inside="objects"))
    return found


def _denoted(item: CustomObject) -> Denoted:
    if _PRIVATE_OPS.fullmatch(item.module):
        for module in _PUBLIC:
            denoted = look(f"{module}.{item.qualname}")
            if denoted.kind is Kind.PLAIN:
                return denoted
    return look(f"{item.module}.{item.qualname}")
