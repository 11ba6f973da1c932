"""Builders of source trees and installed distributions, named for what is in them. Nothing in them is ever run."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path

NEVER_RUN = "raise SystemExit('the code of the author was executed')\n"


def tree(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write `files` below `folder`; text is dedented."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
    return folder


def installed(
    site: Path,
    name: str,
    files: Mapping[str, str | bytes],
    *,
    version: str = "1.0",
    editable: Path | None = None,
    record: bool = True,
) -> Path:
    """A distribution as an installer leaves it: its files, METADATA and a RECORD of them all."""
    tree(site, files)
    metadata = f"{name.replace('-', '_')}-{version}.dist-info"
    extra = {f"{metadata}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"}
    if editable is not None:
        told = {"url": editable.as_uri(), "dir_info": {"editable": True}}
        extra[f"{metadata}/direct_url.json"] = json.dumps(told)
    if record:
        extra[f"{metadata}/RECORD"] = "".join(f"{file},,\n" for file in [*files, *extra, f"{metadata}/RECORD"])
    tree(site, extra)
    return site
