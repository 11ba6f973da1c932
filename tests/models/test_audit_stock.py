"""What Keras saves of its own has no finding; the oldest supported Keras is asked by hand (tests/acceptance)."""

from __future__ import annotations

import os
import subprocess
import sys


def test_no_finding_in_any_stock_object_that_is_saved() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.acceptance.stock"],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "no finding" in done.stdout
    counts = {
        what: int(count)
        for count, _, what in (
            item.partition(" ") for item in done.stdout.partition(": ")[2].partition("\n")[0].split(", ")
        )
    }
    assert counts["layers"] > 120, counts
    assert counts["operations"] > 200, counts
