from __future__ import annotations

import sys
from pathlib import Path

import pytest


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of installed distributions, the only one that this process can see."""
    folder = tmp_path / "venv" / "lib" / "site-packages"
    folder.mkdir(parents=True)
    stdlib = [entry for entry in sys.path if "site-packages" not in entry and Path(entry).name != "main"]
    monkeypatch.setattr(sys, "path", [*stdlib, str(folder)])
    return folder
