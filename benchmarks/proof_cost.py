"""What the proof costs: in time on a small model, in time and memory on a large one.

    python benchmarks/proof_cost.py [--runs N] [--mib 500]

Every run is a process of its own that imports the framework, builds the model and packs it once without and once with
the proof; the import is timed in the same process. The proof may cost the import and two seconds. With `--mib`, a
model with that many MiB of weights instead, and the peak resident memory of both processes (Linux only): of the one
that packs, counted anew for each `bundle`, and of the one that proves.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

ALLOWED_S = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--mib", type=int, default=0, help="MiB of weights; 0 is a small model")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(measured(options.mib)))
        return
    runs = []
    for _ in range(options.runs):
        command = [sys.executable, __file__, "--worker", "--mib", str(options.mib)]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        shown = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
        runs.append(json.loads(shown.stdout.splitlines()[-1]))
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    extra = middle["proved_s"] - middle["unproved_s"]
    print(f"{options.runs} runs, medians; weights: {middle['weights_mib']:.1f} MiB")
    print(f"  import of the framework      {middle['import_s']:7.2f} s")
    print(f"  bundle(prove=False)          {middle['unproved_s']:7.2f} s")
    print(f"  bundle()                     {middle['proved_s']:7.2f} s")
    print(f"  the proof                    {extra:7.2f} s = import {extra - middle['import_s']:+.2f} s")
    print(
        f"  processor time               {middle['unproved_cpu_s']:7.2f} s, {middle['proved_cpu_s']:.2f} s with proof"
    )
    if not options.mib:
        within = extra <= middle["import_s"] + ALLOWED_S
        print(f"  at most import + {ALLOWED_S:g} s        {'yes' if within else 'NO'}")
    print(
        f"  peak memory, packing         {middle['unproved_mib']:7.0f} MiB, {middle['proved_mib']:.0f} MiB with proof"
    )
    print(f"  peak memory, proving         {middle['prover_mib']:7.0f} MiB")
    print(
        f"  framework and model alone    {middle['built_mib']:7.0f} MiB, of that the framework {middle['base_mib']:.0f}"
    )


def measured(mib: int) -> dict[str, float]:
    """Pack one model without and with the proof in this process, and return seconds and MiB."""
    started = time.perf_counter()
    import keras

    imported = time.perf_counter() - started
    # The first operation makes what the framework has left to make.
    import numpy as np

    keras.ops.ones((2, 2)) @ keras.ops.ones((2, 2))
    base = resident("VmRSS")
    width = 1024
    count = max(1, mib // 4)  # A layer of 1024 x 1024 float32 is 4 MiB.
    sizes = [width] * count if mib else [16, 8]
    model = keras.Sequential([keras.Input((width if mib else 4,)), *(keras.layers.Dense(size) for size in sizes)])
    model.compile("sgd", "mse")
    weights = sum(np.prod(variable.shape) * 4 for variable in model.weights) / 2**20
    built = resident("VmRSS")
    from bundler import bundle

    with tempfile.TemporaryDirectory() as folder:
        # What only the first call pays (reading the metadata of all installed distributions) is not the proof's.
        small = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        bundle(small, Path(folder) / "small.kbundle", prove=False)
        facts = {"import_s": imported, "weights_mib": weights, "base_mib": base, "built_mib": built}
        for word, prove in (("unproved", False), ("proved", True)):
            Path("/proc/self/clear_refs").write_text("5")  # Counts the peak anew.
            with Watch() as watch:
                started, used = time.perf_counter(), processor_time()
                bundle(model, Path(folder) / "m.kbundle", overwrite=True, prove=prove)
                facts[f"{word}_s"] = time.perf_counter() - started
                facts[f"{word}_cpu_s"] = processor_time() - used
            facts[f"{word}_mib"] = resident("VmHWM")
        facts["prover_mib"] = watch.peak
    return facts


def processor_time() -> float:
    """Return the seconds of processor time of this process and of the children that it has waited for."""
    return sum(os.times()[:4])


class Watch:
    """Looks at the peak memory of the processes that this one has started, many times a second."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.02):
            for tasks in Path("/proc/self/task").glob("*/children"):
                try:
                    for pid in tasks.read_text().split():
                        # Until it runs its own program, a child has the memory of this process.
                        if b"start.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                            self.peak = max(self.peak, resident("VmHWM", pid))
                except (OSError, StopIteration):  # It has just ended.
                    continue


def resident(field: str, pid: str = "self") -> float:
    """Return a memory field of a process's status in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


if __name__ == "__main__":
    main()
