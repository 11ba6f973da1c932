"""Coverage-guided fuzzing with atheris.

``python -m tests.fuzz`` runs every target, each in a process of its own, for ``--seconds``; ``python -m tests.fuzz
TARGET [options of libFuzzer]`` runs one. Inputs that reached something new stay in ``.fuzz/TARGET``; one that raised
what it must not is left as ``.fuzz/TARGET-crash-...``, and the exit status is not 0.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(".fuzz")
MOST = 16 << 10  # Bytes of one input.
SLOW = 10  # Seconds after which an input counts as one that hangs.
MEMORY = 1024  # Megabytes of one process.


def fuzz(name: str, options: list[str]) -> None:
    """Run one target until an option of libFuzzer ends it; does not return."""
    import atheris

    with atheris.instrument_imports(include=["bundler"]):
        from tests.fuzz import targets
    target = targets.TARGETS[name]
    inputs = FOLDER / name
    inputs.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(target.seeds()):
        (inputs / f"seed-{index}").write_bytes(seed)
    dictionary = FOLDER / f"{name}.dict"
    quoted = ["".join(f"\\x{byte:02x}" for byte in word) for word in target.words()]
    dictionary.write_text("".join(f'"{word}"\n' for word in quoted))

    def change(data: bytes, most: int, seed: int) -> bytes:
        return target.change(data, most, random.Random(seed), atheris.Mutate)

    def read(data: bytes) -> None:
        target.attempt(data)

    defaults = [f"-max_len={MOST}", f"-timeout={SLOW}", f"-rss_limit_mb={MEMORY}", f"-dict={dictionary}"]
    arguments = [sys.argv[0], str(inputs), f"-artifact_prefix={inputs}-", *defaults, *options]
    setup: dict[str, Any] = {"custom_mutator": change}
    atheris.Setup(arguments, read, **setup)
    atheris.Fuzz()


def main() -> int:
    """Run the target of the command line, or all; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", help="one of tests/fuzz/targets.py; all without")
    parser.add_argument("--seconds", type=int, default=600, help="how long each target runs (default: 600)")
    known, options = parser.parse_known_args()
    options += [f"-max_total_time={known.seconds}", "-print_final_stats=1"]
    if known.target:
        fuzz(known.target, options)
        return 0
    from tests.fuzz.targets import TARGETS

    FOLDER.mkdir(exist_ok=True)
    running = {}
    for name in TARGETS:
        with open(FOLDER / f"{name}.log", "wb") as log:
            command = [sys.executable, "-m", "tests.fuzz", name, *sys.argv[1:]]
            running[name] = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    failed = [name for name, process in running.items() if process.wait()]
    for name in TARGETS:
        print(f"== {name}: {'FAILED' if name in failed else 'nothing found'}")
        lines = (FOLDER / f"{name}.log").read_text(errors="replace").splitlines()
        print("\n".join(lines[-40 if name in failed else -8 :]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
