"""What is fuzzed: functions that take bytes and may raise nothing but `BundleError`. Each is a line of `TARGETS`."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bundler.archive.reader import open_bundle
from bundler.archive.writer import NewMember
from bundler.errors import BundleError
from bundler.manifest import dump_manifest, load_manifest
from tests.archive import builders
from tests.fuzz import mutate
from tests.manifest import samples


def refusal(action: Callable[[], object]) -> str | None:
    """Do something; return what it was refused with, or `None`. Anything but a `BundleError` gets out."""
    try:
        action()
    except BundleError as error:
        return str(error)
    return None


@dataclass(frozen=True, slots=True)
class Target:
    """One function to fuzz: `read` is it, `seeds` makes inputs to begin with, `change` mutates one.

    `words` are put into inputs: signatures, and names that the function looks for.
    """

    read: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    change: mutate.Mutation
    words: Callable[[], Iterable[bytes]] = tuple

    def attempt(self, data: bytes) -> str | None:
        """Give `data` to the function; return what it was refused with, or `None`."""
        return refusal(lambda: self.read(data))


def read_bundle(data: bytes) -> None:
    """Open, verify and read all. What is verified can be read, and `zipfile` reads the same; what is not, cannot."""
    with open_bundle(io.BytesIO(data)) as bundle:
        sound = refusal(bundle.verify) is None
        assert sound == all(
            refusal(lambda name=name: bundle.copy_to(name, io.BytesIO())) is None for name in bundle.names
        )
        if not sound:
            return
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert tuple(archive.namelist()) == bundle.names
            for member in bundle.manifest.members:
                if member.encoding is None:
                    assert archive.read(member.name) == bundle.read(member.name)


def read_manifest(data: bytes) -> None:
    """Load a manifest; what is accepted must be the one text of what it says."""
    assert dump_manifest(load_manifest(data)) == data


def bundles() -> Iterable[bytes]:
    """Good bundles: small, with every kind of member, with wide names, of a manifest that says all."""
    yield builders.good()
    yield builders.written(
        [*builders.members(), NewMember("examples/\u00e9t\u00e9 \u4e16.bin", b"x"), NewMember("README.md", b"")]
    )
    full = samples.full()
    yield builders.laid(
        [
            builders.MIMETYPE,
            ("manifest.json", dump_manifest(full)),
            *((member.name, bytes(member.size)) for member in full.members),
        ]
    )
    yield builders.with_encoded(builders.frame(b"0123456789" * 99, write_checksum=True), b"0123456789" * 99)


def manifests() -> Iterable[bytes]:
    """Good manifests: the smallest, and one that says all."""
    yield dump_manifest(samples.small())
    yield dump_manifest(samples.full())
    value = samples.value()
    value["provenance"]["metadata"] = {"deep": [[{}], 0.5, None, "\u00e9\U0001f600\n"], "": {}}
    yield samples.text(value)


def manifest_words() -> Iterable[bytes]:
    """Every key and string of the manifest that says all, as JSON."""
    waiting: list[object] = [samples.value()]
    known: set[str] = set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            known.add(item)
        elif isinstance(item, list | dict):
            waiting += [*item, *(item.values() if isinstance(item, dict) else ())]
    return [json.dumps(word, ensure_ascii=False).encode() for word in sorted(known)]


def bundle_words() -> Iterable[bytes]:
    """Signatures and tags of ZIP and zstd, and the words of the manifest."""
    signatures = [b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"\x28\xb5\x2f\xfd"]
    tags = [
        b"\x50\x2a\x4d\x18",
        b"\x35\xd9",
        b"\x01\x00\x10\x00",
        b"\xff\xff",
        b"\xff\xff\xff\xff",
        builders.MIMETYPE[1],
    ]
    return [*signatures, *tags, *manifest_words()]


TARGETS: dict[str, Target] = {
    "reader": Target(read_bundle, bundles, mutate.container, bundle_words),
    "manifest": Target(read_manifest, manifests, mutate.json_text, manifest_words),
}
