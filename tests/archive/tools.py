"""Programs that we did not write, by whichever name this machine has them."""

from __future__ import annotations

import shutil

import pytest


def tool(*names: str) -> str:
    """Return the first of these programs that is installed; the test fails, and does not skip, without one."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail(f"{names[0]} is not installed: apt-get install unzip libarchive-tools 7zip")
    return found
