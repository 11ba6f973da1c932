"""Read what the environment that runs this has to say about the generated tables: ``python -m tools.collect FILE``.

It runs under each interpreter that is asked, so it imports no package before it knows that there is one.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path

from tools.framework_names import api_names, attribute_names, numpy_names, python_names
from tools.stock_keras import stock
from tools.tables import Part, lines
from tools.tensorflow_fields import fields
from tools.tensorflow_ops import operations

THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
#: Distributions whose versions a table names, and what they are called there.
_PROJECTS = {
    "keras": "keras",
    "numpy": "numpy",
    **dict.fromkeys(("tensorflow", "tensorflow-cpu", "tf-nightly"), "tensorflow"),
}

Parts = Mapping[str, Part]


def collect() -> Parts:
    """Return what this environment has to say about each table. A bare Python has little."""
    versions = {"python": [THIS_PYTHON]}
    names = python_names()
    parts = {}
    spec = importlib.util.find_spec("keras")
    if spec is not None and spec.origin is not None and importlib.util.find_spec("tensorflow") is not None:
        site = Path(spec.origin).parents[1]
        versions |= _versions(site)
        names |= {**numpy_names(), **api_names(site), **attribute_names()}
        tensorflow = {"tensorflow": versions["tensorflow"]}
        parts["fields"] = Part(tensorflow, fields())
        parts["operations"] = Part(tensorflow, operations())
        parts["stock"] = Part({"keras": versions["keras"]}, stock(site))
    parts["names"] = Part(versions, names)
    # The audit's lists need the package that reads versions, which a bare Python lacks.
    if importlib.util.find_spec("packaging") is not None:
        from tools.powers import powers

        parts["powers"] = Part(versions, powers())
    return parts


def collect_from_wheel(site: Path) -> Parts:
    """Return what an unpacked wheel of Keras has to say."""
    versions = _versions(site)
    return {"stock": Part(versions, stock(site)), "names": Part(versions, api_names(site))}


def _versions(site: Path) -> dict[str, list[str]]:
    found = {}
    for item in distributions(path=[str(site)]):
        if (project := item.name.lower().replace("_", "-")) in _PROJECTS:
            found[_PROJECTS[project]] = [item.version]
    return found


if __name__ == "__main__":
    parts = {name: (part.made_from, lines(part.tree)) for name, part in collect().items()}
    Path(sys.argv[1]).write_text(json.dumps(parts), "utf-8")
