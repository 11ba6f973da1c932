"""Pack whole programs as their authors would, load them where their code has never been, and print what became of each.

    python run_programs.py [--only NAME ...] [--pack-python P] [--load-python P] [--jobs 2] [--work DIR] [--json FILE]

Each folder of `programs/` is one program: its files and a ``program.toml`` that says how it is run. It trains, calls
`bundle(model, path)` with nothing else, and writes the numbers that must come back: inputs ``x``, outputs ``y``, and,
where the model is compiled, one more batch ``fx``, ``fy`` and the outputs ``after`` it. It runs in a copy, which is
gone before another interpreter in an empty folder loads the bundle with `unbundle(path)`, no word of consent given.
*Works* is a program that packs, loads so, and gives the same outputs and the same after one more step of training.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
SECONDS = 600
#: Sums in another order; and those of a gradient.
TOLERANCE, AFTER_TOLERANCE = 2e-5, 2e-4


def roles(numbers: Any, role: str) -> Any:
    """Return what the arrays of one role are called with: an array, a dict or a list; `None` where there are none."""
    named = {key.partition(":")[2]: numbers[key] for key in numbers.files if key.startswith(f"{role}:")}
    listed = [numbers[f"{role}{index}"] for index in range(64) if f"{role}{index}" in numbers.files]
    return named or listed or (numbers[role] if role in numbers.files else None)


def arguments(value: Any) -> Any:
    """Return arrays as Keras takes them: texts as tensors."""
    import tensorflow as tf

    if isinstance(value, dict):
        return {key: arguments(item) for key, item in value.items()}
    if isinstance(value, list):
        return [arguments(item) for item in value]
    return tf.constant(value.astype(str)) if value is not None and value.dtype.kind in "USO" else value


def compared(found: Any, expected: Any, tolerance: float) -> str:
    """Return "same", or how the outputs differ."""
    import keras
    import numpy as np

    one, other = ([np.asarray(item) for item in keras.tree.flatten(value)] for value in (found, expected))
    if len(one) != len(other):
        return f"{len(one)} outputs for {len(other)}"
    for got, want in zip(one, other, strict=True):
        if got.shape != want.shape:
            return f"shape {got.shape} for {want.shape}"
        if want.dtype.kind in "USO":
            if [str(item) for item in got.astype(str).ravel()] != [str(item) for item in want.astype(str).ravel()]:
                return "other texts"
        elif not np.allclose(got.astype("f8"), want.astype("f8"), rtol=tolerance, atol=tolerance, equal_nan=True):
            return f"other numbers by {float(np.max(np.abs(got.astype('f8') - want.astype('f8')))):.3g}"
    return "same"


def load(bundle: str, numbers: str, method: str) -> dict[str, Any]:
    """Load the bundle in this process and compare it with the author's numbers."""
    import numpy as np

    import bundler

    row: dict[str, Any] = {}
    started = time.perf_counter()
    try:
        model = bundler.unbundle(bundle)
        row["load"] = "ok"
    except Exception as error:
        row["load"] = f"{type(error).__name__}: {error}"
        asked = bundler.audit_bundle(bundle).asked
        try:
            model = bundler.unbundle(bundle, allow=asked)
        except Exception as second:
            row["load_with_words"] = f"{type(second).__name__}: {second}"
            return row
    row["load_s"] = round(time.perf_counter() - started, 2)
    data = np.load(numbers)

    def answers() -> Any:
        inputs = arguments(roles(data, "x"))
        if method == "call":
            return model(inputs)
        return model.predict(inputs, verbose=0) if method == "predict" else getattr(model, method)(inputs)

    def step(what: str, action: Any) -> None:
        try:
            row[what] = action()
        except Exception as error:
            row[what] = f"{type(error).__name__}: {error}"[:1500]

    def after() -> str:
        model.train_on_batch(arguments(roles(data, "fx")), arguments(roles(data, "fy")))
        return compared(answers(), roles(data, "after"), AFTER_TOLERANCE)

    if roles(data, "y") is not None:
        step("outputs", lambda: compared(answers(), roles(data, "y"), TOLERANCE))
    if roles(data, "after") is not None:
        step("trains_on", after)
    return row


def facts_of(bundle: Path, python: str) -> dict[str, Any]:
    """Return what the bundle holds, told by the command line."""
    code = """
import json, sys, bundler
with bundler.open_bundle(sys.argv[1]) as reader:
    manifest = reader.manifest
    texts = [reader.read(module.member) for module in manifest.modules]
needs, audit = manifest.requirements, bundler.audit_bundle(sys.argv[1])
print(json.dumps({
    "modules": len(texts),
    "lines": sum(bool(line.strip()) for text in texts for line in text.splitlines()),
    "locked": len(needs.distributions) + len(needs.transitive),
    "direct": sorted(item.name for item in needs.distributions),
    "could": list(audit.could),
    "asked": list(audit.asked),
}))
"""
    done = subprocess.run([python, "-c", code, str(bundle)], capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else {"facts": done.stderr[-500:]}


def one(name: str, options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Pack and load one program."""
    program = tomllib.loads((PROGRAMS / name / "program.toml").read_text())
    base = work / name
    source, out, empty = base / "author" / name, base / "out", base / "empty"
    shutil.copytree(PROGRAMS / name, source)
    out.mkdir()
    empty.mkdir()
    bundle, numbers = out / "model.kbundle", out / "numbers.npz"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONDONTWRITEBYTECODE": "1"}
    row: dict[str, Any] = {"name": name, "pack": "ok"}
    started = time.perf_counter()
    for line in program["run"]:
        command = line.format(python=options.pack_python, bundle=bundle, numbers=numbers)
        try:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=source,
                env=environment,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            row["pack"] = f"took more than {SECONDS} s"
            return row
        (base / "pack.log").write_text(f"{done.stdout}\n{done.stderr}")
        if done.returncode != 0:
            told = (done.stderr.strip() or done.stdout.strip())[-3000:]
            row["pack"] = told[told.rfind("bundler.errors.") :] if "bundler.errors." in told else told
    row["run_s"] = round(time.perf_counter() - started, 1)
    shutil.move(base / "author", base / "gone")
    if not bundle.exists() or not numbers.exists():
        row["pack"] = "no bundle" if row["pack"] == "ok" else row["pack"]
        return row
    command_line = [options.load_python, __file__, "--load", bundle, numbers, program.get("predict", "predict")]
    loaded = subprocess.run(
        [str(part) for part in command_line],
        cwd=empty,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    (base / "load.log").write_text(f"{loaded.stdout}\n{loaded.stderr}")
    try:
        row |= json.loads(loaded.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        row["load"] = f"crashed: {loaded.stderr[-1500:]}"
    return row | facts_of(bundle, options.load_python)


def works(row: dict[str, Any]) -> bool:
    """Say whether a program came back as the author has it, with one call and no word."""
    return all(row.get(key, "same") in ("ok", "same") for key in ("pack", "load", "outputs", "trains_on"))


def main() -> int:
    """Run the programs that are asked for."""
    if sys.argv[1:2] == ["--load"]:
        print(json.dumps(load(*sys.argv[2:5])))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", metavar="NAME", action="append", help="this program alone (repeat for more)")
    parser.add_argument("--pack-python", default=sys.executable, help="has kbundle and what the programs import")
    parser.add_argument("--load-python", default=sys.executable, help="has kbundle and TensorFlow")
    parser.add_argument("--jobs", type=int, default=2, help="programs at once")
    parser.add_argument("--work", type=Path, help="keep everything in this new folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    options = parser.parse_args()
    names = options.only or sorted(path.parent.name for path in PROGRAMS.glob("*/program.toml"))
    work = Path(options.work or tempfile.mkdtemp(prefix="programs-")).resolve()
    work.mkdir(parents=True, exist_ok=True)
    rows = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for row in pool.map(lambda name: one(name, options, work), names):
            rows.append(row)
            told = {key: str(row[key])[:400] for key in ("pack", "load", "outputs", "trains_on") if key in row}
            print(f"{row['name']}: {'works' if works(row) else told}", flush=True)
    print(f"{sum(map(works, rows))} of {len(rows)} work")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
