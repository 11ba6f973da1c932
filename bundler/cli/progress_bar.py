"""A progress bar on the terminal for what takes longer than a second; silence everywhere else."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

from bundler.archive.progress import Progress

_PATIENCE_S = 1.0


@contextlib.contextmanager
def shown_progress() -> Iterator[Progress | None]:
    """Yield the callback that draws the bar on stderr, or `None` where stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    started = time.monotonic()
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("", total=None)

    def progress(what: str, done: int, total: int) -> None:
        bar.update(task, description=what, completed=done, total=total or None)
        if not bar.live.is_started and time.monotonic() - started > _PATIENCE_S:
            bar.start()

    try:
        yield progress
    finally:
        bar.stop()
