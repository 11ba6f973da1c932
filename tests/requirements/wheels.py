"""Builders of wheels, source distributions, locks and bundles that need no index and no framework."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import packaging

from bundler.archive.writer import NewMember, write_bundle
from bundler.manifest import PinnedDistribution
from bundler.requirements.locking.record import LOADER
from tests.manifest import samples


def wheel(
    folder: Path, name: str, version: str = "1.0", *, tag: str = "py3-none-any", files: Mapping[str, str] | None = None
) -> Path:
    """Write a wheel with a module of its name, and return its path."""
    module = name.replace("-", "_")
    metadata = f"{module}-{version}.dist-info"
    contents = dict(files or {f"{module}.py": f"VERSION = {version!r}\n"})
    contents[f"{metadata}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    contents[f"{metadata}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n"
    rows = []
    for path, text in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text.encode())}\n")
    contents[f"{metadata}/RECORD"] = "".join([*rows, f"{metadata}/RECORD,,\n"])
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in contents.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return target


_BACKEND = """
import os, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "{module}-{version}-py3-none-any.whl"
    info = "{module}-{version}.dist-info/"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        archive.writestr("{module}.py", "BUILT = True\\n")
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(info + "RECORD", "")
    return name
"""


def sdist(folder: Path, name: str, version: str = "1.0") -> Path:
    """Write a source distribution that brings its own build backend, and return its path."""
    module = name.replace("-", "_")
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\n',
        "backend.py": _BACKEND.format(module=module, name=name, version=version),
    }
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{module}-{version}.tar.gz"
    with tarfile.open(target, "w:gz") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{module}-{version}/{path}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return target


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def entry(*wheels: Path, marker: str | None = None, path: bool = False, **changes: str) -> str:
    """Return one package of a lock; its files have addresses that answer nobody, or with `path` a place."""
    name, version = wheels[0].name.split("-")[:2]
    lines = ["[[packages]]", f'name = "{name.replace("_", "-")}"', f'version = "{version}"']
    if marker is not None:
        lines.append(f'marker = "{marker}"')
    files = []
    for item in wheels:
        digest = changes.get("sha256") or sha256(item)
        where = f'path = "wheels/{item.name}"' if path else f'url = "https://nowhere.invalid/{item.name}"'
        files.append(f'{{ {where}, hashes = {{ sha256 = "{digest}" }} }}')
    lines.append(f"wheels = [{', '.join(files)}]")
    return "\n".join(lines) + "\n"


def lock(*entries: str, more: str = "") -> bytes:
    """Return a pylock.toml."""
    return ('lock-version = "1.0"\ncreated-by = "test"\n' + more + "\n" + "\n".join(entries)).encode()


def own_wheels(folder: Path) -> list[Path]:
    """Write stand-ins for what kbundle itself needs; `packaging` is the real one, which all of it imports."""
    place = Path(packaging.__file__).parent
    real = {f"packaging/{path.relative_to(place).as_posix()}": path.read_text() for path in place.rglob("*.py")}
    return [wheel(folder, name, files=real if name == "packaging" else None) for name in LOADER]


def write_locked_bundle(
    target: Path,
    content: bytes | None,
    *,
    pins: Sequence[PinnedDistribution] = (),
    vendored: Sequence[Path] = (),
    **changes: Any,
) -> Path:
    """Write a bundle with this lock and return its path."""
    manifest = samples.small()
    members = [
        NewMember(name="model/model.keras", content=b"not really a model"),
        NewMember(name="requirements/requirements.txt", content=b"\n"),
        *(NewMember(name=f"requirements/wheels/{path.name}", content=path) for path in vendored),
    ]
    if content is not None:
        members.append(NewMember(name="requirements/pylock.toml", content=content))
    requirements = dataclasses.replace(
        manifest.requirements,
        hashes="none" if content is None else "all",
        lock=None if content is None else "requirements/pylock.toml",
        distributions=tuple(pins),
        wheels=tuple(f"requirements/wheels/{path.name}" for path in vendored),
        **changes,
    )
    write_bundle(target, dataclasses.replace(manifest, requirements=requirements), members, overwrite=True)
    return target
