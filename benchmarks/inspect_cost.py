"""What `kbundle inspect` costs on a bundle of 10 GB, next to an interpreter that does nothing.

    python benchmarks/inspect_cost.py [--runs N]

Prints the median wall time of both, their ratio, and the peak resident memory of `inspect`. The bundle is sparse: its
weights are a hole, which inspect does not read anyway.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.archive.test_large import GIB, sparse

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import zipfile, json, argparse": ["-c", "import zipfile, json, argparse"],
    "kbundle inspect": ["-m", "bundler", "inspect"],
}
#: Not ru_maxrss: a child starts with the peak of the process that it was forked from.
PEAK = (
    "import sys; from bundler.cli.main import main; main(['inspect', sys.argv[1]]); "
    "print([line for line in open('/proc/self/status') if line.startswith('VmHWM')][0].split()[1], file=sys.stderr)"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.kbundle"
        weights = [(f"model/{index:02}", GIB) for index in range(10)]
        sparse(path, [*weights, ("model/model.keras", 11), ("requirements/requirements.txt", 11)])
        medians: dict[str, float] = {}
        for name, arguments in COMMANDS.items():
            command = [sys.executable, *arguments, *([str(path)] if name.startswith("kbundle") else [])]
            seconds = []
            for _ in range(runs):
                started = time.perf_counter()
                subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
                seconds.append(time.perf_counter() - started)
            medians[name] = statistics.median(seconds)
        base = medians["python -c pass"]
        print(f"bundle of {path.stat().st_size / 1e9:.1f} GB, {runs} runs each")
        for name, seconds in medians.items():
            print(f"  {name:32} {seconds * 1000:6.1f} ms  {seconds / base:5.2f} x")
        shown = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
        print(f"  peak resident memory of inspect: {int(shown.stderr) / 1024:.1f} MiB")


if __name__ == "__main__":
    main()
