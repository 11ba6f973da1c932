"""kbundle's own code, copied into an environment: the version that made it, without asking an index for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from bundler.version import __version__

_PACKAGE = Path(__file__).parents[2]


def source_digest() -> str:
    """Return the sha256 of all files of the running kbundle."""
    digest = hashlib.sha256()
    for path in _files():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def copy_into(site: Path) -> None:
    """Copy the running kbundle into a folder of packages, with the metadata by which it is found there.

    Raises:
        OSError: it cannot be written.
    """
    for path in _files():
        copy = site / "bundler" / path.relative_to(_PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    metadata = site / f"kbundle-{__version__}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: kbundle\nVersion: {__version__}\n", "utf-8")
    (metadata / "INSTALLER").write_text("kbundle\n", "utf-8")


def _files() -> Iterator[Path]:
    for path in sorted(_PACKAGE.rglob("*")):
        if "__pycache__" not in path.parts and path.is_file():
            yield path
