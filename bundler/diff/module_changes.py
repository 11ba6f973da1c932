"""The packed modules of two bundles: which came, went, changed their text or their name."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bundler.archive.reader import BundleReader
from bundler.diff import bounds
from bundler.diff.bounds import Budget
from bundler.diff.change import ADDED, CHANGED, REMOVED, RENAMED, FieldChange, ModuleChange
from bundler.diff.lines import changed_blocks, hunks, lines_of
from bundler.diff.manifest_values import field_changes
from bundler.manifest import Member, Module

#: Modules on each side, and bytes of each, among which a changed module with another name is looked for.
_CANDIDATES = 64
_CANDIDATE_SIZE = 256 << 10
#: The share of equal lines from which two modules count as one with another name; git has the same.
_ALIKE = 0.5


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    """The modules of one bundle by name."""

    reader: BundleReader
    modules: Mapping[str, Module]
    members: Mapping[str, Member]

    def member(self, name: str) -> Member:
        return self.members[self.modules[name].member]

    def lines(self, name: str) -> list[str] | None:
        """Return the lines of a module; `None` where it is too large to compare."""
        member = self.member(name)
        return lines_of(self.reader.read(member.name)) if member.content_size <= bounds.MODULE else None


def module_changes(before: BundleReader, after: BundleReader) -> list[ModuleChange]:
    """Return what changed among the packed modules, in the order of their names.

    Raises:
        InvalidBundle: as `BundleReader.read`.
    """
    a, b = _side(before), _side(after)
    removed = sorted(name for name in a.modules if name not in b.modules)
    added = sorted(name for name in b.modules if name not in a.modules)
    renamed = _renamed(a, removed, b, added)
    pairs: list[tuple[str | None, str | None]] = [(name, name) for name in b.modules if name in a.modules]
    pairs += [(renamed.get(name), name) for name in added]
    gone = set(removed) - set(renamed.values())
    pairs += [(name, None) for name in gone]
    steps, lines = Budget(bounds.STEPS), Budget(bounds.ALL_LINES)
    pairs.sort(key=lambda pair: pair[1] or pair[0] or "")
    found = (_change(a, old, b, new, steps, lines) for old, new in pairs)
    return [change for change in found if change is not None]


def _side(reader: BundleReader) -> _Side:
    manifest = reader.manifest
    return _Side(
        reader=reader,
        modules={module.name: module for module in manifest.modules},
        members={member.name: member for member in manifest.members},
    )


def _change(a: _Side, old: str | None, b: _Side, new: str | None, steps: Budget, left: Budget) -> ModuleChange | None:
    kind = ADDED if old is None else REMOVED if new is None else CHANGED if old == new else RENAMED
    fields: tuple[FieldChange, ...] = ()
    equal = False
    if old is not None and new is not None:
        fields = tuple(field_changes(_said(a.modules[old]), _said(b.modules[new])))
        equal = a.member(old).content_sha256 == b.member(new).content_sha256
        if equal and kind == CHANGED and not fields:
            return None
    change = ModuleChange(name=new or old or "", kind=kind, before_name=old if kind == RENAMED else None, fields=fields)
    if equal:
        return dataclasses.replace(change, lines_added=0, lines_removed=0)
    before = [] if old is None else a.lines(old)
    after = [] if new is None else b.lines(new)
    if before is None or after is None:
        size = max(side.member(name).content_size for side, name in ((a, old), (b, new)) if name is not None)
        return dataclasses.replace(change, note=f"too large to show: {size} bytes")
    return _with_lines(change, before, after, steps, left)


def _with_lines(
    change: ModuleChange, before: Sequence[str], after: Sequence[str], steps: Budget, left: Budget
) -> ModuleChange:
    blocks, fewest = changed_blocks(before, after, steps)
    notes = [] if fewest else ["too different to align line by line"]
    allowed = max(0, min(bounds.MODULE_LINES, left.left))
    own = Budget(allowed)
    shown = hunks(before, after, blocks, own)
    left.spend(allowed - max(0, own.left))
    if own.left < 0:
        notes.append(f"more lines than the {allowed} that are shown")
    return dataclasses.replace(
        change,
        lines_added=sum(to - start for _, _, start, to in blocks),
        lines_removed=sum(to - start for start, to, _, _ in blocks),
        hunks=tuple(shown),
        note="; ".join(notes),
    )


def _said(module: Module) -> dict[str, Any]:
    return {
        "package": module.package,
        "entry": module.entry,
        "generated": module.generated,
        "reason": module.reason,
        **module.extra,
    }


def _renamed(a: _Side, removed: Sequence[str], b: _Side, added: Sequence[str]) -> dict[str, str]:
    """Return the new names of modules with their old ones: first of equal texts, then of texts that are alike."""
    renamed: dict[str, str] = {}
    by_digest: dict[str, list[str]] = {}
    for name in reversed(removed):
        by_digest.setdefault(a.member(name).content_sha256, []).append(name)
    for name in added:
        # An empty __init__.py is like any other.
        if b.member(name).size and (old := by_digest.get(b.member(name).content_sha256)):
            renamed[name] = old.pop()
    taken = set(renamed.values())
    olds = dict(_counted(a, [name for name in removed if name not in taken]))
    news = dict(_counted(b, [name for name in added if name not in renamed]))
    budget = Budget(bounds.STEPS)
    alike = sorted(_alike(olds, news, budget), reverse=True)
    for _, before, after in alike:
        if after not in renamed and before not in taken:
            renamed[after] = before
            taken.add(before)
    return renamed


def _counted(side: _Side, names: Sequence[str]) -> Iterator[tuple[str, Counter[str]]]:
    for name in names[:_CANDIDATES]:
        if side.member(name).size <= _CANDIDATE_SIZE:
            yield name, Counter(filter(None, map(str.strip, side.lines(name) or [])))


def _alike(
    olds: Mapping[str, Counter[str]], news: Mapping[str, Counter[str]], budget: Budget
) -> Iterator[tuple[float, str, str]]:
    for old, before in olds.items():
        for new, after in news.items():
            if not budget.spend(min(len(before), len(after)) + 1):
                return
            total = before.total() + after.total()
            fewer, more = (before, after) if len(before) < len(after) else (after, before)
            share = 2 * sum(min(count, more[line]) for line, count in fewer.items()) / total if total else 0
            if share >= _ALIKE:
                yield share, old, new
