"""The tensors, the requirements with their lock, and the manifest on the page."""

from __future__ import annotations

import json

from packaging.utils import canonicalize_name

from bundler.audit.page_contents import Contents
from bundler.formats.lock_files import NoLock, read_pylock
from bundler.formats.stored_arrays import Tensor
from bundler.manifest import PinnedDistribution
from bundler.manifest.codec import to_json
from bundler.report.page.markup import Markup, folded, join, name, spelled, table, tag, words
from bundler.report.terminal_text import size_text
from bundler.report.verdict import counted

#: Tensors that are seen at once, and that are on the page.
_FIRST = 25
_TENSORS = 500
_DISTRIBUTIONS = 2_000
#: Characters of the lock and of the manifest.
_TEXT = 400_000


def tensors_section(contents: Contents) -> Markup:
    """Return the weights, largest first, each with a bar."""
    tensors = sorted(contents.tensors, key=lambda tensor: (-tensor.stored, tensor.path))
    total = sum(tensor.stored for tensor in tensors)
    heading = tag("h2", "Tensors ", tag("small", f"{len(tensors):,}, {size_text(total)}") if tensors else None)
    if not tensors:
        return tag("section", heading, tag("p", "No file of weights was read."), id="tensors")
    largest = tensors[0].stored
    rows = [_tensor(tensor, largest) for tensor in tensors[:_TENSORS]]
    headings = ("tensor", "type", "shape", "size", "")
    rest = None
    if rows[_FIRST:]:
        rest = folded(f"and {counted(len(rows) - _FIRST, 'smaller one')}", table(headings, rows[_FIRST:]))
    left = (
        f"and {len(tensors) - _TENSORS:,} smaller ones that are not on this page" if len(tensors) > _TENSORS else None
    )
    shown = table(headings, rows[:_FIRST], class_="tensors")
    return tag("section", heading, shown, rest, tag("p", left) if left else None, id="tensors")


def _tensor(tensor: Tensor, largest: int) -> tuple[str | None, ...]:
    part = 100 * tensor.stored / largest if largest > 0 else 0
    bar = tag(
        "svg",
        tag("rect", width=100, height=10, class_="rest"),
        tag("rect", width=f"{max(part, 0.5):.1f}", height=10),
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        class_="bar",
        role="img",
        aria_label=f"{part:.0f} percent of the largest",
    )
    shape = ", ".join(map(str, tensor.shape[:16])) + (", ..." if len(tensor.shape) > 16 else "")
    return (
        name(tensor.path),
        words(tensor.dtype, 100),
        tag("span", f"({shape})", class_="number"),
        tag("span", size_text(tensor.stored), class_="number"),
        bar,
    )


def requirements_section(contents: Contents) -> Markup:
    """Return what must be installed, with how many hashes the lock has for each, and the lock itself."""
    needs = contents.manifest.requirements
    hashes = _hashes(contents.lock_text)
    rows: list[tuple[str | None, ...]] = []
    for items, role in (
        (needs.distributions, "the code uses it"),
        (needs.transitive, "one of these needs it"),
        (needs.packed, "its source is packed"),
    ):
        for item in items:
            count = hashes.get((canonicalize_name(item.name), item.version))
            said = counted(count, "file") if count is not None else None
            why = f"{role}, if it is there" if item.optional else role
            rows.append((name(item.name), name(item.version), why, _from(item), said))
    heading = tag("h2", "Requirements ", tag("small", "Python ", words(needs.python, 200)))
    shown = table(("distribution", "version", "why", "from", "hashed"), rows[:_DISTRIBUTIONS])
    lock = None
    if contents.lock_text:
        text = tag("div", tag("code", spelled(contents.lock_text, _TEXT, keep="\t\n")), class_="code raw")
        lock = folded(join("The lock: ", name(needs.lock or needs.member)), text)
    return tag("section", heading, shown, lock, id="requirements")


def _from(item: PinnedDistribution) -> Markup | None:
    if item.source is None:
        return None
    if item.source.url is None:
        return join(words(item.source.kind, 100), ", on the author's machine")
    # Not a link: the page sends nobody anywhere.
    return join(
        name(item.source.url, 500), join(" at ", words(item.source.revision, 200)) if item.source.revision else None
    )


def _hashes(lock_text: str) -> dict[tuple[str, str], int]:
    """Return how many files with a hash the lock has for each (name, version); nothing if it is not a lock."""
    try:
        entries = read_pylock(lock_text.encode(errors="replace"))
    except NoLock:
        return {}
    return {
        (entry.name, entry.version): sum(bool(file.hashes) for file in entry.files)
        for entry in entries
        if entry.version is not None
    }


def manifest_section(contents: Contents) -> Markup:
    """Return the manifest as JSON."""
    text = json.dumps(to_json(contents.manifest), indent=2, ensure_ascii=False)
    code = tag("div", tag("code", spelled(text, _TEXT, keep="\n")), class_="code raw")
    return tag(
        "section", tag("h2", "Manifest"), folded(f"manifest.json, {len(text):,} characters", code), id="manifest"
    )
