"""What must be installed for the values that a config carries."""

from __future__ import annotations

from bundler.keras_io.adapt.tags import TAG
from bundler.manifest.codec import JSON
from bundler.sources.closure import RequiredImport
from bundler.sources.locate import Locator
from bundler.values import module_of


def required_by_values(config: JSON, locator: Locator) -> tuple[RequiredImport, ...]:
    """Return the libraries that make values of `config`: pandas for a table, SciPy for a sparse matrix."""
    makers = {str(node["maker"]) for node in _tagged(config) if node[TAG] == "made"}
    names = sorted({module_of(maker).partition(".")[0] for maker in makers})
    found = {name: locator.locate(name).distribution for name in names}
    return tuple(
        RequiredImport(name=name, distribution=distribution, optional=False, required_by="the model", file="", line=0)
        for name, distribution in found.items()
        if distribution
    )


def _tagged(config: JSON) -> list[dict[str, JSON]]:
    found, stack = [], [config]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if TAG in value:
                found.append(value)
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    return found
