"""How often the same thing is read: opens, bytes, parses and temporary space of one pack and one load.

    python benchmarks/readings.py [--mib 100] [--case plain|adapted|all]

Every figure comes from two runs in processes of their own, one with small weights and one with `--mib` MiB more; the
difference is due to the weights, and is shown as a multiple of them. Bytes are what all processes read and wrote by
system call (Linux only: rchar and wchar of /proc/self/io, the prover's among them). Parses are counted in a third
run, under Python's profiler, in the process that packs or loads: of the manifest, of the model's config, of the text
of its one module, and of the formats around them. Opens are those of the bundle and of temporary files.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

SMALL_MIB = 1
WATCHED = ("texts of the module", "configs")
#: What counts as one parse: the end of a file's path, and the function's name in it.
PARSES = {
    "manifests": [("manifest/canonical_json.py", "load_manifest")],
    "ZIPs, strict": [("", "read_inner_zip"), ("", "read_zip")],
    "ZIPs, zipfile": [("zipfile.py", "_RealGetContents"), ("zipfile/__init__.py", "_RealGetContents")],
    "HDF5, own walk": [("weights_file.py", "read_hdf5")],
    "pickles, opcode by opcode": [("pickletools.py", "_genops")],
}
#: What is in the text of the model's module, in its config.
IN_MODULE, IN_CONFIG = "class Scaled", '"class_name"'
LAYERS = """
import keras

class Scaled(keras.layers.Layer):
    def __init__(self, units, scale=0.5, **options):
        super().__init__(**options)
        self.units = units
        self.scale = scale
        self.dense = keras.layers.Dense(units)

    def build(self, shape):
        self.dense.build(shape)
        self.built = True

    def call(self, x):
        return self.dense(x) * self.scale
"""
GET_CONFIG = """
    def get_config(self):
        return {**super().get_config(), "units": self.units, "scale": self.scale}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=100, help="MiB of weights")
    parser.add_argument("--case", choices=["plain", "adapted", "all"], default="all")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(worker(json.loads(options.worker))))
        return
    cases = ["plain", "adapted"] if options.case == "all" else [options.case]
    found = {case: measured(case, options.mib) for case in cases}
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for case, steps in found.items():
        for step, figures in steps.items():
            print(f"{step} of {options.mib} MiB, {case}")
            for name, value in figures.items():
                print(f"  {name:24} {value}")


def measured(case: str, mib: int) -> dict[str, dict[str, Any]]:
    """Return the figures of a pack and of a load of the bundle that it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        steps = {}
        for step in ("pack", "load"):
            small = run(step, case, SMALL_MIB, folder)
            big = run(step, case, SMALL_MIB + mib, folder)
            counted = run(step, case, SMALL_MIB, folder, profile=True)
            steps[step] = {
                "read by the weights": f"{(big['read'] - small['read']) / (mib << 20):.2f} x",
                "written by the weights": f"{(big['written'] - small['written']) / (mib << 20):.2f} x",
                "temporary space at most": f"{(big['space'] - small['space']) / (mib << 20):.2f} x",
                "opens": big["opens"],
                **counted["parses"],
                "seconds": f"{big['seconds']:.1f}",
            }
    return steps


def run(step: str, case: str, mib: int, folder: str, *, profile: bool = False) -> dict[str, Any]:
    """Run one step in a process of its own and return what it counted."""
    temporary = Path(folder) / "temporary"
    temporary.mkdir(exist_ok=True)
    task = {"step": step, "case": case, "mib": mib, "folder": folder, "profile": profile}
    shown = subprocess.run(
        [sys.executable, __file__, "--worker", json.dumps(task)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TMPDIR": str(temporary)},
    )
    return json.loads(shown.stdout.splitlines()[-1])


def worker(task: dict[str, Any]) -> dict[str, Any]:
    """Do one step in this process, and return the counts."""
    import keras
    import numpy as np

    import bundler
    from bundler.proof import fork_server

    folder, case = Path(task["folder"]), task["case"]
    path = folder / f"{case}-{task['mib']}.kbundle"
    if task["step"] == "pack":
        module = folder / f"layers_{case}.py"
        module.write_text(LAYERS + (GET_CONFIG if case == "plain" else ""))
        sys.path.insert(0, str(folder))
        scaled = __import__(module.stem).Scaled
        width = 1024
        # An array, which Keras alone does not write into a config.
        scale = 0.5 if case == "plain" else np.full((1,), 0.5, "float32")
        count = task["mib"] * (1 << 20) // (4 * width)
        model = keras.Sequential([keras.Input((width,)), scaled(count, scale, name="scaled")])
        model(np.zeros((1, width), "float32"))
        path.unlink(missing_ok=True)

        def work() -> None:
            bundler.bundle(model, path)
    else:

        def work() -> None:
            bundler.unbundle(path)

    gc.collect()
    profiler = cProfile.Profile() if task["profile"] else None
    counted: Counter[str] = Counter()
    watch(counted, folder)
    before = io_of_process()
    started = time.perf_counter()
    with peak_space(folder, path) as space:
        if profiler is None:
            work()
        else:
            profiler.runcall(work)
    seconds = time.perf_counter() - started
    # The system adds up what the provers did when their server is waited for.
    fork_server.end()
    after = io_of_process()
    return {
        "read": after["rchar"] - before["rchar"],
        "written": after["wchar"] - before["wchar"],
        "space": space[0],
        "opens": counted["opens"],
        "parses": {} if profiler is None else {**{name: counted[name] for name in WATCHED}, **parses(profiler)},
        "seconds": seconds,
    }


def io_of_process() -> dict[str, int]:
    """Return what the system has counted for this process and those that it has waited for."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return {name: int(value) for name, _, value in (line.partition(":") for line in lines)}


def watch(counted: Counter[str], folder: Path) -> None:
    """Count from now on the files below `folder` that this process opens, and what it parses of the model's texts."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(args[0], str) and args[0].startswith(str(folder)):
            counted["opens"] += 1
        elif event == "compile" and IN_MODULE in as_text(args[0]):
            counted[WATCHED[0]] += 1

    sys.addaudithook(hook)
    loads = json.loads

    def counting(text: Any, **options: Any) -> Any:
        counted[WATCHED[1]] += IN_CONFIG in as_text(text)
        return loads(text, **options)

    json.loads = counting


def as_text(value: object) -> str:
    """Return text as it is, bytes as text, and nothing for all else."""
    return value if isinstance(value, str) else bytes(value).decode() if isinstance(value, bytes | bytearray) else ""


@contextmanager
def peak_space(folder: Path, target: Path) -> Iterator[list[int]]:
    """Yield a list whose one item is the most that lay below `folder`, without the bundle itself, at one time."""
    most, done = [0], threading.Event()

    def poll() -> None:
        while not done.wait(0.005):
            most[0] = max(most[0], space_below(folder / "temporary"), space_beside(target))

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield most
    finally:
        done.set()
        thread.join()


def space_below(folder: Path) -> int:
    """Return the bytes of the files below `folder`; what goes away meanwhile counts for nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(place, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def space_beside(target: Path) -> int:
    """Return what temporary files lie below the folder for them and beside the bundle that is being written."""
    beside = [item for item in target.parent.glob(f".{target.name}*") if item.is_file()]
    return space_below(target.parent / "temporary") + sum(item.stat().st_size for item in beside)


def parses(profiler: cProfile.Profile) -> dict[str, int]:
    """Return how often each kind was parsed, from the calls that were profiled."""
    profiler.create_stats()
    stats: dict[tuple[str, int, str], tuple[Any, ...]] = profiler.stats  # type: ignore[attr-defined]
    found = {}
    for kind, places in PARSES.items():
        found[kind] = sum(
            row[1]
            for (file, _, name), row in stats.items()
            if any(name == function and (not end or file.endswith(end)) for end, function in places)
        )
    return found


if __name__ == "__main__":
    main()
