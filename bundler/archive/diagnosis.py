"""Says what a file is that is not a bundle, so that the message names the next step. Decides nothing else."""

from __future__ import annotations

from bundler.archive.layout import END_MAGIC, END_RECORDS_MAX, END_RECORDS_MIN, LOCAL_MAGIC, end_of_archive, first_name
from bundler.archive.names import MANIFEST, MIMETYPE
from bundler.archive.positioned import PositionedFile
from bundler.errors import InvalidBundle, UnsupportedVersion
from bundler.limits import LIMITS
from bundler.manifest import check_major

_NOT_A_BUNDLE = "this is not a .kbundle file"
_PACK_IT = "pack it first: bundler.bundle(model, 'model.kbundle')"
_TRAILER_SEARCH = 1 << 16
_KERAS_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
_KNOWN_STARTS = {
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file", f"if it is a Keras model, {_PACK_IT}"),
    b"\x1f\x8b": ("a gzip file", "unpack it first"),
    b"\x28\xb5\x2f\xfd": ("a zstd file", "unpack it first"),
    b"version https://git-lfs": ("a Git LFS pointer", "fetch the real file: git lfs pull"),
}


def refuse_foreign_file(file: PositionedFile) -> None:
    """Check the first and the last bytes.

    Raises:
        InvalidBundle: the file is empty, something else, cut short, or followed by other bytes.
    """
    if not file.size:
        raise InvalidBundle("the file is empty", place=file.place, hint="copy or pack it again")
    head = file.read_at(0, min(file.size, 256))
    if not head.startswith(LOCAL_MAGIC):
        raise _foreign(file, head)
    first = first_name(head)
    if first is None or first[0] != MIMETYPE:
        raise _foreign_zip(file, first[0] if first else "")
    tail = file.read_at(file.size - min(file.size, END_RECORDS_MAX), min(file.size, END_RECORDS_MAX))
    if len(tail) < END_RECORDS_MIN or not tail[-END_RECORDS_MIN:].startswith(END_MAGIC):
        raise _wrong_end(file)


def _wrong_end(file: PositionedFile) -> InvalidBundle:
    length = min(file.size, _TRAILER_SEARCH)
    followed = end_of_archive(file.read_at(file.size - length, length), file.size - length)
    if followed is None:
        return InvalidBundle(
            "the file is cut short",
            place=file.place,
            expected="the end of central directory in the last 22 bytes",
            found="other bytes",
            hint="the copy or download was not finished, or the end was overwritten; fetch the file again",
        )
    return InvalidBundle(
        "other bytes follow the end of the bundle",
        place=file.place,
        expected=f"{followed} bytes",
        found=f"{file.size} bytes",
        hint="a tool has added to the file; ask the author for it again",
    )


def newer_format(file: PositionedFile) -> UnsupportedVersion | None:
    """Return the error to raise when a refused file is a bundle of another major version, else `None`.

    Every format has its manifest in one place: second, stored, after ``mimetype``.
    """
    try:
        first = first_name(file.read_at(0, min(file.size, 256)))
        if first is None:
            return None
        second_at = first[1] + first[2]
        second = first_name(file.read_at(second_at, min(256, max(0, file.size - second_at))))
        if second is not None and second[0] == MANIFEST and second[1] <= LIMITS.manifest:
            check_major(file.read_at(second_at + second[2], second[1]))
    except UnsupportedVersion as error:
        return error
    except InvalidBundle:
        pass
    return None


def _foreign(file: PositionedFile, head: bytes) -> InvalidBundle:
    for start, (found, hint) in _KNOWN_STARTS.items():
        if head.startswith(start):
            return InvalidBundle(_NOT_A_BUNDLE, place=file.place, found=found, hint=hint)
    return InvalidBundle(
        _NOT_A_BUNDLE,
        place=file.place,
        expected="a ZIP that begins with the member 'mimetype'",
        found=repr(head[:16]),
        hint="check the path; if it should be a bundle, something was put in front of it or overwrote its start",
    )


def _foreign_zip(file: PositionedFile, first: str) -> InvalidBundle:
    place = file.place
    if first in _KERAS_MEMBERS or place.endswith(".keras"):
        return InvalidBundle(_NOT_A_BUNDLE, place=place, found="a .keras file", hint=_PACK_IT)
    return InvalidBundle(
        _NOT_A_BUNDLE,
        place=place,
        expected="'mimetype' as the first member",
        found=f"a ZIP that begins with {first[:60]!r}",
        hint="a bundle that was unpacked and zipped again is no longer one; use the file that kbundle wrote",
    )
