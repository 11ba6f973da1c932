"""Pack models over other people's Keras packages where these are installed, and load them where they are not.

    python run.py --pack-python ZOO/bin/python --load-python BARE/bin/python [--only NAME] [--keras] [--json OUT]

Each model of `models.py` is built, called and bundled in a process of the packing Python, with the source of its
package inside the bundle (`include=`). A process of the loading Python, which must lack that package, unbundles it
from another folder and compares the outputs, then clones it, trains it on as the author's process did, and bundles it
again. ``--beside`` also loads it where the package is imported already: neither may notice the other. ``--keras``
takes the same model through `model.save` and `keras.saving.load_model`, without the package and with it: what fails
there with the package is not a fault of the bundle. README.md beside this file says how to make the environments.

The workers are this file too (``run.py WORKER FOLDER NAME``); they answer through JSON files in FOLDER.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TOLERANCE = 1e-6
#: Sums over a batch in another order, seen up to 3e-6 with equal code.
TRAINING_TOLERANCE = 1e-4
SEED = 7
ROUNDS = 6
STEPS = ("train", "clone", "again", "beside")
GOOD = ("works", "with custom_objects", "-")

Facts = dict[str, Any]


# --- in a worker ------------------------------------------------------------------------------------------------


def attempt(step: Callable[[], Any]) -> Facts:
    """Run `step` and say how it ended; an error is kept with its trace."""
    start = time.perf_counter()
    facts: Facts = {"ok": True}
    try:
        facts.update(step() or {})
    except Exception as error:  # whatever other people's packages raise is the result here
        facts = {
            "ok": False,
            "error": describe(error),
            "trace": plain("".join(traceback.format_exception(error))),
        }
    facts["seconds"] = round(time.perf_counter() - start, 2)
    return facts


def plain(text: str) -> str:
    """Return `text` without terminal colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def describe(error: BaseException) -> str:
    """Return one line for `error`: its type, the first lines of its message and where it was raised."""
    # Keras wraps errors in errors; the innermost one says what happened.
    innermost = plain(str(error)).rpartition("Exception encountered:")[2]
    lines = [line.strip() for line in innermost.splitlines() if line.strip()]
    message = " | ".join(lines[:3])[:400]
    frames = traceback.extract_tb(error.__traceback__)
    where = f" [{short(frames[-1].filename)}:{frames[-1].lineno}]" if frames else ""
    return f"{type(error).__name__}: {message}{where}"


def short(filename: str) -> str:
    """Return `filename` from its package on."""
    return filename.replace(f"{ROOT}{os.sep}", "").rsplit("site-packages" + os.sep, 1)[-1]


def find_bundler() -> None:
    """Make `bundler` importable: the one in the folder given, else the installed one, else the one of this checkout."""
    if folder := os.environ.get("KBUNDLE_ACCEPTANCE"):
        sys.path.insert(0, folder)
    elif importlib.util.find_spec("bundler") is None:
        sys.path.append(str(ROOT))


def call(model: Any, inputs: Any) -> list[Any]:
    """Return the flat outputs of `model` for `inputs`, as arrays."""
    import keras

    return [keras.ops.convert_to_numpy(value) for value in keras.tree.flatten(model(inputs, training=False))]


def store(path: Path, inputs: Any, outputs: list[Any]) -> None:
    """Write the structure and the arrays of `inputs`, and `outputs`, to the .npz file `path`."""
    import numpy as np

    if isinstance(inputs, dict):
        arrays = {f"in:{key}": value for key, value in inputs.items()}
    elif isinstance(inputs, list):
        arrays = {f"in#{index}": value for index, value in enumerate(inputs)}
    else:
        arrays = {"in": inputs}
    np.savez(path, **arrays, **{f"out#{index}": value for index, value in enumerate(outputs)})


def stored(path: Path) -> tuple[Any, list[Any]]:
    """Return what `store` wrote."""
    import numpy as np

    with np.load(path) as file:
        arrays = dict(file)
    outputs = [arrays[f"out#{index}"] for index in range(sum(name.startswith("out#") for name in arrays))]
    if "in" in arrays:
        return arrays["in"], outputs
    if "in#0" in arrays:
        return [arrays[f"in#{index}"] for index in range(sum(name.startswith("in#") for name in arrays))], outputs
    return {name[3:]: value for name, value in arrays.items() if name.startswith("in:")}, outputs


def difference(found: list[Any], expected: list[Any]) -> float:
    """Return the largest absolute difference; infinity where shapes, types or the places of NaN differ."""
    import numpy as np

    if [(value.shape, value.dtype) for value in found] != [(value.shape, value.dtype) for value in expected]:
        return float("inf")
    worst = 0.0
    for ours, theirs in zip(found, expected, strict=True):
        if np.array_equal(ours, theirs, equal_nan=ours.dtype.kind in "fc"):
            continue
        gaps = np.abs(ours - theirs) if ours.dtype.kind in "fc" else np.asarray(float("inf"))
        worst = max(worst, float("inf") if np.isnan(gaps).any() else float(gaps.max()))
    return worst


def compared(model: Any, folder: Path) -> Facts:
    """Call `model` on the stored inputs and compare it with the stored outputs."""
    inputs, expected = stored(folder / "expected.npz")
    return {
        "difference": difference(call(model, inputs), expected),
        "weights": len(model.weights),
        "compiled": bool(model.compiled),
    }


def trained(model: Any, inputs: Any) -> list[Any]:
    """Return the outputs of a compiled `model` after one more epoch on targets made from its own outputs."""
    import keras

    loss = model.loss if isinstance(model.loss, str) else type(model.loss).__name__
    targets = keras.ops.convert_to_numpy(model(inputs, training=False))
    targets = targets.argmax(-1) if "sparse" in loss.lower() else targets + 0.5
    keras.utils.set_random_seed(SEED)
    for layer in model._flatten_layers():  # Keras does not save the state of its seed generators
        for generator in layer._seed_generators:
            generator.state.assign([SEED, 0])
    model.fit(inputs, targets, epochs=1, verbose=0)
    return call(model, inputs)


def used_later(model: Any, folder: Path) -> Facts:
    """What people do with a model after loading it: clone it, and train it on as the author would have."""
    import keras

    inputs, _ = stored(folder / "expected.npz")

    def clone() -> Facts:
        copy = keras.models.clone_model(model)
        copy(inputs)  # a subclassed model has weights only then
        copy.set_weights(model.get_weights())
        return {"difference": difference(call(copy, inputs), call(model, inputs))}

    later = {"clone": attempt(clone)}
    if (folder / "trained.npz").exists():
        _, expected = stored(folder / "trained.npz")
        later["train"] = attempt(lambda: {"difference": difference(trained(model, inputs), expected)})
    return later


def pack_worker(folder: Path, name: str) -> Facts:
    """Build the model, keep its outputs, save it with Keras and bundle it."""
    sys.path.insert(0, str(HERE))
    from models import SAMPLES

    sample = SAMPLES[name]
    facts: Facts = {}
    kept: list[Any] = []

    def build() -> Facts:
        model, inputs = sample.build()
        outputs = call(model, inputs)
        store(folder / "expected.npz", inputs, outputs)
        kept.extend((model, inputs))
        return {
            "parameters": model.count_params(),
            "weights": len(model.weights),
            "compiled": bool(model.compiled),
        }

    facts["build"] = attempt(build)
    if not kept:
        return facts
    prefixes = tuple(f"{module}." for module in sample.modules)
    facts["imported"] = sorted(m for m in sys.modules if m in sample.modules or m.startswith(prefixes))
    facts["save"] = attempt(lambda: kept[0].save(folder / "plain.keras"))

    def pack() -> Facts:
        from bundler import bundle

        target = folder / "model.kbundle"
        settings = {"include": sample.distributions, "overwrite": True}
        unproved = None
        try:
            packed = bundle(kept[0], target, **settings)
        except Exception as error:  # a proof that fails does not keep us from seeing how the model loads
            try:
                packed = bundle(kept[0], target, prove=False, **settings)
            except Exception:
                raise error from None
            unproved = describe(error)
        manifest = packed.manifest
        return {
            "unproved": unproved,
            "size": packed.path.stat().st_size,
            "modules": len(manifest.modules),
            "objects": [f"{item.kind}:{item.key}" for item in manifest.objects],
            "requirements": [f"{item.name}=={item.version}" for item in manifest.requirements.distributions],
        }

    find_bundler()
    facts["pack"] = attempt(pack)
    (folder / "trained.npz").unlink(missing_ok=True)
    if kept[0].compiled:
        facts["train"] = attempt(lambda: store(folder / "trained.npz", kept[1], trained(*kept)))
    return facts


def absent(modules: list[str]) -> None:
    """Make sure that none of `modules` can be imported here."""
    present = [module for module in modules if importlib.util.find_spec(module) is not None]
    if present:
        raise SystemExit(f"the loading Python has {', '.join(present)}: the test would show nothing")


def loaded(path: Path) -> tuple[Any, Facts]:
    """Return the model of the bundle at `path` and the words that it took: none at first, then those asked for."""
    from bundler import unbundle
    from bundler.errors import ConsentRequired

    facts: Facts = {"asked": [], "asks": []}
    for _ in range(ROUNDS):
        try:
            return unbundle(path, allow=facts["asked"]), facts
        except ConsentRequired as error:
            words = words_of(error)
            if not words - set(facts["asked"]):
                raise
            facts["asked"] = sorted({*facts["asked"], *words})
            facts["asks"] += [str(reason) for reason in error.reasons] or [describe(error)]
    raise AssertionError(f"asks for one more word after {ROUNDS} loads: {facts['asked']}")


def words_of(error: BaseException) -> set[str]:
    """Return the words that an error asks for, or one that it came from."""
    found: set[str] = set()
    seen: set[int] = set()
    chain: BaseException | None = error
    while chain is not None and id(chain) not in seen:
        seen.add(id(chain))
        found |= {str(word) for word in getattr(chain, "words", ())}
        chain = chain.__cause__ or chain.__context__
    return found


def what_was_used(path: Path) -> Facts:
    """Return what the code of the bundle at `path` used and what it was refused, where this bundler records it."""
    from bundler.namespace.tree import loaded_namespaces

    facts: Facts = {"used": [], "refused": []}
    for namespace in loaded_namespaces():
        record = getattr(namespace.guard, "record", None)
        for kind in facts:
            facts[kind] += [
                f"{use.capability}: {use.what} [{use.module}:{use.line}]" for use in getattr(record, kind, ())
            ]
    facts["bundle"] = path.name
    return facts


def load_worker(folder: Path, name: str) -> Facts:
    """Unbundle without the package, compare, and use the model; `name` is the list of its modules."""
    modules = name.split(",")
    absent(modules)
    find_bundler()
    from bundler import bundle

    kept: list[Any] = []

    def load() -> Facts:
        model, facts = loaded(folder / "model.kbundle")
        kept.append(model)
        return facts

    def again() -> Facts:
        bundle(kept[0], folder / "again.kbundle", overwrite=True)
        model, facts = loaded(folder / "again.kbundle")
        return {**compared(model, folder), **facts}

    facts: Facts = {"load": attempt(load)}
    if kept:
        facts["at_load"] = what_was_used(folder / "model.kbundle")
        facts["compare"] = attempt(lambda: compared(kept[0], folder))
        facts["again"] = attempt(again)
        facts["later"] = used_later(kept[0], folder)
        leaked = sorted(module for module in modules if module in sys.modules)
        facts["names"] = {
            "ok": not leaked,
            "error": f"in sys.modules: {leaked}" if leaked else None,
        }
        facts["at_end"] = what_was_used(folder / "model.kbundle")
    return facts


def keras_without_worker(folder: Path, name: str) -> Facts:
    """Load the .keras file where the package is absent."""
    import keras

    absent(name.split(","))
    return {"load": attempt(lambda: compared(keras.saving.load_model(folder / "plain.keras"), folder))}


def keras_with_worker(folder: Path, name: str) -> Facts:
    """Load the .keras file in a fresh process after importing the modules that were loaded when it was saved."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    for module in name.split(","):
        importlib.import_module(module)
    import keras

    kept: list[Any] = []
    facts: Facts = {"load": attempt(lambda: kept.append(keras.saving.load_model(folder / "plain.keras")))}
    if not kept:
        # The package registers nothing: give every class of its modules by its bare name, as a user would.
        classes = {
            key: value
            for module in name.split(",")
            for key, value in vars(sys.modules[module]).items()
            if isinstance(value, type) and value.__module__ == module
        }
        facts["unregistered"] = facts["load"]
        facts["load"] = attempt(
            lambda: kept.append(keras.saving.load_model(folder / "plain.keras", custom_objects=classes))
        )
    if kept:
        facts["compare"] = attempt(lambda: compared(kept[0], folder))
        facts["later"] = used_later(kept[0], folder)
    return facts


def beside_worker(folder: Path, name: str) -> Facts:
    """Unbundle in a process that has imported the package itself: neither may notice the other."""
    modules = name.split(",")
    for module in modules:
        importlib.import_module(module)
    import keras

    find_bundler()
    before = dict(keras.saving.get_custom_objects())
    known = {module: sys.modules[module] for module in modules}
    kept: list[Any] = []

    def untouched() -> Facts:
        after = keras.saving.get_custom_objects()
        changed = sorted(key for key, value in before.items() if after.get(key) is not value)
        new = sorted(key for key in after.keys() - before.keys() if not key.startswith("_kbundle_"))
        moved = sorted(module for module in modules if sys.modules.get(module) is not known[module])
        owned = [part for part in kept[0]._flatten_layers() if type(part).__module__ in known]
        if changed or new or moved or owned:
            raise AssertionError(f"changed keys {changed}, new keys {new}, modules {moved}, host's layers {owned}")
        return {}

    facts: Facts = {"load": attempt(lambda: kept.append(loaded(folder / "model.kbundle")[0]))}
    if kept:
        facts["compare"] = attempt(lambda: compared(kept[0], folder))
        facts["untouched"] = attempt(untouched)
    return facts


WORKERS: dict[str, Callable[[Path, str], Facts]] = {
    "pack": pack_worker,
    "load": load_worker,
    "keras-without": keras_without_worker,
    "keras-with": keras_with_worker,
    "beside": beside_worker,
}


# --- in the runner ----------------------------------------------------------------------------------------------


def spawn(options: argparse.Namespace, worker: str, folder: Path, name: str) -> Facts:
    """Run a worker in a process of its Python, in a folder of its own, and return its answer."""
    python = options.pack_python if worker in ("pack", "keras-with", "beside") else options.load_python
    answer = folder / f"{worker}.json"
    answer.unlink(missing_ok=True)
    elsewhere = folder / f"cwd-{worker}"
    elsewhere.mkdir(exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": "tensorflow",
        "KBUNDLE_OFFLINE": "1",
    }
    if options.bundler:
        environment["KBUNDLE_ACCEPTANCE"] = str(options.bundler.resolve())
    # -P keeps this folder out of the worker's import path.
    command = [
        python,
        "-P",
        str(Path(__file__).resolve()),
        "--worker",
        worker,
        str(folder),
        name,
    ]
    try:
        done = subprocess.run(
            command,
            cwd=elsewhere,
            env=environment,
            capture_output=True,
            text=True,
            timeout=options.timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"died": f"no answer in {options.timeout} s"}
    (folder / f"{worker}.log").write_text(done.stdout + done.stderr)
    if done.returncode or not answer.exists():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {"died": f"exit {done.returncode}: {last}", "trace": done.stderr[-4000:]}
    return json.loads(answer.read_text())


def run_sample(sample: Any, options: argparse.Namespace, work: Path) -> Facts:
    """Take one model through every process and return what happened."""
    folder = work / sample.name
    folder.mkdir(parents=True, exist_ok=True)
    modules = ",".join(sample.modules)
    result: Facts = {
        "name": sample.name,
        "distributions": sample.distributions,
        "shows": sample.shows,
    }
    result["broken"] = sample.broken
    result["pack"] = spawn(options, "pack", folder, sample.name)
    if result["pack"].get("pack", {}).get("ok"):
        result["load"] = spawn(options, "load", folder, modules)
        if options.beside:
            result["beside"] = spawn(options, "beside", folder, ",".join(result["pack"]["imported"]))
    if options.keras and result["pack"].get("save", {}).get("ok"):
        result["keras_without"] = spawn(options, "keras-without", folder, modules)
        result["keras_with"] = spawn(options, "keras-with", folder, ",".join(result["pack"]["imported"]))
    result["row"] = row(result)
    return result


def failure(facts: Facts | None, *steps: str) -> str | None:
    """Return the first error of `steps`, or why the worker said nothing; None where all went well."""
    if facts is None:
        return "not run"
    if "died" in facts:
        return facts["died"]
    for step in steps:
        if not facts.get(step, {}).get("ok"):
            return facts.get(step, {}).get("error", "not run")
    return None


def row(result: Facts) -> Facts:
    """Return the line of the table for `result`."""
    packing, loading = result["pack"], result.get("load")
    pack_error = failure(packing, "build", "pack")
    load_error = None if pack_error else failure(loading, "load", "compare", "names")
    line: Facts = {
        "model": result["name"],
        "package": "+".join(result["distributions"]),
        "packed": not pack_error,
        "loaded": not pack_error and not load_error,
        "error": pack_error or load_error,
        "expected": bool(result["broken"] and load_error and result["broken"] in load_error),
    }
    if line["packed"]:
        line |= {key: packing["pack"][key] for key in ("size", "modules", "unproved")}
        line["asked"] = loading.get("load", {}).get("asked")
        line["asks"] = loading.get("load", {}).get("asks", [])
        line["swallowed"] = loading.get("at_load", {}).get("refused", [])
    if line["loaded"]:
        compare = loading["compare"]
        line["difference"] = compare["difference"]
        line["same"] = (
            compare["difference"] <= TOLERANCE
            and compare["weights"] == packing["build"]["weights"]
            and compare["compiled"] == packing["build"]["compiled"]
        )
        line["after"] = {step: outcome(facts, step) for step, facts in loading["later"].items()}
        line["after"]["again"] = outcome(loading["again"])
        if "beside" in result:
            line["after"]["beside"] = failure(result["beside"], "load", "compare", "untouched") or outcome(
                result["beside"]["compare"]
            )
    if "keras_without" in result:
        line["keras_without"] = failure(result["keras_without"], "load") or "works"
        line["keras_after"] = {
            step: outcome(facts, step) for step, facts in result["keras_with"].get("later", {}).items()
        }
        line["keras_with"] = failure(result["keras_with"], "load", "compare") or verdict(result["keras_with"])
    elif "save" in packing and not packing["save"]["ok"]:
        line["keras_with"] = f"cannot save: {packing['save']['error']}"
    return line


def outcome(facts: Facts, step: str = "") -> str:
    """Return ``ok``, the difference, or the error of a step."""
    if not facts["ok"]:
        return facts["error"]
    tolerance = TRAINING_TOLERANCE if step == "train" else TOLERANCE
    gap = facts.get("difference", 0.0)
    return "ok" if gap <= tolerance else f"differs by {gap:.1e}"


def verdict(facts: Facts) -> str:
    """Return how the model that Keras loaded with the package compares."""
    gap = facts["compare"]["difference"]
    if gap > TOLERANCE:
        return f"loads, differs by {gap:.1e}"
    return "with custom_objects" if "unregistered" in facts else "works"


def table(lines: list[Facts]) -> str:
    """Return the result as a Markdown table, and the errors below it."""
    heads = ("model", "package", "packed", "loaded", "words", "difference", "bytes", "modules", *STEPS, "Keras with it")
    out = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    notes = []
    for line in lines:
        after = line.get("after", {})
        keras = line.get("keras_with", "-")
        cells = [
            line["model"],
            line["package"],
            ("yes" if not line.get("unproved") else "unproved") if line["packed"] else "NO",
            ("yes" if line.get("same") else "DIFFERS") if line["loaded"] else refused(line),
            "?" if line.get("asked") is None else " ".join(line["asked"]) or "none",
            f"{line['difference']:.1e}" if "difference" in line else "-",
            str(line.get("size", "-")),
            str(line.get("modules", "-")),
            *(mark(after.get(step, "-"), line.get("keras_after", {}).get(step)) for step in STEPS),
            keras if keras in GOOD else "fails",
        ]
        out.append("| " + " | ".join(cells) + " |")
        if line["error"]:
            notes.append(f"{line['model']}: {line['error']}")
        if line.get("unproved"):
            notes.append(f"{line['model']}, proof: {line['unproved']}")
        notes += [f"{line['model']} asks: {reason}" for reason in line.get("asks", ())]
        notes += [f"{line['model']} was refused and went on: {use}" for use in line.get("swallowed", ())]
        for step, text in after.items():
            if text != "ok":
                same = line.get("keras_after", {}).get(step, "ok") != "ok"
                notes.append(f"{line['model']}, {step}: {text}" + " (with Keras alone too)" * same)
        if keras not in GOOD:
            notes.append(f"{line['model']}, Keras with the package: {keras}")
    return "\n".join([*out, "", *notes])


def refused(line: Facts) -> str:
    """Return the cell for a model that did not come back."""
    if line["expected"]:
        return "package"
    return "NO" if line["packed"] else "-"


def lost_steps(line: Facts) -> list[str]:
    """Return the steps that fail after the load though they work with Keras alone, as far as that was tried."""
    keras = line.get("keras_after")
    return [
        step
        for step, text in line.get("after", {}).items()
        if text != "ok" and (step in ("again", "beside") or (keras is not None and keras.get(step, "ok") == "ok"))
    ]


def mark(text: str, keras: str | None) -> str:
    """Return the cell for an outcome, beside the outcome with Keras alone."""
    if text in ("ok", "-"):
        return text
    return "FAILS" if keras in (None, "ok") else "as Keras"


def main() -> int:
    """Run the command line; exit status 1 if a model did not come back the same, or does less than with Keras alone."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pack-python", default=sys.executable, help="a Python that has the packages")
    parser.add_argument(
        "--load-python",
        required=True,
        help="a Python that has TensorFlow but not the packages",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="a model, or a distribution",
    )
    parser.add_argument(
        "--bundler",
        type=Path,
        metavar="DIR",
        help="the folder that holds the bundler to test",
    )
    parser.add_argument("--keras", action="store_true", help="also save and load with Keras alone")
    parser.add_argument(
        "--beside",
        action="store_true",
        help="also load where the package is imported already",
    )
    parser.add_argument("--timeout", type=int, default=420, metavar="SECONDS", help="for each process")
    parser.add_argument("--jobs", type=int, default=1, help="models at a time")
    parser.add_argument("--work", type=Path, help="keep bundles, logs and answers in this folder")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    options = parser.parse_args()
    sys.path.insert(0, str(HERE))
    from models import SAMPLES

    chosen = [s for s in SAMPLES.values() if not options.only or {s.name, *s.distributions} & set(options.only)]
    if not chosen:
        parser.error(f"no such model; there are {', '.join(SAMPLES)}")
    with tempfile.TemporaryDirectory(prefix="acceptance-") as scratch:
        work = (options.work or Path(scratch)).resolve()

        def run(sample: Any) -> Facts:
            result = run_sample(sample, options, work)
            line = result["row"]
            ending = line["error"] or ("same" if line["same"] else "DIFFERS")
            print(f"{sample.name}: {ending[:160]}", file=sys.stderr, flush=True)
            return result

        with ThreadPoolExecutor(options.jobs) as pool:
            results = list(pool.map(run, chosen))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    lines = [result["row"] for result in results]
    print(table(lines))
    good = sum(bool(line.get("same")) and not lost_steps(line) for line in lines)
    known = sum(line["expected"] for line in lines)
    by_default = sum(bool(line.get("same")) and line["asked"] == [] for line in lines)
    packed = sum(line["packed"] for line in lines)
    print(f"\n{by_default} of {packed} packed models load with no word and compute the same")
    print(f"\n{good} passed, {len(lines) - good - known} failed, {known} skipped")
    return int(good + known != len(lines))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        WORKER, FOLDER, NAME = sys.argv[2:5]
        FACTS = WORKERS[WORKER](Path(FOLDER), NAME)
        (Path(FOLDER) / f"{WORKER}.json").write_text(json.dumps(FACTS))
    else:
        raise SystemExit(main())
