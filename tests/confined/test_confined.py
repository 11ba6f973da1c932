"""Hostile modules that are loaded and used do not act outside; the witnesses that say so are not blind.

One small module for each class of attack (`tests.confined.attacks`). Where this machine lets nobody make a cell, the
same modules run in a plain fork, and fewer witnesses speak. All corpora take many minutes: see README.md here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.confined import cell
from tests.confined.attacks import LOAD, NETS

_FOLDER = Path(__file__).parents[2]
Seen = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Return what was seen of each module: with the nets, and under ``native`` without."""
    folder = tmp_path_factory.mktemp("confined")
    way = ["--sample"] if cell.available() else ["--bare"]
    # Both at once: a cell mostly waits for its prisoner.
    running = []
    for name, options in {"held": [], "native": ["--only-native"]}.items():
        (folder / name).mkdir()
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        if not cell.available():
            environment["KBUNDLE_CONFINED"] = str(folder / name)
        command = [sys.executable, "-m", "tests.confined.run", *way, *options, "--json", str(folder / f"{name}.json")]
        running.append(subprocess.Popen(command, cwd=_FOLDER, env=environment, stdout=-1, stderr=-1, text=True))
    for process in running:
        _, errors = process.communicate()
        assert process.returncode in (0, 1), errors
    held, native = (json.loads((folder / f"{name}.json").read_text()) for name in ("held", "native"))
    return {name: {**held[name], "native": native[name]["native"]} for name in held}


@pytest.mark.parametrize("attack", NETS)
def test_stops_code_that_acts_while_it_runs(attack: str, seen: Seen) -> None:
    case = seen[f"nets/{attack}"]
    assert [*case["acts"], *case["changes"], *case["notes"]] == []


@pytest.mark.parametrize("attack", LOAD)
def test_refuses_or_closes_what_the_nets_do_not_see(attack: str, seen: Seen) -> None:
    case = seen[f"load/{attack}"]
    assert case["hard"] or any("which is closed" in line for line in case["refused"])
    assert [*case["acts"], *case.get("changes", ())] == []


@pytest.mark.parametrize("attack", [*(f"nets/{name}" for name in NETS), *(f"load/{name}" for name in LOAD)])
def test_hears_that_it_acts_where_nothing_holds_it(attack: str, seen: Seen) -> None:
    case = seen[attack]["native"]
    assert case["acts"] or case["changes"]
    assert case["notes"] == []
