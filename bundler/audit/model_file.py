"""Judge the ``.keras`` file of a bundle by what its reader found, and by what its assets begin with."""

from __future__ import annotations

from bundler.audit.finding import Finding, Rule, Severity
from bundler.formats import keras_archive
from bundler.formats.keras_archive import ARRAYS, ASSETS, KerasArchive

_SAVE_AGAIN = "save the model again: model.save('model.keras')"

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


def _refused(rule: str, title: str, why: str, remedy: str = _SAVE_AGAIN) -> Rule:
    return Rule(id=rule, severity=Severity.REFUSED, title=title, why=why, remedy=remedy)


RULES: tuple[Rule, ...] = (
    _refused(
        keras_archive.NOT_A_ZIP,
        "this is not a .keras file",
        "Keras opens it with zipfile, which searches for a ZIP anywhere near the end of a file",
    ),
    _refused(
        keras_archive.LEGACY_H5,
        "the model is an HDF5 file of the old format",
        "CVE-2025-9905: Keras before 3.11.3 rebuilds Lambda layers from such a file whatever safe_mode says",
        "load it with Keras and save it again: model.save('model.keras')",
    ),
    _refused(
        keras_archive.TWO_READINGS,
        "the .keras file can be read in more than one way",
        "CVE-2025-54368 and CVE-2024-0450 are of this kind: what an audit reads must be what Keras reads. zipfile "
        "takes bytes before and after a ZIP, the last of two equal names, and does not compare the two headers",
    ),
    _refused(
        keras_archive.UNEXPECTED_FILE,
        "the .keras file holds what Keras does not write, or lacks what it does",
        "Keras unpacks every member before it looks for assets (CVE-2026-11816); weights as .npz are pickles, and "
        "shards are read from other files",
    ),
    _refused(
        keras_archive.BOMB,
        "the .keras file unpacks to far too much",
        "CWE-409: Keras asks only about members above 4 GiB, and not about all of them together",
    ),
    _refused(
        keras_archive.DAMAGED,
        "a file in the .keras file is not what its directory says",
        "a wrong checksum, or packed data with a second end: two readers unpack it to different bytes",
        "fetch the file again; if it stays so, it was damaged or crafted",
    ),
    NESTED_ARCHIVE,
    NESTED_PICKLE,
)
_BY_ID = {rule.id: rule for rule in RULES}

_ARCHIVES = {
    b"PK\3\4": "a ZIP", b"PK\5\6": "an empty ZIP", b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf\x27\x1c": "7-Zip", b"Rar!\x1a\x07": "RAR",
}  # fmt: skip
_TAR = (257, b"ustar")
_HEAD = 512


def archive_findings(archive: KerasArchive, *, member: str = "model/model.keras") -> list[Finding]:
    """Return what is wrong with a ``.keras`` file and with the files in it; assets are looked at too.

    Args:
        archive: the file, as it was read.
        member: the name of the bundle's member that it is.

    Raises:
        OSError: the file cannot be read.
    """
    problems = archive.problems or archive.damage()
    found = [_BY_ID[item.rule].at(member, item.what, inside=item.place or None) for item in problems]
    return found or _suspicious(archive, member)


def _suspicious(archive: KerasArchive, member: str) -> list[Finding]:
    found: list[Finding] = []
    for name in archive.members:
        if not name.startswith(f"{ASSETS}/") or name == ARRAYS:
            continue
        head = archive.head(name, _HEAD)
        kinds = [kind for magic, kind in _ARCHIVES.items() if head.startswith(magic)]
        if head[_TAR[0] :].startswith(_TAR[1]):
            kinds.append("a tar archive")
        if kinds:
            found.append(NESTED_ARCHIVE.at(member, kinds[0], inside=name))
        elif head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5" and len(head) > 2:
            found.append(NESTED_PICKLE.at(member, f"pickle protocol {head[1]}", inside=name))
    return found
