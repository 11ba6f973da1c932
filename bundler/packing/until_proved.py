"""Write a bundle, prove it, and write it again until it says what its proof finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bundler.archive.progress import Progress
from bundler.archive.writer import NewMember, WrittenBundle, write_bundle
from bundler.errors import PackError
from bundler.manifest import Manifest
from bundler.proof.client import Seen

#: The second time confirms the first one; code that is different each time it runs may take more.
_MOST_TIMES = 5


class _SaysElse(Exception):
    """The file says something else than its proof found; it must not get its name."""


def write_proved(
    target: Path,
    manifest: Manifest,
    members: Sequence[NewMember],
    prove: Callable[[Path], Seen] | None,
    *,
    overwrite: bool,
    progress: Progress | None,
) -> tuple[WrittenBundle, Seen | None]:
    """Write the bundle to `target` once `prove` finds what its manifest says; return both.

    What a proof finds is written into the manifest, which makes another file, which is proved in its turn. So the file
    that gets its name is a file that was proved, word for word. Code that uses nothing is proved once.

    Raises:
        PackError: it cannot be written, `prove` raised, or the code is different each time.
    """
    last: Seen | None = None
    notes: dict[str, None] = {}

    def check(path: Path) -> None:
        nonlocal manifest, last
        assert prove is not None  # noqa: S101 - for mypy
        last = prove(path)
        # The first proof meets the refusals; the next ones have them accepted.
        notes.update(dict.fromkeys(last.notes))
        if last.proof != manifest.proof:
            manifest = replace(manifest, proof=last.proof)
            raise _SaysElse

    for _ in range(_MOST_TIMES):
        try:
            written = write_bundle(
                target,
                manifest,
                members,
                overwrite=overwrite,
                progress=progress,
                check=None if prove is None else check,
            )
        except _SaysElse:
            continue
        return written, None if last is None else replace(last, notes=tuple(notes))
    raise PackError(
        f"the code does something else each time it is loaded, {_MOST_TIMES} times so far",
        hint="see what it does at random, or by files that it finds; or pack with prove=False (--no-proof)",
    )
