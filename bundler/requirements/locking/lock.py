"""The lock of a bundle: everything that its code needs, exactly, with the hashes that an index gives.

It is made from what is installed here, so it needs no second load of the model; the index is asked for files and hashes
alone. Without an index there are pins, and the manifest says so: PEP 751 has no word for a package without a source,
so there is no ``pylock.toml`` then, only a ``requirements.txt``.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.pylock import Pylock, PylockSelectError, PylockValidationError
from packaging.utils import canonicalize_name

from bundler.archive.writer import NewMember
from bundler.errors import PackError
from bundler.manifest import DirectSource, PinnedDistribution, Requirements
from bundler.requirements.compare import parsed_version
from bundler.requirements.locking.addresses import told
from bundler.requirements.locking.from_author import AuthorsRequirements, RequirementsChoice, allowed_files, read_given
from bundler.requirements.locking.index import Answer, Package, ask_index, canonical
from bundler.requirements.locking.record import NeededImport, direct_pins, framework_here, pin_of, transitive_pins
from bundler.requirements.locking.toml import toml_text
from bundler.requirements.locking.vendor import Vendored, vendored_wheels
from bundler.requirements.machine import family_of, find_installed

TEXT_MEMBER = "requirements/requirements.txt"
LOCK_MEMBER = "requirements/pylock.toml"
#: What a lock says about all of its entries; their markers refer to some of it.
_ABOUT = ("environments", "requires-python", "extras", "dependency-groups", "default-groups")


@dataclass(frozen=True, kw_only=True, slots=True)
class LockOptions:
    """How a lock is made; see the arguments of `bundler.bundle`."""

    requirements: RequirementsChoice | None = None
    offline: bool = False
    keep_index: bool = False
    vendor: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """What the manifest says about requirements, the members of it, and what the author should know."""

    requirements: Requirements
    members: tuple[NewMember, ...]
    notes: tuple[str, ...] = ()


class Locker:
    """Makes the locks of one `bundle` call, and remembers what the index said: a model may be tried several times."""

    def __init__(self, options: LockOptions, step: Callable[[str], None]) -> None:
        if options.vendor and options.offline:
            raise PackError("wheels come from an index", place="vendor", hint="leave offline=True or vendor=True out")
        self._options = options
        self._given = None if options.requirements is None else read_given(options.requirements)
        self._step = step
        self._answers: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], Answer] = {}
        self._vendored: dict[tuple[str, ...], Vendored] = {}

    def lock(self, needed: Sequence[NeededImport], python: str, packed: Sequence[PinnedDistribution]) -> Lock:
        """Return the lock of what the packed code imports.

        Args:
            needed: the imports that installed distributions answer.
            python: the PEP 440 specifier of the Pythons that can read the code.
            packed: the distributions that travel as source.

        Raises:
            PackError: something has no metadata here, or what the author gave does not fit the code or this machine.
        """
        given = self._given
        imported = direct_pins(needed)
        direct = _named(given, imported, needed) if given is not None and given.lock is None else imported
        own = {item.name for item in packed}
        transitive = tuple(pin for pin in transitive_pins(direct) if pin.name not in own)
        pins = (*direct, *transitive)
        notes = [_note(pin) for pin in pins if pin.source is not None and pin.source.kind in ("local", "editable")]
        if given is not None and given.lock is not None:
            _check_given_lock(given, direct)
            packages: Sequence[Package] = given.lock["packages"]
            about = {key: given.lock[key] for key in _ABOUT if key in given.lock}
        else:
            answer = self._ask(direct, pins)
            packages = allowed_files(given, answer.packages) if given is not None else answer.packages
            about = {"requires-python": f">={_running()}"}
            if answer.problem is not None:
                which = "for some requirements" if packages else "in the lock"
                notes.append(f"no hashes {which}: {answer.problem}")
        entries = [told(package, keep_index=self._options.keep_index) for package in packages]
        vendored = self._vendor(_with_direct_sources(entries, pins))
        packages = sorted(vendored.packages, key=lambda item: (canonical(item), str(item.get("marker", ""))))
        found = {canonical(package) for package in packages}
        missing = [pin for pin in pins if pin.name not in found]
        hashes = "none" if not packages else "some" if missing else "all"
        members = [*vendored.members, _member(TEXT_MEMBER, requirements_text(pins, packages, python))]
        if packages:
            members.append(_member(LOCK_MEMBER, _pylock_text(packages, about)))
        return Lock(
            requirements=Requirements(
                python=python,
                packed_under=_running(),
                member=TEXT_MEMBER,
                lock=LOCK_MEMBER if packages else None,
                hashes=hashes,
                distributions=direct,
                transitive=transitive,
                packed=tuple(packed),
                wheels=tuple(member.name for member in vendored.members),
            ),
            members=tuple(members),
            notes=(*notes, *vendored.notes),
        )

    def _ask(self, direct: Sequence[PinnedDistribution], pins: Sequence[PinnedDistribution]) -> Answer:
        asked = {pin.name: pin.version for pin in pins if pin.source is None}
        if self._options.offline:
            return Answer(problem="packed offline")
        # What is needed by a distribution that no index has must be asked for by itself.
        reached = direct if all(pin.source is None for pin in pins) else pins
        lines = tuple(requirement_line(pin) for pin in reached if pin.source is None)
        key = (lines, tuple(sorted(asked.items())))
        if key not in self._answers:
            self._step("asking the index for hashes")
            self._answers[key] = ask_index(lines, asked, _running())
        return self._answers[key]

    def _vendor(self, packages: Sequence[dict[str, Any]]) -> Vendored:
        if not self._options.vendor:
            return Vendored(packages=tuple(packages))
        key = tuple(f"{canonical(package)} {package.get('version')}" for package in packages)
        if key not in self._vendored:
            self._step("fetching wheels")
            self._vendored[key] = vendored_wheels(packages)
        return self._vendored[key]


def requirement_line(pin: PinnedDistribution) -> str:
    """Return the PEP 508 requirement of exactly this version."""
    extras = f"[{','.join(pin.extras)}]" if pin.extras else ""
    return f"{pin.name}{extras}=={pin.version}"


def requirements_text(pins: Iterable[PinnedDistribution], packages: Sequence[Package], python: str) -> str:
    """Return the text of ``requirements.txt``, which says the same as the lock, for older installers.

    Where the lock has hashes, what has none is a comment: pip takes hashes for all lines or for none.
    """
    by_name = {pin.name: pin for pin in pins}
    lines = [f"# What the model was packed with, all of it; needs Python {python}."]
    if not packages:
        lines.append("# Pins alone: no index was asked for hashes.")
        packages = [{"name": pin.name, "version": pin.version} for pin in by_name.values() if pin.source is None]
    for package in packages:
        pin = by_name.get(canonical(package))
        if pin is not None and pin.optional:
            lines.append(f"# optional: the code goes on without {', '.join(pin.imports)}")
        marker = f" ; {package['marker']}" if package.get("marker") else ""
        files = [*package.get("wheels", ()), *([package["sdist"]] if package.get("sdist") else [])]
        hashes = sorted({str(digest) for file in files if (digest := file.get("hashes", {}).get("sha256"))})
        if "vcs" in package or "archive" in package or not package.get("version"):
            lines.append(f"# {canonical(package)} {package.get('version', '')}: {_address(package)}")
            continue
        entry = [f"{canonical(package)}=={package['version']}{marker}", *(f"--hash=sha256:{item}" for item in hashes)]
        lines.append(" \\\n    ".join(entry))
    listed = {canonical(package) for package in packages}
    lines += [f"# {pin.name} {pin.version}: {_why_absent(pin)}" for pin in by_name.values() if pin.name not in listed]
    return "\n".join(lines) + "\n"


def _address(package: Package) -> str:
    if "vcs" in package:
        vcs = package["vcs"]
        return f"from a repository, {vcs['type']}+{vcs['url']}@{vcs['commit-id']}"
    if "archive" in package:
        return f"from {package['archive'].get('url', 'an archive')}"
    return "the lock names no version"


def _why_absent(pin: PinnedDistribution) -> str:
    if pin.source is not None and pin.source.kind in ("local", "editable"):
        return "was installed from a folder or file of the author's, and no index was asked"
    return "no index has this version"


def _note(pin: PinnedDistribution) -> str:
    how = "in editable mode" if pin.source is not None and pin.source.kind == "editable" else "from a folder or file"
    return (
        f"{pin.name} {pin.version} was installed {how}; whoever loads the bundle must have it: "
        f"pack it as source with include=[{pin.name!r}] (--include {pin.name})"
    )


def _named(
    given: AuthorsRequirements, imported: Sequence[PinnedDistribution], needed: Sequence[NeededImport]
) -> tuple[PinnedDistribution, ...]:
    """Return the pins of what the author named, and of the framework."""
    by_import = {pin.name: pin for pin in imported}
    pins: dict[str, PinnedDistribution] = {}
    for need in given.needs:
        installed = find_installed(need.name)
        if installed is None:
            raise PackError(
                f"{need.name} is not installed here, so there is no version to lock",
                place=given.place,
                hint=f"install it: pip install {str(need)!r}; or take it out of the requirements",
            )
        if not need.specifier.contains(installed.version, prereleases=True):
            raise PackError(
                f"the installed {need.name} is not what was asked for",
                place=given.place,
                expected=f"{need.name}{need.specifier}",
                found=installed.version,
                hint="the model is proved with what is installed: install the version that you name, or name this one",
            )
        known = by_import.get(installed.name)
        pins[installed.name] = pin_of(
            installed, imports=known.imports if known else (), extras=map(canonicalize_name, need.extras)
        )
    for top in ("keras", "tensorflow"):
        provider = framework_here(top)
        pins.setdefault(provider.name, by_import[provider.name])
    closed = {*pins, *(pin.name for pin in transitive_pins(pins.values()))}
    lost = [
        f"{item.required_by}{f', line {item.line}' if item.line else ''} imports {item.name} of {item.distribution}"
        for item in needed
        if not item.optional and canonicalize_name(item.distribution) not in closed
    ]
    if lost:
        raise PackError(
            f"the requirements lack what the packed code imports: {'; '.join(dict.fromkeys(lost))}",
            place=given.place,
            hint="add it, or guard the import with try/except ImportError",
        )
    return tuple(pins[name] for name in sorted(pins))


def _check_given_lock(given: AuthorsRequirements, direct: Sequence[PinnedDistribution]) -> None:
    """Compare the author's lock with this machine, on which the model is proved."""
    assert given.lock is not None  # noqa: S101 - for mypy
    try:
        selected = {package.name: package.version for package, _ in Pylock.from_dict(given.lock).select()}
    except PylockSelectError as error:
        raise PackError(
            f"the lock is not for this machine: {error}",
            place=given.place,
            hint="pack where the lock was made for, or leave requirements= out",
        ) from error
    problems = []
    for pin in direct:
        family = family_of(pin.name)
        name = next((name for name in selected if name == pin.name or (family and family_of(name) == family)), None)
        if name is None:
            problems.append(f"{pin.name} is not in it")
        elif (locked := selected[name]) is not None and locked != parsed_version(pin.version):
            problems.append(f"{name} {locked} is in it, {pin.version} is installed")
    if problems:
        raise PackError(
            f"the lock is not what the model is proved with: {'; '.join(problems)}",
            place=given.place,
            hint="install from the lock and pack there, or leave requirements= out: kbundle locks what is installed",
        )


def _with_direct_sources(
    packages: Sequence[dict[str, Any]], pins: Iterable[PinnedDistribution]
) -> list[dict[str, Any]]:
    """Return the entries with repositories and addresses in the place of what an index has under those names."""
    special = {pin.name: pin for pin in pins if pin.source is not None}
    entries = [package for package in packages if canonical(package) not in special]
    for name, pin in sorted(special.items()):
        entry = _direct_entry(name, pin.source)
        if entry is not None:
            entries.append({"name": name, "version": pin.version, **entry})
    return entries


def _direct_entry(name: str, source: DirectSource | None) -> dict[str, Any] | None:
    if source is None or source.url is None:
        return None
    url, _, fragment = source.url.partition("#subdirectory=")
    below = {"subdirectory": fragment} if fragment else {}
    if source.kind == "vcs":
        kind, _, address = url.partition("+")
        return {"vcs": {"type": kind, "url": address, "commit-id": source.revision or "", **below}}
    installed = find_installed(name)
    if source.kind == "archive" and installed is not None and installed.sha256 is not None:
        return {"archive": {"url": url, "hashes": {"sha256": installed.sha256}, **below}}
    return None


def _pylock_text(packages: Sequence[Package], about: Mapping[str, Any]) -> str:
    table: dict[str, Any] = {
        "lock-version": "1.0",
        **about,
        "created-by": "kbundle",
        "packages": list(packages),
    }
    text = toml_text(table)
    try:
        Pylock.from_dict(tomllib.loads(text))
    except PylockValidationError as error:
        raise PackError(
            f"the index gave something that is not a lock: {error}",
            hint="pack with offline=True (--offline), and report this",
        ) from error
    return text


def _member(name: str, text: str) -> NewMember:
    return NewMember(name=name, content=text.encode())


def _running() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"
