"""Unpacks what `pip download` brought into one folder a package, as `benign.py` and `imported.py` read them.

::

    python corpus.py WHEELS FOLDER

A package's folder holds what its wheel or sdist would put on `sys.path`, without its tests and examples.
"""

from __future__ import annotations

import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

_NOT_PACKAGES = ("tests", "test", "docs", "examples", "example", "benchmarks")


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the wheel or sdist `archive` below `folder`, under the name of its distribution."""
    name = re.split(r"-\d", archive.name)[0].replace("_", "-").lower()
    place = folder / name
    if place.exists():
        return
    if archive.suffix == ".whl":
        zipfile.ZipFile(archive).extractall(place)
    else:
        _unpack_source(archive, place)
    for below in place.iterdir():
        if below.name in _NOT_PACKAGES or below.suffix == ".data":
            shutil.rmtree(below)


def _unpack_source(archive: Path, place: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(archive) as file:
        file.extractall(scratch, filter="data")
        (root,) = Path(scratch).iterdir()
        packages = [found.parent for base in (root / "src", root) for found in base.glob("*/__init__.py")]
        place.mkdir(parents=True)
        for package in packages:
            shutil.move(package, place / package.name)
        metadata = place / f"{archive.name.removesuffix('.tar.gz')}.dist-info"
        metadata.mkdir()
        shutil.copy(root / "PKG-INFO", metadata / "METADATA")


if __name__ == "__main__":
    for found in sorted(Path(sys.argv[1]).iterdir()):
        if found.name.endswith((".whl", ".tar.gz")):
            unpack(found, Path(sys.argv[2]))
