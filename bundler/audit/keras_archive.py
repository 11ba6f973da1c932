"""What lies in the ``.keras`` file of a bundle: a ZIP of ``config.json``, ``metadata.json``, weights and ``assets/``.

The list is closed. Keras itself ignores what it does not know, takes the last of two members with one name, and reads
``model.weights.npz`` where there is no HDF5; none of that has a place here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from bundler.archive.window import read_at
from bundler.audit.finding import Finding, Rule, Severity
from bundler.errors import InvalidBundle, LimitExceeded
from bundler.formats import strict_zip
from bundler.formats.hdf5.weights_file import SIGNATURE
from bundler.formats.strict_zip import STORED, Inner, Unreadable
from bundler.limits import LIMITS

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
_ASSETS = "assets/"
#: The arrays that the config names, written by kbundle; they are read as the self-test's are.
ARRAYS = "assets/kbundle/arrays.npz"
_NPZ = "model.weights.npz"
_NEEDED = (CONFIG, METADATA, WEIGHTS)
_SAVE_AGAIN = "save the model again: model.save('model.keras')"

NOT_A_ZIP = Rule(
    id="keras.not-a-zip",
    severity=Severity.REFUSED,
    title="this is no .keras file",
    why="Keras opens it with zipfile, which searches for a ZIP anywhere near the end of a file",
    remedy=_SAVE_AGAIN,
)
LEGACY_H5 = Rule(
    id="keras.legacy-h5",
    severity=Severity.REFUSED,
    title="the model is an HDF5 file of the old format",
    why="CVE-2025-9905: Keras before 3.11.3 rebuilds Lambda layers from such a file whatever safe_mode says",
    remedy="load it with Keras and save it again: model.save('model.keras')",
)
TWO_READINGS = Rule(
    id="keras.two-readings",
    severity=Severity.REFUSED,
    title="the .keras file can be read in more than one way",
    why="CVE-2025-54368 and CVE-2024-0450 are of this kind: what an audit reads must be what Keras reads. zipfile "
    "takes bytes before and after a ZIP, the last of two equal names, and does not compare the two headers",
    remedy=_SAVE_AGAIN,
)
UNEXPECTED_FILE = Rule(
    id="keras.unexpected-file",
    severity=Severity.REFUSED,
    title="the .keras file holds what Keras does not write, or lacks what it does",
    why="Keras unpacks every member before it looks for assets (CVE-2026-11816); weights as .npz are pickles, and "
    "shards are read from other files",
    remedy=_SAVE_AGAIN,
)
BOMB = Rule(
    id="keras.bomb",
    severity=Severity.REFUSED,
    title="the .keras file unpacks to far too much",
    why="CWE-409: Keras asks only about members above 4 GiB, and not about all of them together",
    remedy=_SAVE_AGAIN,
)
DAMAGED = Rule(
    id="keras.damaged",
    severity=Severity.REFUSED,
    title="a file in the .keras file is not what its directory says",
    why="a wrong checksum, or packed data with a second end: two readers unpack it to different bytes",
    remedy="fetch the file again; if it stays so, it was damaged or crafted",
)
NESTED_ARCHIVE = Rule(
    id="keras.nested-archive",
    severity=Severity.WARNING,
    title="an asset is an archive",
    why="CVE-2024-55459, CVE-2025-12060, CVE-2025-12638 and CVE-2026-12482 come from archives that code unpacks. "
    "Neither Keras nor kbundle unpacks an asset; only code of the model would",
    remedy="look at what load_assets() of its layer does with it",
)
NESTED_PICKLE = Rule(
    id="keras.nested-pickle",
    severity=Severity.WARNING,
    title="an asset looks like a pickle",
    why="unpickling runs code. Neither Keras nor kbundle unpickles an asset; only code of the model would",
    remedy="look at what load_assets() of its layer does with it",
)
RULES: tuple[Rule, ...] = (
    NOT_A_ZIP, LEGACY_H5, TWO_READINGS, UNEXPECTED_FILE, BOMB, DAMAGED, NESTED_ARCHIVE, NESTED_PICKLE,
)  # fmt: skip

_ARCHIVES = {
    b"PK\3\4": "a ZIP", b"PK\5\6": "an empty ZIP", b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf\x27\x1c": "7-Zip", b"Rar!\x1a\x07": "RAR",
}  # fmt: skip
_TAR = (257, b"ustar")
_HEAD = 512


@dataclass(frozen=True, slots=True)
class KerasArchive:
    """A ``.keras`` file that was read in the only way that it can be.

    Attributes:
        findings: what is wrong with it. With a refused one `members` may be empty, and nothing should be read.
        members: the files in it, by name and in their order.
    """

    findings: tuple[Finding, ...]
    members: dict[str, Inner]
    _file: BinaryIO

    @property
    def refused(self) -> bool:
        """Whether one of the findings refuses the file."""
        return any(finding.severity is Severity.REFUSED for finding in self.findings)

    def read(self, name: str, limit: int) -> bytes:
        """Return the content of a member, unpacked and checked.

        Raises:
            LimitExceeded: it is longer than `limit` bytes; nothing was read then.
            InvalidBundle: it is not there, or not what the directory says.
            OSError: the file cannot be read.
        """
        member = self._find(name)
        if member.size > limit:
            raise LimitExceeded(f"{name} of the model is too large", place=name, expected=limit, found=member.size)
        try:
            return b"".join(strict_zip.pieces(self._file, member))
        except Unreadable as problem:
            raise InvalidBundle(problem.what, place=name) from problem

    def open(self, name: str) -> BinaryIO:
        """Return a member as a file that can seek; close it.

        A stored one is a window on the file, and its checksum is not looked at: the manifest has a digest of the
        whole. A packed one is unpacked to a temporary file and checked. Raises as `read`.
        """
        try:
            return strict_zip.opened(self._file, self._find(name))
        except Unreadable as problem:
            raise InvalidBundle(problem.what, place=name) from problem

    def copy_to(self, name: str, target: BinaryIO) -> None:
        """Write a member, unpacked and checked, to `target`; what was written is worth nothing if this raises.

        Raises as `read`.
        """
        try:
            for piece in strict_zip.pieces(self._file, self._find(name)):
                target.write(piece)
        except Unreadable as problem:
            raise InvalidBundle(problem.what, place=name) from problem

    def _find(self, name: str) -> Inner:
        member = self.members.get(name)
        if member is None:
            raise InvalidBundle("the .keras file has no such file", place=name)
        return member


def open_keras_file(file: BinaryIO, size: int, *, member: str = "model/model.keras") -> KerasArchive:
    """Read the directory of a ``.keras`` file and say what is wrong with it; no file in it is read as a whole.

    Args:
        file: the ``.keras`` file, which can seek; it stays the caller's.
        size: of it, in bytes.
        member: the name of the bundle's member that it is.

    Raises:
        OSError: `file` cannot be read.
    """
    head = read_at(file, 0, min(size, _HEAD))
    if head.startswith(SIGNATURE):
        return KerasArchive((LEGACY_H5.at(member, "an HDF5 file"),), {}, file)
    if not head.startswith(b"PK\3\4"):
        return KerasArchive((NOT_A_ZIP.at(member, f"it begins with {head[:8]!r}"),), {}, file)
    try:
        members = strict_zip.read_inner_zip(file, size, unpacked=True)
    except Unreadable as problem:
        return KerasArchive((TWO_READINGS.at(member, problem.what, inside=problem.name),), {}, file)
    findings = [*_unexpected(members, member), *_too_large(members, size, member)]
    if not findings:
        findings = _suspicious(file, members, member)
    return KerasArchive(tuple(findings), {item.name: item for item in members}, file)


def content_findings(archive: KerasArchive, *, member: str = "model/model.keras") -> list[Finding]:
    """Unpack every file in a ``.keras`` file and say which is not what the directory says; nothing is kept.

    Stored weights are left out: the bundle's digest of the whole file covers them, and they can be large.

    Raises:
        OSError: the file cannot be read.
    """
    found: list[Finding] = []
    for item in archive.members.values():
        if item.name == WEIGHTS and item.method == STORED:
            continue
        try:
            for _ in strict_zip.pieces(archive._file, item):
                pass
        except Unreadable as problem:
            found.append(DAMAGED.at(member, problem.what, inside=item.name))
    return found


def _unexpected(members: list[Inner], member: str) -> list[Finding]:
    names = {item.name for item in members}
    found = [
        UNEXPECTED_FILE.at(member, "weights as .npz, which Keras cannot load", inside=name)
        if name == _NPZ
        else UNEXPECTED_FILE.at(member, "a file that Keras does not write", inside=name)
        for name in sorted(names)
        if name not in _NEEDED and not name.startswith(_ASSETS)
    ]
    found += [UNEXPECTED_FILE.at(member, "it is missing", inside=name) for name in _NEEDED if name not in names]
    return found[:20]


def _too_large(members: list[Inner], size: int, member: str) -> list[Finding]:
    total = sum(item.size for item in members)
    most = max(LIMITS.keras_file_ratio * size, LIMITS.keras_config)
    found = [BOMB.at(member, f"{size} bytes unpack to {total}, more than {most}")] if total > most else []
    for item in members:
        # By file as well: real weights must not make room for a bomb beside them (4.4 GB of zeros in 4.4 MB).
        if item.size > max(LIMITS.keras_file_ratio * item.stored, LIMITS.keras_config):
            found.append(BOMB.at(member, f"{item.stored} bytes unpack to {item.size}", inside=item.name))
        elif item.name in (CONFIG, METADATA) and item.size > LIMITS.keras_config:
            found.append(BOMB.at(member, f"{item.size} bytes of JSON", inside=item.name))
    return found[:20]


def _suspicious(file: BinaryIO, members: list[Inner], member: str) -> list[Finding]:
    found: list[Finding] = []
    for item in members:
        if not item.name.startswith(_ASSETS) or item.name == ARRAYS:
            continue
        try:
            head = next(strict_zip.pieces(file, item), b"")
        except Unreadable as problem:
            found.append(DAMAGED.at(member, problem.what, inside=item.name))
            continue
        kinds = [kind for magic, kind in _ARCHIVES.items() if head.startswith(magic)]
        if head[_TAR[0] :].startswith(_TAR[1]):
            kinds.append("a tar archive")
        if kinds:
            found.append(NESTED_ARCHIVE.at(member, kinds[0], inside=item.name))
        elif head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5" and len(head) > 2:
            found.append(NESTED_PICKLE.at(member, f"pickle protocol {head[1]}", inside=item.name))
    return found
