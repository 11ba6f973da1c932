"""What the lock costs, next to `mlflow` inferring the requirements of the same model, in time and memory.

    python benchmarks/lock_cost.py [--runs N]

Every run is a process of its own that has imported the framework and built one model whose layer imports SciPy (or
NumPy where that is not installed). `bundle(prove=False)` packs it offline and with an index.
`mlflow` saves the same model, and infers what it needs by loading it in another process. Peak memory is that of the
process and of the largest that it started, which counts as large as its parent until it runs its own program. Needs
mlflow beside kbundle; without it, its row is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

LAYER = """
import keras
import {library}

class Gain(keras.layers.Layer):
    def build(self, shape):
        self.gain = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, inputs):
        return inputs * self.gain
"""
WAYS = ("offline", "index", "mlflow")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--worker", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(measured(options.worker)))
        return
    ways = WAYS if importlib.util.find_spec("mlflow") else WAYS[:2]
    middle = {}
    for way in ways:
        runs = []
        for _ in range(options.runs):
            command = [sys.executable, __file__, "--worker", way]
            shown = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
            runs.append(json.loads(shown.stdout.splitlines()[-1]))
        middle[way] = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    print(f"{options.runs} runs, medians")
    for way, facts in middle.items():
        name = {"offline": "bundle, offline", "index": "bundle, index", "mlflow": "mlflow infer"}[way]
        print(
            f"  {name:16} {facts['seconds']:7.2f} s   peak {facts['own_mib']:6.0f} MiB, "
            f"of a child {facts['child_mib']:6.0f} MiB"
        )
    if "mlflow" in middle:
        print(f"  bundle with index / mlflow  {middle['index']['seconds'] / middle['mlflow']['seconds']:.2f}")


def measured(way: str) -> dict[str, float]:
    """Return seconds and MiB of one way to requirements, in this process."""
    import keras

    library = "scipy" if importlib.util.find_spec("scipy") else "numpy"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "gain_layer.py").write_text(LAYER.format(library=library))
        sys.path.insert(0, folder)
        from gain_layer import Gain

        model = keras.Sequential([keras.Input((4,)), Gain(), keras.layers.Dense(2)])
        if way == "mlflow":
            import mlflow
            from mlflow.models import infer_pip_requirements

            place = Path(folder, "saved")
            mlflow.tensorflow.save_model(
                model, place, custom_objects={"Gain": Gain}, code_paths=[f"{folder}/gain_layer.py"], pip_requirements=[]
            )
            started = time.perf_counter()
            infer_pip_requirements(str(place), "tensorflow")
        else:
            from bundler import bundle

            os.environ["KBUNDLE_OFFLINE"] = "0"
            started = time.perf_counter()
            bundle(model, Path(folder, "m.kbundle"), prove=False, offline=way == "offline")
        seconds = time.perf_counter() - started
    own, child = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"seconds": seconds, "own_mib": own, "child_mib": child}


if __name__ == "__main__":
    main()
