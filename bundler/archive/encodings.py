"""Members that are stored compressed: what the bytes must look like, and how to decode them within bounds.

There is one encoding, ``zstd``. Its rules close what a zstd decoder lets through by itself: 8 KiB can stand for
256 MiB, bytes after the first frame are ignored, and a skippable frame hides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from bundler.archive.positioned import PIECE
from bundler.errors import IntegrityError, LimitExceeded, MissingDependency, UnsupportedVersion
from bundler.limits import LIMITS

if TYPE_CHECKING:
    from bundler.manifest import Member

ZSTD = "zstd"
ZSTD_SUFFIX = ".zst"

_LEVEL = 10
_MAGIC = b"\x28\xb5\x2f\xfd"

ReadAt = Callable[[int, int], bytes]


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def decoded_name(name: str, encoding: str | None) -> str:
    """Return the member's name without the suffix that shows its encoding."""
    return name.removesuffix(ZSTD_SUFFIX) if encoding == ZSTD else name


def check_frame(member: Member, read_at: ReadAt) -> None:
    """Check, before anything is decoded, that the member is exactly one zstd frame within the limits.

    Walks the block headers of RFC 8878, so that the end of the frame is known without a decoder.

    Args:
        member: an encoded member, as the manifest declares it.
        read_at: reads (offset, count) of the stored bytes, relative to the member's start.

    Raises:
        UnsupportedVersion: the encoding is one that this kbundle does not know.
        LimitExceeded: the ratio or the window is beyond `bundler.limits`.
        IntegrityError: the bytes are not one whole frame of the declared size.
    """
    require_known(member.name, member.encoding)
    decoded_size = member.decoded_size or 0
    head = read_at(0, min(18, member.size))
    window, content_size, checksum, position = _frame_header(member.name, head)
    if content_size != decoded_size:
        raise _broken(member.name, f"a frame that declares {decoded_size} bytes", content_size)
    if decoded_size > member.size * LIMITS.zstd_ratio:
        raise LimitExceeded(
            "the member is compressed too far",
            place=member.name,
            expected=f"a ratio of at most {LIMITS.zstd_ratio}",
            found=f"{decoded_size} bytes from {member.size}",
        )
    if window > LIMITS.zstd_window:
        raise LimitExceeded(
            "the decoder would need too much memory", place=member.name, expected=LIMITS.zstd_window, found=window
        )
    last = False
    blocks = 0
    while not last:
        # Each block costs a read; empty ones could be had by the million (RFC 8878 sets no limit).
        blocks += 1
        if blocks > 16 + decoded_size // 1024:
            raise _broken(member.name, "blocks of a kilobyte and more", "very many small ones")
        if position + 3 > member.size:
            raise _broken(member.name, "a whole frame", "one that ends too early")
        block = int.from_bytes(read_at(position, 3), "little")
        last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
        if kind == 3:
            raise _broken(member.name, "a raw, repeated or compressed block", "a reserved block type")
        if size > min(window, LIMITS.zstd_block):
            raise _broken(member.name, "blocks of at most the window and 128 KiB", size)
        position += 3 + (1 if kind == 1 else size)
    position += 4 if checksum else 0
    if position != member.size:
        raise _broken(member.name, f"one frame of {member.size} bytes", f"a frame of {position} bytes")


def check_decoded_total(members: Iterable[Member], file_size: int) -> None:
    """Check what all zstd members of a file declare to decode to, together.

    Many members, each within the ratio, would else cost minutes to verify.

    Raises:
        LimitExceeded: it is more than the larger of `LIMITS.zstd_total` and `LIMITS.zstd_total_ratio` times the file.
    """
    total = sum(member.decoded_size or 0 for member in members if member.encoding == ZSTD)
    most = max(LIMITS.zstd_total, file_size * LIMITS.zstd_total_ratio)
    if total > most:
        raise LimitExceeded(
            "the members decode to too much together", place="manifest.json: members", expected=most, found=total
        )


def decode(member: Member, stored: _Readable) -> Iterator[bytes]:
    """Yield the content of an encoded member in pieces, never more than the declared size.

    Raises:
        IntegrityError: the bytes do not decode to the declared size.
        MissingDependency: zstandard is not installed.
    """
    zstandard = _zstandard(member.name)
    decoder = zstandard.ZstdDecompressor(max_window_size=LIMITS.zstd_window)
    size = member.decoded_size or 0
    done = 0
    try:
        with decoder.stream_reader(stored, read_size=PIECE, read_across_frames=False, closefd=False) as reader:
            # One byte more than declared is asked for, so that a longer frame shows.
            while piece := reader.read(min(PIECE, size + 1 - done)):
                done += len(piece)
                if done > size:
                    break
                yield piece
    except zstandard.ZstdError as error:
        raise _broken(member.name, "a zstd frame", str(error)) from error
    if done != size:
        raise _broken(member.name, f"{size} decoded bytes", "more" if done > size else done)


def encode(name: str, encoding: str, content: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield `content` of `size` bytes as the stored bytes of a member.

    Raises:
        UnsupportedVersion: the encoding is one that this kbundle does not know.
        MissingDependency: zstandard is not installed.
        IntegrityError: the content is not `size` bytes long.
    """
    require_known(name, encoding)
    zstandard = _zstandard(name)
    parameters = zstandard.ZstdCompressionParameters.from_level(
        _LEVEL, source_size=size, write_content_size=1, threads=0
    )
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj(size=size)
    try:
        for piece in content:
            yield compressor.compress(piece)
        yield compressor.flush()
    except zstandard.ZstdError as error:
        raise _broken(name, f"{size} bytes of content", str(error)) from error


def require_known(name: str, encoding: str | None) -> None:
    """Refuse an encoding that this kbundle does not know, and a zstd member whose name does not show it.

    Raises:
        UnsupportedVersion: the encoding is unknown.
        IntegrityError: the name does not end in ``.zst``.
    """
    if encoding != ZSTD:
        raise UnsupportedVersion(
            "the member has an encoding that this kbundle does not know",
            place=name,
            expected=ZSTD,
            found=repr(encoding)[:40],
            hint="install a newer kbundle: pip install --upgrade kbundle",
        )
    if not name.endswith(ZSTD_SUFFIX):
        raise IntegrityError("the name does not show the encoding", place=name, expected=f"a name in {ZSTD_SUFFIX}")


def _frame_header(name: str, head: bytes) -> tuple[int, int, bool, int]:
    """Return window, content size, whether a checksum follows, and where the first block is (RFC 8878, 3.1.1.1)."""
    if head[:4] != _MAGIC or len(head) < 6:
        raise _broken(name, "a zstd frame", repr(head[:4]))
    descriptor = head[4]
    single, checksum = bool(descriptor & 0x20), bool(descriptor & 0x04)
    if descriptor & 0x0B:
        raise _broken(name, "a frame without dictionary", f"descriptor {descriptor:#04x}")
    width = (1 if single else 0, 2, 4, 8)[descriptor >> 6]
    if not width:
        raise _broken(name, "a frame that declares its size", "none")
    start = 5 if single else 6
    if len(head) < start + width:
        raise _broken(name, "a whole frame", "one that ends too early")
    content_size = int.from_bytes(head[start : start + width], "little") + (256 if width == 2 else 0)
    base = 1 << (10 + (head[5] >> 3))
    window = content_size if single else base + base // 8 * (head[5] & 7)
    return window, content_size, checksum, start + width


def _zstandard(name: str) -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise MissingDependency(
            "the member is compressed with zstd", place=name, hint="pip install zstandard"
        ) from error
    return zstandard


def _broken(name: str, expected: str, found: object) -> IntegrityError:
    return IntegrityError(
        "the compressed member is not what the manifest says",
        place=name,
        expected=expected,
        found=found,
        hint="the file was damaged or changed after it was written; fetch it again",
    )
