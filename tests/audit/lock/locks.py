"""Manifests and locks as kbundle writes them, to break one thing at a time."""

from __future__ import annotations

import dataclasses
from typing import Any

from bundler.manifest import Manifest, PinnedDistribution
from bundler.requirements.locking.toml import toml_text
from tests.manifest.samples import small

HASH = "a" * 64


def pin(name: str, version: str, **more: Any) -> PinnedDistribution:
    return PinnedDistribution(name=name, version=version, **more)


#: What none of the table's rows but an open one touches.
FIXED = (pin("keras", "3.15.1", imports=("keras",)), pin("tensorflow-cpu", "2.21.0", imports=("tensorflow",)))


def manifest(*pins: PinnedDistribution, hashes: str = "all", **more: Any) -> Manifest:
    plain = small()
    needs = dataclasses.replace(
        plain.requirements,
        hashes=hashes,
        lock=None if hashes == "none" else "requirements/pylock.toml",
        distributions=pins or FIXED,
        **more,
    )
    return dataclasses.replace(plain, requirements=needs)


def wheel(name: str, version: str, **changes: Any) -> dict[str, Any]:
    file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    url = f"https://files.pythonhosted.org/packages/{file}"
    return {"url": url, "hashes": {"sha256": HASH}, **changes}


def package(name: str, version: str, /, **changes: Any) -> dict[str, Any]:
    """One entry; a change to `None` takes the key out."""
    entry = {"name": name, "version": version, "wheels": [wheel(name, version)], **changes}
    return {key: value for key, value in entry.items() if value is not None}


def pylock(*packages: dict[str, Any]) -> bytes:
    listed = list(packages) or [package(item.name, item.version) for item in FIXED]
    return toml_text({"lock-version": "1.0", "created-by": "kbundle", "packages": listed}).encode()


def lines(*more: str) -> bytes:
    """A list of requirements as kbundle writes it, and more lines."""
    pins = [f"{item.name}=={item.version} \\\n    --hash=sha256:{HASH}" for item in FIXED]
    return "\n".join(["# What the model was packed with", *pins, *more, ""]).encode()


def record(name: str = "rich", **changes: Any) -> dict[str, Any]:
    """An OSV record about one distribution of PyPI; a change to `None` takes the key out."""
    value = {
        "id": "PYSEC-2026-1",
        "modified": "2026-11-01T10:00:00Z",
        "aliases": ["CVE-2026-99999"],
        "summary": "it does what it should not",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}],
            }
        ],
        **changes,
    }
    return {key: item for key, item in value.items() if item is not None}


def affected(events: list[dict[str, str]] | None = None, versions: list[str] | None = None) -> list[dict[str, Any]]:
    entry: dict[str, Any] = {"package": {"ecosystem": "PyPI", "name": "Rich"}}
    if events is not None:
        entry["ranges"] = [{"type": "ECOSYSTEM", "events": events}]
    if versions is not None:
        entry["versions"] = versions
    return [entry]
