"""A workshop: an author's folder with source, and a consumer's folder without."""

from __future__ import annotations

import textwrap
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.pickles import pickles_in
from tests.zygote import Finished, Zygote

_LIB = Path(__file__).parent / "lib"
# A proof starts an interpreter, which takes seconds: `bundler.bundle` proves, and tests about that call it.
_PRELUDE = """\
import functools
import numpy as np
import keras
import bundler
from bundler import *
bundle = functools.partial(bundler.bundle, prove=False)
from lifecycle import *
keras.utils.set_random_seed(3)
"""


@dataclass(frozen=True)
class Workshop:
    """Scripts of the author see `source`; scripts of the consumer never do. Both share the folder `hand_over`."""

    zygote: Zygote
    folder: Path
    #: Where a bundle may hold a pickle all the same: author's code that puts one into its own config.
    authors_pickles: list[str] = field(default_factory=list)

    @property
    def source(self) -> Path:
        """The author's source root."""
        return self.folder / "source"

    @property
    def hand_over(self) -> Path:
        """Where the author leaves files for the consumer; scripts reach it as ``../hand_over``."""
        path = self.folder / "hand_over"
        path.mkdir(exist_ok=True)
        return path

    def write(self, files: dict[str, str], folder: str = "source") -> None:
        """Write source files below a folder of the workshop; texts are dedented."""
        for name, text in files.items():
            path = self.folder / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))

    def author(self, script: str, *, check: bool = True, source: str = "source") -> Finished:
        """Run a script that can import the author's source."""
        return self._run(script, "author", (self.folder / source, _LIB), check=check, held=False)

    def consumer(self, script: str, *, check: bool = True, path: tuple[Path, ...] = ()) -> Finished:
        """Run a script in a process that has never seen the author's source."""
        return self._run(script, "consumer", (*path, _LIB), check=check, held=True)

    def _run(self, script: str, where: str, path: tuple[Path, ...], *, check: bool, held: bool) -> Finished:
        self.hand_over  # noqa: B018 - makes the folder
        script = _PRELUDE + textwrap.dedent(script)
        return self.zygote.run(script, self.folder / where, path=path, check=check, held=held)


@pytest.fixture
def workshop(zygote: Zygote, tmp_path: Path) -> Iterator[Workshop]:
    """Give an empty workshop, and see to it afterwards that no bundle in it holds an undeclared pickle."""
    workshop = Workshop(zygote, tmp_path)
    yield workshop
    # A test may have broken a file on purpose.
    bundles = [path for path in sorted(tmp_path.rglob("*.kbundle")) if zipfile.is_zipfile(path)]
    found = [f"{path.name}: {line}" for path in bundles for line in pickles_in(path)]
    assert [line for line in found if not any(place in line for place in workshop.authors_pickles)] == []
    assert [place for place in workshop.authors_pickles if not any(place in line for line in found)] == []
