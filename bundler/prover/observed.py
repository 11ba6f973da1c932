"""What bundled code used and was refused while it was proved, by the stage that saw it first."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from bundler.limits import LIMITS
from bundler.manifest import RecordedUse, RecordedUses
from bundler.namespace import Namespace, loaded_namespaces
from bundler.namespace.guard import Record
from bundler.namespace.guard import Use as Seen

_Key = tuple[str, str, str, int | None]
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")
#: The rest of a path, as a line about a use quotes it.
_REST = r"[^\s'\"]*"
#: The stages of which a manifest tells no uses of their own: what they do is what another one does, too.
_TOLD = {"state": "load", "weights": "load", "next_step": "train"}


class Observed:
    """Watches every bundle of this process from now on; what they did before counts for nobody."""

    def __init__(self, scratch: Path) -> None:
        """Start to watch; what lies below `scratch` has another name in every process, and is not told."""
        # By what they say, each once.
        self._refused: dict[_Key, RecordedUse] = {}
        self._used: dict[_Key, RecordedUse] = {}
        self._stages: dict[str, list[RecordedUse]] = {}
        self._counted = {tree.prefix: _counts(record) for tree, record in _records()}
        self._unstable = re.compile("|".join(f"{re.escape(name)}{_REST}" for name in _spellings(scratch)))

    def take(self, stage: str) -> tuple[RecordedUse, ...]:
        """Count what happened since the last call for `stage`, and return what was refused in that time."""
        refused: list[RecordedUse] = []
        for tree, record in _records():
            used_before, refused_before = self._counted.get(tree.prefix, (0, 0))
            self._counted[tree.prefix] = _counts(record)
            for seen in record.used[used_before:]:
                use = self._told(seen, tree)
                if _key(use) not in self._used:
                    self._used[_key(use)] = use
                    self._stages.setdefault(_TOLD.get(stage, stage), []).append(use)
            refused += [self._told(seen, tree) for seen in record.refused[refused_before:]]
        self._refused.update((_key(use), use) for use in refused)
        return tuple(refused)

    @property
    def refused(self) -> tuple[RecordedUse, ...]:
        """What was refused so far, also where the code went on."""
        return tuple(self._refused.values())

    def uses(self) -> RecordedUses:
        """Return what was used, by stage."""
        return RecordedUses.of(self._stages)

    def _told(self, seen: Seen, tree: Namespace) -> RecordedUse:
        """Return a use in words that another process finds too, without the names of folders of this machine."""
        what = seen.what.replace(f"{tree.prefix}.", "")
        if tree.directory is not None:
            for name in _spellings(tree.directory):
                what = what.replace(name, "<bundle>")
        what = self._unstable.sub("<temporary>", what)
        for word, folder in (("<python>", sys.prefix), ("<python>", sys.base_prefix), ("~", os.path.expanduser("~"))):
            for name in _spellings(Path(folder)):
                # A folder, and no path that only begins with its name; the root is nobody's own.
                what = re.sub(rf"{re.escape(name)}(?![\w.-])", word, what) if len(name) > 1 else what
        what = _ADDRESS.sub("0x...", what)[: LIMITS.use_what]
        return RecordedUse(
            capability=seen.capability,
            what=what,
            module=seen.module[: LIMITS.name_bytes],
            line=seen.line if seen.line else None,
        )


def _key(use: RecordedUse) -> _Key:
    return use.capability, use.what, use.module, use.line


def _records() -> list[tuple[Namespace, Record]]:
    return [(tree, tree.guard.record) for tree in loaded_namespaces() if tree.guard is not None]


def _counts(record: Record) -> tuple[int, int]:
    return len(record.used), len(record.refused)


def _spellings(folder: Path) -> list[str]:
    return sorted({os.path.abspath(folder), os.path.realpath(folder)})
