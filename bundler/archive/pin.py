"""A caller may accept one bundle only, named by its digest."""

from __future__ import annotations

from bundler.archive.reader import BundleReader
from bundler.errors import DigestMismatch


def check_digest(reader: BundleReader, digest: str | None) -> None:
    """Refuse a bundle whose digest is not `digest`; `None` accepts every bundle.

    Raises:
        DigestMismatch: the digests differ.
    """
    if digest is not None and digest.lower().removeprefix("sha256:") != reader.digest.removeprefix("sha256:"):
        raise DigestMismatch(
            "this is not the bundle that was asked for",
            place=str(reader.path or "the file object"),
            expected=digest,
            found=reader.digest,
            hint="get the right file, or pin the digest that kbundle inspect shows once you have looked at this one",
        )
