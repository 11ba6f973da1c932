"""The marks that decide what `make check` runs are true."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_TESTS = {
    "imports it": "def test_it():\n    import tensorflow\n",
    "starts a process that does": "import subprocess, sys\n"
    "def test_it():\n    subprocess.run([sys.executable, '-c', 'import keras'], check=True)\n",
    "imports it when it is collected": "import keras\ndef test_it(): pass\n",
}
_MARKED = "import pytest\n@pytest.mark.framework\n"


def outcome(folder: Path, text: str) -> str:
    """Run one test beside stand-ins for the framework, and return the last line that pytest says."""
    (folder / "site").mkdir()
    for name in ("tensorflow", "keras"):
        (folder / "site" / f"{name}.py").write_text("")
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = framework\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.marks", "-p", "no:cacheprovider", "test_it.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "site"), str(_ROOT)])},
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("text", _TESTS.values(), ids=list(_TESTS))
def test_a_test_without_the_mark_cannot_use_the_framework(text: str, tmp_path: Path) -> None:
    said = outcome(tmp_path, text)
    assert "1 passed" not in said
    assert "framework" in said


@pytest.mark.parametrize("text", list(_TESTS.values())[:2], ids=list(_TESTS)[:2])
def test_a_test_with_the_mark_can(text: str, tmp_path: Path) -> None:
    assert "1 passed" in outcome(tmp_path, text.replace("def test_it", f"{_MARKED}def test_it"))


def test_what_lies_with_the_models_or_uses_the_warm_interpreter_is_marked() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", "-m", "not framework"]
    where = ["tests/models/test_h5.py", "tests/formats/test_real_keras.py", "tests/report/test_inspection.py"]
    done = subprocess.run([*command, *where], cwd=_ROOT, capture_output=True, text=True, check=True)
    assert "test_inspection.py::" in done.stdout
    assert "test_h5.py" not in done.stdout
    assert "test_real_keras.py" not in done.stdout
