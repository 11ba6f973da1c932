"""What a bundle asks to be installed: versions with published holes, foreign addresses, pins without hashes.

Nothing here stops a bundle from loading by itself, but a lock that is not a lock: requirements are installed by whoever
loads, from an index of theirs. A policy can refuse any of these rules (``refuse = ["lock.advisory"]``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from packaging.version import InvalidVersion

from bundler.audit.finding import Check, Finding, Rule, Severity
from bundler.audit.lock.advisories import ADVISORIES, DATE, Advisory, advisories_for, family, parse
from bundler.audit.lock.osv import OsvAnswer, ask_folder
from bundler.formats.lock_files import PUBLIC_HOSTS, File, LockEntry, NoLock, read_pylock, read_requirements
from bundler.manifest import Manifest, PinnedDistribution

_PIN_ANOTHER = "have the author pack with a fixed version; or load it where a fixed version is installed"
_PACK_AGAIN = "have the author pack the model again"
_FROM_INDEX = "install by name and hash from an index of yours; never hand an installer this address"


def _warning(name: str, title: str, why: str, remedy: str) -> Rule:
    return Rule(id=f"lock.{name}", severity=Severity.WARNING, title=title, why=why, remedy=remedy)


ADVISORY = _warning(
    "advisory",
    "was packed with a version that has a published hole",
    "the advisory is named; the bundle's own code, or the machine, can still run into it",
    _PIN_ANOTHER,
)
CLOSED = Rule(
    id="lock.advisory-closed",
    severity=Severity.NOTE,
    title="was packed with a version that has a published hole, which this bundle cannot use",
    why="the advisory is about what a model file makes Keras do, and the audit refuses every file that has it",
    remedy="other model files can: install a fixed version all the same",
)
VULNERABILITY = _warning(
    "vulnerability",
    "asks for a version that an OSV record names",
    "the record is one of the folder that was given",
    _PIN_ANOTHER,
)
VERSION = _warning(
    "unreadable-version",
    "has a version that cannot be compared",
    "PEP 440 does not know it, so no advisory can be ruled out",
    _PACK_AGAIN,
)
ADDRESS = _warning(
    "foreign-address",
    "names another place than PyPI",
    "who controls the address decides what is installed; private indexes are how dependency confusion begins",
    _FROM_INDEX,
)
PLAIN = _warning(
    "unencrypted-address",
    "names an address that is not https",
    "anybody on the way can answer for http, and file: is a place on the reader's machine",
    _FROM_INDEX,
)
CREDENTIALS = _warning(
    "credentials",
    "has a user or password in an address",
    "a secret of somebody travels with the bundle, or the address is made to look like another host's",
    "have its owner change the password, and " + _PACK_AGAIN,
)
DIRECT = _warning(
    "direct",
    "is installed from an address, a repository or a folder, not from an index",
    "no index has checked the name, and building it runs its own code",
    "look at what is there, or have the author publish it",
)
LOCAL = _warning(
    "local-source",
    "was installed from a folder of the author's",
    "no index is known to have it; who registers the name there decides what strangers install (dependency confusion)",
    "have the author pack it as source (include=), or install it yourself from where you know it is",
)
OPTION = _warning(
    "option",
    "has an instruction to the installer",
    "kbundle writes pins and hashes only; an option such as --extra-index-url changes where everything comes from",
    "take the line out before you install from it",
)
UNPINNED = _warning(
    "unpinned",
    "asks for no single version",
    "what is installed then changes from day to day, and nobody has proved the model with it",
    _PACK_AGAIN,
)
UNCLEAR = _warning(
    "unclear-line",
    "has a line that is not a requirement",
    "installers differ in what they make of it",
    "take the line out before you install from it",
)
UNHASHED_FILE = _warning(
    "unhashed-file",
    "names a file without a hash that counts",
    "an index, or who stands before it, can then answer with another file (PEP 751 asks for hashes)",
    _PACK_AGAIN,
)
UNHASHED = Rule(
    id="lock.unhashed",
    severity=Severity.NOTE,
    title="has no hash for some of its requirements",
    why="no index was asked, or none had that version; an installer takes whatever has the name and the version",
    remedy="have the author pack it again with an index within reach",
)
INCONSISTENT = _warning(
    "inconsistent",
    "says different things in the manifest and in the lock",
    "a reviewer reads one of them and an installer the other",
    _PACK_AGAIN,
)
MALFORMED = Rule(
    id="lock.malformed",
    severity=Severity.REFUSED,
    title="is not a lock that can be read",
    why="kbundle writes locks that every tool reads (PEP 751); what cannot be read cannot be reviewed",
    remedy=_PACK_AGAIN,
)
WHEEL = Rule(
    id="lock.wheel-mismatch",
    severity=Severity.REFUSED,
    title="carries another wheel than the lock names",
    why="the digest in the manifest is not among those that the lock has for this file",
    remedy=_PACK_AGAIN,
)
RULES = (
    *(ADVISORY, CLOSED, VULNERABILITY, VERSION, ADDRESS, PLAIN, CREDENTIALS, DIRECT, LOCAL, OPTION, UNPINNED),
    *(UNCLEAR, UNHASHED_FILE, UNHASHED, INCONSISTENT, MALFORMED, WHEEL),
)

_MOST_NAMED = 30


def lock_findings(
    manifest: Manifest, lock: bytes | None, requirements: bytes | None, *, osv: Path | None = None
) -> tuple[list[Finding], list[Check]]:
    """Say what is wrong with what a bundle asks to be installed, and what was looked at.

    Args:
        manifest: the bundle's.
        lock: the content of ``requirements.lock``; `None` where there is none.
        requirements: the content of ``requirements.member``; `None` where it was not read.
        osv: a folder of OSV records, as ``*.json``.
    """
    needs = manifest.requirements
    member, text_member = needs.lock or needs.member, needs.member
    findings: list[Finding] = []
    checks: list[Check] = []
    locked: tuple[LockEntry, ...] | None = None
    if lock is None:
        none = "the bundle has none: no index was asked for hashes"
        checks.append(Check(subject="lock", done=False, detail=none if needs.lock is None else "it was not read"))
    else:
        try:
            locked = read_pylock(lock)
            checks.append(Check(subject="lock", done=True, detail=f"{len(locked)} entries"))
        except NoLock as error:
            findings.append(MALFORMED.at(member, str(error)))
            checks.append(Check(subject="lock", done=False, detail="it cannot be read"))
    listed: tuple[LockEntry, ...] | None = None
    if requirements is not None:
        try:
            listed = read_requirements(requirements)
        except NoLock as error:
            findings.append(MALFORMED.at(text_member, str(error)))
    done = listed is not None
    checks.append(
        Check(
            subject="requirements.txt", done=done, detail=f"{len(listed)} lines" if listed is not None else "not read"
        )
    )
    pins = (*needs.distributions, *needs.transitive, *needs.packed)
    findings += _source_findings(pins, locked or ())
    if locked is not None:
        findings += _entry_findings(locked, member)
        findings += _difference_findings(manifest, locked, member, complete=needs.hashes == "all")
        findings += _wheel_findings(manifest, locked)
    if listed is not None:
        findings += _line_findings(listed, text_member)
        findings += _difference_findings(manifest, listed, text_member, complete=False)
    if needs.hashes != "all":
        findings.append(_unhashed(manifest, locked or (), member))
    versions = _versions(pins, (*(locked or ()), *(listed or ())))
    by_imports = {pin.name: pin.imports for pin in pins}
    families = {name: family(name, by_imports.get(name, ())) for name in versions}
    known: set[tuple[str, str]] = set()
    for name in sorted(versions):
        findings += _advisory_findings(name, versions[name], families[name], member, known)
    shown = [f"{name} {version}" for name, kind in sorted(families.items()) if kind for version in versions[name]]
    detail = f"{len(ADVISORIES)} advisories as of {DATE}, for {', '.join(shown[:_MOST_NAMED]) or 'none of the pins'}"
    checks.append(Check(subject="known advisories of Keras and TensorFlow", done=bool(shown), detail=detail))
    answer = ask_folder(osv, versions) if osv is not None else None
    if answer is not None:
        findings += _vulnerability_findings(answer, member, known)
    others = sum(1 for kind in families.values() if kind is None)
    checks.append(_osv_check(answer, others))
    return list(dict.fromkeys(findings)), checks


def _versions(pins: Iterable[PinnedDistribution], entries: Iterable[LockEntry]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for pin in pins:
        found[pin.name].add(pin.version)
    for entry in entries:
        if entry.name and entry.version is not None:
            found[entry.name].add(entry.version)
    return {name: sorted(versions) for name, versions in found.items()}


def _advisory_findings(
    name: str, versions: Iterable[str], kind: str | None, member: str, known: set[tuple[str, str]]
) -> Iterator[Finding]:
    for version in versions:
        try:
            parse(version)
            found = list(advisories_for(kind, version))
        except InvalidVersion:
            yield VERSION.at(member, f"{name} {version[:60]}")
            continue
        for advisory in found:
            known |= {(name, identity) for identity in (advisory.id, *advisory.aliases)}
            yield (CLOSED if advisory.closed_by else ADVISORY).at(member, _advisory_line(name, version, advisory))


def _advisory_line(name: str, version: str, advisory: Advisory) -> str:
    ids = f"{advisory.id} ({', '.join(advisory.aliases)})" if advisory.aliases else advisory.id
    fixed = f"fixed in {' and '.join(advisory.fixed)}" if advisory.fixed else "no version has a fix"
    closed = f"; closed by {advisory.closed_by}" if advisory.closed_by else ""
    return f"{name} {version}: {ids}: {advisory.what}; {fixed}{closed}"


def _vulnerability_findings(answer: OsvAnswer, member: str, known: Collection[tuple[str, str]]) -> Iterator[Finding]:
    for item in answer.found:
        if any((item.name, identity) in known for identity in (item.id, *item.aliases)):
            continue
        ids = f"{item.id} ({', '.join(item.aliases)})" if item.aliases else item.id
        fixed = f"; fixed in {' and '.join(item.fixed)}" if item.fixed else ""
        yield VULNERABILITY.at(member, f"{item.name} {item.version}: {ids}: {item.summary or 'no summary'}{fixed}")


def _osv_check(answer: OsvAnswer | None, others: int) -> Check:
    subject = f"known vulnerabilities of the other {others} distributions"
    if answer is None:
        return Check(subject=subject, done=False, detail="not checked: no folder of OSV records was given")
    if answer.problem is not None or not answer.records:
        said = answer.problem or "it has no record that can be read"
        return Check(subject=subject, done=False, detail=f"the folder of OSV records was not read: {said}")
    broken = f"; {answer.unreadable} more could not be read, and may name any of them" if answer.unreadable else ""
    dated = f", the newest of {answer.newest}" if answer.newest else ", without a date"
    return Check(subject=subject, done=True, detail=f"{answer.records} OSV records{dated}{broken}")


def _source_findings(pins: Iterable[PinnedDistribution], locked: Collection[LockEntry]) -> Iterator[Finding]:
    named = {entry.name for entry in locked for file in entry.files if file.kind in ("vcs", "archive", "directory")}
    for pin in pins:
        if pin.source is None:
            continue
        if pin.source.kind in ("local", "editable"):
            yield LOCAL.at("manifest.json", f"{pin.name} {pin.version}")
        elif pin.name not in named:
            yield DIRECT.at("manifest.json", f"{pin.name} {pin.version} from {pin.source.url or pin.source.kind}")
            yield from _address_findings(pin.source.url, pin.name, "manifest.json", None)


def _entry_findings(entries: Iterable[LockEntry], member: str) -> Iterator[Finding]:
    for entry in entries:
        name = entry.name or "an entry without a name"
        yield from _address_findings(entry.index, name, member, None)
        for file in entry.files:
            yield from _file_findings(file, name, member)
        direct = any(file.kind in ("vcs", "archive", "directory") for file in entry.files)
        if not entry.name or (entry.version is None and not direct):
            yield UNPINNED.at(member, name)
        if not entry.files:
            yield UNHASHED_FILE.at(member, f"{name} has no file at all")


def _file_findings(file: File, name: str, member: str) -> Iterator[Finding]:
    if file.kind in ("vcs", "archive", "directory"):
        yield DIRECT.at(member, f"{name} from {file.url or file.path or file.kind}")
    if not file.hashed and file.kind != "directory":
        yield UNHASHED_FILE.at(member, f"{name}: {file.name or file.kind}")
    # The one path that kbundle writes: where a wheel is once the bundle is unpacked, and where it would be put.
    if file.path is not None and file.path != f"wheels/{file.name}":
        yield ADDRESS.at(member, f"{name} from the path {file.path}")
    yield from _address_findings(file.url, name, member, None)


def _address_findings(url: str | None, name: str, member: str, line: int | None) -> Iterator[Finding]:
    if url is None:
        return
    what = f"{name} from {_without_secret(url)}"
    try:
        parts = urlsplit(url)
        host, user, port = parts.hostname, parts.username or parts.password, parts.port
    except ValueError:
        yield ADDRESS.at(member, f"{what}, which is not an address", line=line)
        return
    scheme = parts.scheme.rpartition("+")[2]
    if user and not (parts.username == "git" and parts.password is None and scheme == "ssh"):
        yield CREDENTIALS.at(member, what, line=line)
    if scheme not in ("https", "ssh"):
        yield PLAIN.at(member, what, line=line)
    if host not in PUBLIC_HOSTS or port not in (None, 443):
        yield ADDRESS.at(member, what, line=line)


def _without_secret(url: str) -> str:
    scheme, found, rest = url.partition("://")
    head, slash, path = rest.partition("/")
    return (f"{scheme}://{head.rpartition('@')[2]}{slash}{path}" if found else url)[:200]


def _line_findings(entries: Collection[LockEntry], member: str) -> Iterator[Finding]:
    with_hashes = any(entry.hashed for entry in entries)
    for entry in entries:
        line = entry.line
        if entry.option is not None:
            yield OPTION.at(member, _without_words(entry.option), line=line)
        shown = entry.option or entry.direct
        if entry.direct is not None:
            yield DIRECT.at(member, _without_words(entry.direct), line=line)
        elif entry.unclear is not None:
            yield UNCLEAR.at(member, entry.unclear, line=line)
        elif entry.option is None and entry.version is None:
            yield UNPINNED.at(member, entry.name, line=line)
        elif entry.option is None and with_hashes and not entry.hashed:
            # pip takes hashes for all lines or for none.
            yield UNHASHED_FILE.at(member, entry.name, line=line)
        for word in (shown or "").replace("=", " ").split():
            if "://" in word:
                yield from _address_findings(word, entry.name or "the installer", member, line)


def _without_words(text: str) -> str:
    return " ".join(_without_secret(word) for word in text.split(" "))


def _difference_findings(
    manifest: Manifest, entries: Iterable[LockEntry], member: str, *, complete: bool
) -> Iterator[Finding]:
    needs = manifest.requirements
    pins = {pin.name: pin.version for pin in (*needs.distributions, *needs.transitive)}
    found: Mapping[str, list[LockEntry]] = defaultdict(list)
    for entry in entries:
        if entry.name:
            found[entry.name].append(entry)
    for name, same in sorted(found.items()):
        versions = sorted({entry.version for entry in same if entry.version is not None})
        if name not in pins:
            # Entries for other machines have a marker (SPEC.md, section 12).
            if not all(entry.marker for entry in same):
                yield INCONSISTENT.at(member, f"{name} is here, and not in the manifest")
        elif versions and not any(_same(version, pins[name]) for version in versions):
            yield INCONSISTENT.at(member, f"{name} is {', '.join(versions)} here, and {pins[name]} in the manifest")
    for name in sorted(pins.keys() - found.keys()) if complete else ():
        yield INCONSISTENT.at(member, f"{name} {pins[name]} is in the manifest, which says that all are here")


def _same(one: str, other: str) -> bool:
    try:
        return parse(one) == parse(other)
    except InvalidVersion:
        return one == other


def _wheel_findings(manifest: Manifest, entries: Iterable[LockEntry]) -> Iterator[Finding]:
    digests: Mapping[str, set[str | None]] = defaultdict(set)
    for entry in entries:
        for file in entry.files:
            digests[file.name].add(file.hashes.get("sha256"))
    members = {item.name: item for item in manifest.members}
    for wheel in manifest.requirements.wheels:
        item = members.get(wheel)
        name = wheel.rpartition("/")[2]
        if item is not None and item.content_sha256 not in digests.get(name, ()):
            yield WHEEL.at(wheel, f"{name}: its digest is not in the lock")


def _unhashed(manifest: Manifest, locked: Iterable[LockEntry], member: str) -> Finding:
    needs = manifest.requirements
    hashed = {entry.name for entry in locked if entry.hashed}
    names = [pin.name for pin in (*needs.distributions, *needs.transitive) if pin.name not in hashed]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return UNHASHED.at(member, f"{', '.join(names[:_MOST_NAMED]) or 'the manifest says so'}{more}")
