"""Whatever bytes come in, a `BundleError` or an answer comes out (I12). `make fuzz` looks for longer."""

from __future__ import annotations

import os
import platform
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import mutate, targets

pytestmark = pytest.mark.slow

MOST = 16 << 10
RUNS = 4_000
SECONDS = 8
#: As in pyproject.toml: elsewhere there is no wheel of atheris.
HAS_WHEEL = sys.platform == "linux" and platform.machine() == "x86_64" and sys.implementation.name == "cpython"
ROOT = Path(__file__).parents[2]

NAMES = pytest.mark.parametrize("name", sorted(targets.TARGETS))


@NAMES
def test_seeds_are_accepted(name: str) -> None:
    target = targets.TARGETS[name]
    answers = [target.attempt(seed) for seed in target.seeds()]
    # One that is refused late is a seed as well; all refused would fuzz the sink only.
    assert None in answers


@NAMES
def test_mutations_raise_only_bundle_errors(name: str) -> None:
    target = targets.TARGETS[name]
    chance = random.Random(name)
    seeds = list(target.seeds())
    data, answers = seeds[0], set()
    for _ in range(RUNS):
        # Now and then a change of a change, which goes deeper than one of a good input.
        data = target.change(chance.choice([*seeds, data]), MOST, chance, mutate.blind_changes(chance))
        answers.add(target.attempt(data))
    assert None in answers
    assert len(answers) > RUNS // 20


@NAMES
@pytest.mark.skipif(not HAS_WHEEL, reason="atheris has no wheel for this platform")
def test_coverage_guided_run_finds_nothing(name: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # Its peak of memory begins with that of the process that starts it (Linux keeps it across exec): no limit on that
    # here, but on each allocation.
    command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(SECONDS)]
    command += ["-rss_limit_mb=0", "-malloc_limit_mb=256"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Done " in done.stderr
