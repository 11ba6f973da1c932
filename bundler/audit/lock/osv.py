"""Known vulnerabilities from a folder of OSV records, which the reviewer has fetched: no network is asked.

The format is https://ossf.github.io/osv-schema/; the records of PyPI are one JSON file each. A record that cannot be
read is counted, and never taken for a clean answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bundler.audit.lock.advisories import parse

#: Of one record, in bytes, and of files in the folder.
_RECORD = 4 << 20
_MOST_RECORDS = 200_000
_MOST_EVENTS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Vulnerability:
    """A record that names a version: `aliases` are other ids, `fixed` the versions that fix it."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    name: str
    version: str
    fixed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class OsvAnswer:
    """What a folder says.

    Attributes:
        found: the records that name a version that was asked for.
        records: how many could be read.
        unreadable: how many could not, or not wholly.
        newest: the latest ``modified`` of them, as text; empty where there is none.
        problem: why the folder was not read to its end.
    """

    found: tuple[Vulnerability, ...] = ()
    records: int = 0
    unreadable: int = 0
    newest: str = ""
    problem: str | None = None


class _UnreadableRecord(ValueError):
    """A record that is not as the schema has it."""


def ask_folder(folder: Path, versions: Mapping[str, Sequence[str]]) -> OsvAnswer:
    """Return which records of `folder`, and of the folders in it, name one of `versions`.

    Args:
        folder: the records, as ``*.json``.
        versions: the versions asked for, by canonical name.
    """
    found: list[Vulnerability] = []
    records = unreadable = 0
    newest = ""
    problem = None if folder.is_dir() else "there is no such folder"
    try:
        for path in folder.rglob("*.json"):
            if records + unreadable >= _MOST_RECORDS:
                problem = f"it has more than {_MOST_RECORDS} records"
                break
            try:
                record = _read(path)
                matches = list(_matches(record, versions))
            except (ValueError, RecursionError, OSError):
                # InvalidVersion is a ValueError; a version that cannot be compared leaves the record unanswered.
                unreadable += 1
                continue
            records += 1
            newest = max(newest, _modified(record))
            found += matches
    except OSError as error:
        problem = f"it cannot be listed: {error.strerror}"
    found.sort(key=lambda item: (item.name, item.id, item.version))
    return OsvAnswer(found=tuple(found), records=records, unreadable=unreadable, newest=newest, problem=problem)


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        text = file.read(_RECORD + 1)
    if len(text) > _RECORD:
        raise _UnreadableRecord("too long")
    record = json.loads(text)
    if not isinstance(record, dict) or not isinstance(record.get("id"), str):
        raise _UnreadableRecord("no record")
    return record


def _modified(record: Mapping[str, Any]) -> str:
    """Return the day of the record, if it is one."""
    value = record.get("modified")
    day = value[:10] if isinstance(value, str) else ""
    numbers = day.split("-")
    return day if day.isascii() and len(numbers) == 3 and all(part.isdigit() for part in numbers) else ""


def _matches(record: Mapping[str, Any], versions: Mapping[str, Sequence[str]]) -> Iterator[Vulnerability]:
    if record.get("withdrawn"):
        return
    for affected in _tables(record.get("affected", [])):
        package = affected.get("package", {})
        if not isinstance(package, dict):
            raise _UnreadableRecord("package")
        ecosystem, name = package.get("ecosystem"), package.get("name")
        if not isinstance(ecosystem, str) or ecosystem.partition(":")[0] != "PyPI" or not isinstance(name, str):
            continue
        canonical = canonicalize_name(name)
        for version in versions.get(canonical, ()):
            fixed = _fixed(affected)
            if _is_affected(affected, parse(version)):
                yield Vulnerability(
                    id=str(record["id"])[:80],
                    aliases=tuple(item[:80] for item in _texts(record.get("aliases"))[:20]),
                    summary=" ".join(str(record.get("summary", "")).split())[:160],
                    name=canonical,
                    version=version,
                    fixed=tuple(item[:40] for item in fixed[:8]),
                )


def _is_affected(affected: Mapping[str, Any], version: Version) -> bool:
    public = Version(version.public)
    listed = _texts(affected.get("versions"))
    ranges = [item for item in _tables(affected.get("ranges", [])) if item.get("type") == "ECOSYSTEM"]
    if not listed and not ranges:
        raise _UnreadableRecord("no versions that can be compared")
    return any(_same(item, version) for item in listed) or any(_in_range(item, public) for item in ranges)


def _same(listed: str, version: Version) -> bool:
    # Lists hold old versions that PEP 440 does not know; they are none of those asked for.
    try:
        return parse(listed) in (version, Version(version.public))
    except InvalidVersion:
        return False


def _in_range(range_: Mapping[str, Any], version: Version) -> bool:
    """Evaluate one range as the schema's pseudocode does (section "Evaluation")."""
    events: list[tuple[Version, int, str]] = []
    limits: list[str] = []
    for event in _tables(range_.get("events", []))[:_MOST_EVENTS]:
        for order, kind in enumerate(("introduced", "last_affected", "fixed")):
            if kind in event:
                events.append((parse(_text(event[kind])), order, kind))
        if "limit" in event:
            limits.append(_text(event["limit"]))
    if not any(kind == "introduced" for _, _, kind in events):
        raise _UnreadableRecord("a range without a beginning")
    if limits and not any(limit == "*" or version < parse(limit) for limit in limits):
        return False
    inside = False
    for at, _, kind in sorted(events):
        if kind == "introduced" and version >= at:
            inside = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            inside = False
    return inside


def _fixed(affected: Mapping[str, Any]) -> list[str]:
    return [
        _text(event["fixed"])
        for range_ in _tables(affected.get("ranges", []))
        if range_.get("type") == "ECOSYSTEM"
        for event in _tables(range_.get("events", []))[:_MOST_EVENTS]
        if "fixed" in event
    ]


def _tables(value: Any) -> list[dict[str, Any]]:
    return _list_of(dict, value)


def _texts(value: Any) -> list[str]:
    return _list_of(str, value)


def _list_of(kind: type, value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        raise _UnreadableRecord(f"a list of {kind.__name__}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _UnreadableRecord("a text")
    return value
