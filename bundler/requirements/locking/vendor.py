"""Wheels inside the bundle, for machines without an index: the small ones of pure Python."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundler.archive.writer import NewMember
from bundler.errors import PackError
from bundler.limits import LIMITS
from bundler.requirements.locking.addresses import WHEELS, file_name
from bundler.requirements.locking.index import canonical
from bundler.requirements.programs import ProgramFailed, run_program

_FOLDER = f"requirements/{WHEELS}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Vendored:
    """The entries of the lock, those with a wheel in the bundle naming it; the wheels; what was left out, and why."""

    packages: tuple[dict[str, Any], ...]
    members: tuple[NewMember, ...] = ()
    notes: tuple[str, ...] = ()


def vendored_wheels(packages: Sequence[dict[str, Any]]) -> Vendored:
    """Fetch the wheels that fit every Python and platform, and check them against the hashes of the lock.

    A wheel for one platform (TensorFlow, NumPy, ...) is left out, and so is what is larger than the limits; the notes
    say which.

    Raises:
        PackError: there is no pip, or no index gives the files.
    """
    chosen: dict[str, Mapping[str, Any]] = {}
    left_out: list[str] = []
    total = 0
    for package in packages:
        name = canonical(package)
        files = package.get("wheels", ()) if package.get("version") else ()
        wheel = next((wheel for wheel in files if file_name(wheel).endswith("-none-any.whl")), None)
        if package.get("marker") and wheel is None:
            continue  # another platform's, and not for us to fetch
        size = int(wheel.get("size", 0)) if wheel is not None else 0
        if wheel is None:
            left_out.append(f"{name} (no wheel of pure Python)")
        elif size > LIMITS.vendored_wheel or total + size > LIMITS.vendored_total:
            left_out.append(f"{name} ({size / 1e6:.1f} MB)")
        else:
            chosen[name] = wheel
            total += size
    files = _download(packages, chosen)
    members = tuple(NewMember(name=f"{_FOLDER}/{name}", content=content) for name, content in sorted(files.items()))
    entries = []
    for package in packages:
        wheel = chosen.get(canonical(package))
        if wheel is None:
            entries.append(dict(package))
            continue
        name = file_name(wheel)
        vendored = {key: value for key, value in wheel.items() if key not in ("url", "path")}
        entries.append(
            {
                **package,
                "wheels": [
                    {**vendored, "name": name, "path": f"{WHEELS}/{name}"} if item is wheel else item
                    for item in package["wheels"]
                ],
            }
        )
    notes = [f"not vendored, and needed from an index or installed already: {', '.join(left_out)}"] if left_out else []
    return Vendored(packages=tuple(entries), members=members, notes=tuple(notes))


def _download(packages: Sequence[Mapping[str, Any]], chosen: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    if not chosen:
        return {}
    if importlib.util.find_spec("pip") is None:
        raise PackError("wheels are fetched with pip, which is not installed here", hint="python -m ensurepip")
    versions = {canonical(package): package.get("version") for package in packages}
    lines = [f"{name}=={versions[name]} --hash=sha256:{wheel['hashes']['sha256']}" for name, wheel in chosen.items()]
    with tempfile.TemporaryDirectory(prefix="kbundle-wheels-", ignore_cleanup_errors=True) as folder:
        asked = Path(folder, "asked.txt")
        asked.write_text("".join(f"{line}\n" for line in lines))
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"),
            *("--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(asked), "-d", folder),
        ]
        try:
            run_program(command, seconds=LIMITS.index_seconds * 5, environment=os.environ)
        except ProgramFailed as error:
            raise PackError(
                f"the wheels cannot be fetched: {error.lines[-1] if error.lines else f'pip {error.reason}'}",
                hint="check the connection to the index, or pack without vendor=True (--vendor)",
            ) from error
        found = {}
        for wheel in chosen.values():
            name = file_name(wheel)
            content = Path(folder, name).read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            if digest != wheel["hashes"]["sha256"]:
                raise PackError("a fetched wheel is not the one of the lock", place=name, found=digest)
            found[name] = content
        return found
