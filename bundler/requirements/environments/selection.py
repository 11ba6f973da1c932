"""What to install for a bundle on one interpreter, and what of it has to be trusted without a check.

Checked is a wheel whose sha256 the lock or the manifest has. Everything else (no hash, a source distribution whose
build runs code, a repository, an address) is *unchecked*, and says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from packaging.pylock import Package, PackageArchive, PackageDirectory, PackageSdist, PackageVcs
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from bundler.archive.contents import shortened
from bundler.archive.encodings import decoded_name
from bundler.archive.reader import BundleReader
from bundler.errors import EnvironmentFailed, InvalidBundle, LimitExceeded
from bundler.limits import LIMITS
from bundler.manifest import Manifest, PinnedDistribution
from bundler.requirements.environments.interpreter_choice import Target
from bundler.requirements.environments.lock_reader import Locked, ReadLock, locked_for, pythons_with_wheels
from bundler.requirements.locking.record import LOADER
from bundler.requirements.transitive import close_over

#: kbundle itself is copied into the environment, and `LOADER` is what it needs there.
KBUNDLE = "kbundle"

_SHA256 = re.compile(r"[0-9a-f]{64}")
# No space, no `#`, and nothing that pip would replace by an environment variable.
_ADDRESS = re.compile(r"(git\+)?(https|ssh)://[A-Za-z0-9._~/@%+=&?:-]{1,2000}")
_REVISION = re.compile(r"[A-Za-z0-9._/-]{1,200}")
_NO_HASH = "the author had no hash for it"


@dataclass(frozen=True, kw_only=True, slots=True)
class VendoredWheels:
    """One wheel that is a member of the bundle."""

    member: str
    file: str
    name: str
    version: Version
    sha256: str
    size: int
    fits: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """One distribution to install.

    Attributes:
        name: its canonical name.
        line: what asks an installer for it, without hashes.
        hashes: the sha256 digests of the files that may answer.
        unchecked: why it has to be trusted, or `None`.
        vendored: the wheel that the bundle holds.
    """

    name: str
    line: str
    hashes: tuple[str, ...] = ()
    unchecked: str | None = None
    vendored: VendoredWheels | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """All that is to be installed, sorted by name; `left_out` are optional distributions that cannot be."""

    wanted: tuple[Wanted, ...]
    left_out: tuple[str, ...] = ()

    @property
    def unchecked(self) -> tuple[str, ...]:
        """One line for each distribution that has to be trusted."""
        return tuple(f"{item.line}: {item.unchecked}" for item in self.wanted if item.unchecked is not None)

    def require_checked(self) -> None:
        """Refuse what would have to be trusted; all of it is listed.

        Raises:
            EnvironmentFailed: there is something.
        """
        lines = self.unchecked
        if lines:
            raise EnvironmentFailed(
                f"{len(lines)} of {len(self.wanted)} packages cannot be checked before their code runs here",
                shortened(lines),
                hint="if you trust the bundle's author and your package index, accept all of them: "
                "--allow-unchecked (allow_unchecked=True)",
            )


def select(reader: BundleReader, lock: bytes | None, target: Target) -> Selection:
    """Return what to install for the bundle.

    Args:
        reader: the open bundle.
        lock: the bytes of its lock, if it has one.
        target: the interpreter.

    Raises:
        InvalidBundle: the lock, a pin or a wheel's name is none.
        EnvironmentFailed: there is nothing to install for this Python, or a distribution that only the author has.
    """
    manifest = reader.manifest
    _check_python(manifest, target)
    vendored = _vendored(manifest, target)
    pins = {_name(pin): pin for pin in (*manifest.requirements.transitive, *manifest.requirements.distributions)}
    place = manifest.requirements.lock or "manifest.json"

    def provided(package: Package) -> bool:
        return bool(package.wheels) and _matching(vendored, package.name, package.version) is not None

    optional = frozenset(name for name, pin in pins.items() if pin.optional)
    content = ReadLock() if lock is None else locked_for(lock, place, target, provided, optional)
    wanted: dict[str, Wanted] = {}
    nowhere: list[str] = []
    left_out = list(content.left_out)
    for locked in content.chosen:
        pin = pins.get(locked.package.name)
        # What the author had from elsewhere is not what an index has under that name.
        if pin is None or pin.source is None or isinstance(locked.file, PackageVcs | PackageArchive):
            wanted[locked.package.name] = _of_lock(locked, target, vendored, place, nowhere)
    for name, pin in pins.items():
        if name in wanted or (name in content.names and pin.source is None):
            continue
        found = _of_pin(name, pin, vendored)
        if found is not None:
            wanted[name] = found
        elif pin.optional:
            left_out.append(name)
        else:
            nowhere.append(_from_nowhere(name, pin))
    for own in _own(frozenset(wanted) | content.names):
        wanted[own.name] = own
    wanted.pop(KBUNDLE, None)
    if nowhere:
        raise EnvironmentFailed(
            "some packages cannot be installed on another machine than the author's",
            shortened(nowhere),
            hint="ask the author to pack them as source: include=[...] (--include NAME)",
        )
    return Selection(wanted=tuple(wanted[name] for name in sorted(wanted)), left_out=tuple(sorted(left_out)))


def _check_python(manifest: Manifest, target: Target) -> None:
    asked = manifest.requirements.python
    try:
        fits = SpecifierSet(asked).contains(target.version, prereleases=True)
    except InvalidSpecifier as error:
        raise InvalidBundle(
            "this names no Python versions", place="manifest.json: requirements.python", found=repr(asked)[:200]
        ) from error
    if not fits:
        raise EnvironmentFailed(
            "the bundle's code cannot be read by this Python",
            expected=f"Python {asked}",
            found=f"Python {target.version}",
            place=target.program,
            hint="name another Python with --python (python=)",
        )


def _vendored(manifest: Manifest, target: Target) -> dict[str, list[VendoredWheels]]:
    """Return the wheels that the bundle holds by the name of their distribution."""
    members = {member.name: member for member in manifest.members}
    tags = frozenset(target.tags)
    found: dict[str, list[VendoredWheels]] = {}
    total = 0
    for name in manifest.requirements.wheels:
        member = members[name]
        file = decoded_name(name, member.encoding).rpartition("/")[2]
        try:
            distribution, version, _, wheel_tags = parse_wheel_filename(file)
        except InvalidWheelFilename as error:
            raise InvalidBundle("this is not a name of a wheel", place=name) from error
        total += member.content_size
        if total > LIMITS.wheels_total:
            raise LimitExceeded("the wheels are too large", place=name, expected=LIMITS.wheels_total, found=total)
        wheel = VendoredWheels(
            member=name,
            file=file,
            name=distribution,
            version=version,
            sha256=member.content_sha256,
            size=member.content_size,
            fits=bool(wheel_tags & tags),
        )
        found.setdefault(distribution, []).append(wheel)
    return found


def _matching(
    vendored: Mapping[str, list[VendoredWheels]], name: str, version: Version | None
) -> VendoredWheels | None:
    offered = (item for item in vendored.get(name, ()) if item.fits and version in (None, item.version))
    return next(offered, None)


def _of_lock(
    locked: Locked, target: Target, vendored: Mapping[str, list[VendoredWheels]], place: str, nowhere: list[str]
) -> Wanted:
    package, file = locked.package, locked.file
    name = package.name
    _check_same(package, vendored.get(name, ()))
    version = package.version
    if version is None and locked.wheels:
        version = parse_wheel_filename(locked.wheels[0].filename)[1]
    line = name if version is None else f"{name}=={version}"
    wheel = _matching(vendored, name, version)
    hashes = {item.hashes["sha256"] for item in locked.wheels if _SHA256.fullmatch(item.hashes.get("sha256", ""))}
    if wheel is not None:
        hashes.add(wheel.sha256)
    if hashes and version is not None:
        return Wanted(name=name, line=line, hashes=tuple(sorted(hashes)), vendored=wheel)
    match file:
        case PackageSdist():
            pythons = pythons_with_wheels(package, target)
            also = f" (there are wheels for Python {', '.join(pythons)})" if pythons else ""
            reason = f"there is only its source, whose build runs code{also}"
            return Wanted(name=name, line=line, hashes=_sha256_of(file.hashes), unchecked=reason)
        case PackageVcs(url=url, commit_id=revision, subdirectory=None) if url is not None and file.type == "git":
            if (found := _at_address(name, url, revision)) is not None:
                return found
        case PackageArchive(url=url, subdirectory=None) if url is not None:
            if (found := _at_address(name, url, None, _sha256_of(file.hashes))) is not None:
                return found
        case PackageDirectory() | PackageVcs() | PackageArchive():
            pass
        case _:
            return Wanted(name=name, line=line, unchecked=_NO_HASH)
    nowhere.append(f"{line}: the lock has a place for it that cannot be used on another machine")
    return Wanted(name=name, line=line, unchecked=place)


def _check_same(package: Package, offered: list[VendoredWheels] | tuple[()]) -> None:
    """Refuse a wheel in the bundle that has another digest than the lock says."""
    digests = {wheel.filename: wheel.hashes.get("sha256") for wheel in package.wheels or ()}
    for wheel in offered:
        expected = digests.get(wheel.file)
        if expected is not None and expected != wheel.sha256:
            raise InvalidBundle(
                "the lock has another sha256 for this wheel", place=wheel.member, expected=expected, found=wheel.sha256
            )


def _of_pin(name: str, pin: PinnedDistribution, vendored: Mapping[str, list[VendoredWheels]]) -> Wanted | None:
    """Return what asks for a pin that the lock does not have; `None` if only the author's machine has it."""
    try:
        version = Version(pin.version)
    except InvalidVersion as error:
        raise InvalidBundle(
            "this is not a version", place=f"manifest.json: {name}", found=repr(pin.version)[:200]
        ) from error
    line = f"{name}=={version}"
    wheel = _matching(vendored, name, version)
    if wheel is not None:
        return Wanted(name=name, line=line, hashes=(wheel.sha256,), vendored=wheel)
    if pin.source is None:
        return Wanted(name=name, line=line, unchecked=_NO_HASH)
    if pin.source.url is None:
        return None
    if pin.source.kind == "vcs" and pin.source.revision is not None:
        return _at_address(name, pin.source.url, pin.source.revision)
    return _at_address(name, pin.source.url, None) if pin.source.kind == "archive" else None


def _from_nowhere(name: str, pin: PinnedDistribution) -> str:
    where = {"local": "a file or folder", "editable": "an editable folder"}.get(pin.source.kind if pin.source else "")
    text = f"it was installed from {where} of the author's" if where else "its address cannot be passed on safely"
    return f"{name} {pin.version}: {text}"


def _at_address(name: str, url: str, revision: str | None, hashes: tuple[str, ...] = ()) -> Wanted | None:
    """Return what asks for an archive, or for a `revision` of a repository of git.

    `None` where the text of the address could mean more than an address.
    """
    url = url if revision is None else f"git+{url.removeprefix('git+')}"
    if not _ADDRESS.fullmatch(url) or (revision is not None and not _REVISION.fullmatch(revision)):
        return None
    line = f"{name} @ {url}" if revision is None else f"{name} @ {url}@{revision}"
    reason = "it comes from an address that the bundle names" if revision is None else "it is built from a repository"
    return Wanted(name=name, line=line, hashes=hashes, unchecked=reason)


def _sha256_of(hashes: Mapping[str, str]) -> tuple[str, ...]:
    found = hashes.get("sha256", "")
    return (found,) if _SHA256.fullmatch(found) else ()


def _name(pin: PinnedDistribution) -> str:
    try:
        return canonicalize_name(pin.name, validate=True)
    except InvalidName as error:
        raise InvalidBundle("this is not a name of a distribution", place=repr(pin.name)[:200]) from error


def _own(known: frozenset[str]) -> Iterator[Wanted]:
    """Yield what kbundle needs and the bundle does not name, in the versions of this machine.

    The locks that kbundle makes have all of it; a bundle without a lock may not.
    """
    closed = close_over((name, ()) for name in LOADER if name not in known)
    needed = {*LOADER, *closed.found, *(demand.name for demand in closed.demands)}
    for name in sorted(needed - known):
        found = closed.found.get(name)
        yield Wanted(
            name=name,
            line=name if found is None else f"{name}=={found.version}",
            unchecked="kbundle needs it, and the bundle does not pin it",
        )
