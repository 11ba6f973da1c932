"""Run the matrix and write `docs/matrix.md`: ``python -m tests.acceptance.matrix``, or ``make matrix``.

Each environment (a Python, a Keras and a TensorFlow without GPU) gets a wheel of this checkout, trains and packs the
models of `models.py`, and loads what every other one packed. Environments are made once, in the user's cache folder,
with uv if there is one; Pythons are not fetched.

    python -m tests.acceptance.matrix                       # all that this machine has
    python -m tests.acceptance.matrix --python 3.13 --pair 3.15/2.21 --pair 3.16/2.22 --work /tmp/matrix
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from tools.environments import PYTHONS, ROOT, Unavailable, Versions, built_wheel, environment, install

HERE = Path(__file__).resolve().parent
PAGE = ROOT / "docs" / "matrix.md"
#: The oldest Keras and TensorFlow that are supported, and the newest.
PAIRS = ("3.10/2.19", "3.15/2.21")
#: What can come of a bundle, the best first.
OUTCOMES = {
    "same": "it loads without a word, and outputs, loss and metrics are the author's within 1e-5",
    "warns": "the same, after a `RequirementsWarning` that names what may differ",
    "differs": "it loads, and computes something else",
    "refused": "`RequirementsNotMet`, which names what will break, before any of its code runs",
    "fails": "another error",
}
_ASK = """
import importlib.metadata as m, json, platform
names = ("keras", "tensorflow-cpu", "numpy", "protobuf", "h5py")
print(json.dumps({"Python": platform.python_version(), **{name: m.version(name) for name in names}}))
"""

Facts = dict[str, Any]


def main() -> int:
    """Run what was asked for; return 1 if a bundle differs or fails anywhere."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", help="a minor version; all supported ones without this")
    parser.add_argument("--pair", action="append", help="KERAS/TENSORFLOW; the oldest and the newest without this")
    parser.add_argument("--work", type=Path, help="keep the bundles here")
    parser.add_argument("--offline", action="store_true", help="make no environment that is not there")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the table is written")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (options.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        wanted = [
            Versions(python, *pair.split("/"))
            for python, pair in product(options.python or PYTHONS, options.pair or PAIRS)
        ]
        programs, absent = _environments(wanted, options.offline)
        versions = {name: json.loads(_run(program, "-c", _ASK)) for name, program in programs.items()}
        packed = {}
        for name, program in programs.items():
            print(f"packs: {name}", flush=True)
            (work / name).mkdir(exist_ok=True)
            _run(program, HERE / "cell.py", "pack", work / name)
            packed[name] = json.loads((work / name / "packed.json").read_text())
        loaded: dict[tuple[str, str], Facts] = {}
        for consumer, program in programs.items():
            answer = work / f"loaded-by-{consumer}.json"
            _run(program, "-P", HERE / "cell.py", "load", answer, *(work / author for author in programs))
            for author, cell in json.loads(answer.read_text()).items():
                loaded[author, consumer] = cell
                print(f"{author} -> {consumer}: {_counted(cell)}", flush=True)
    options.page.write_text("\n".join(page(versions, absent, packed, loaded)) + "\n", "utf-8")
    print(f"written: {options.page}")
    bad = any(outcome(facts) in ("differs", "fails") for cell in loaded.values() for facts in cell.values())
    return 1 if bad or any(facts for of_one in packed.values() for facts in of_one.values()) else 0


def _environments(wanted: list[Versions], offline: bool) -> tuple[dict[str, Path], dict[str, str]]:
    """Return the interpreters of the environments, with this checkout installed, and why others are absent."""
    programs, absent = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        wheel = built_wheel(Path(folder))
        for versions in wanted:
            try:
                program = environment(versions, offline=offline)
                install(program, [wheel], "--no-deps", "--force-reinstall")
                programs[str(versions)] = program
            except Unavailable as error:
                absent[str(versions)] = str(error)
                print(f"absent: {versions}: {error}", flush=True)
    return programs, absent


def _run(program: Path, *arguments: str | Path) -> str:
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [str(program), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tempfile.gettempdir(),
        env=kept | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
    )
    if done.returncode:
        raise SystemExit(f"{program} {' '.join(map(str, arguments))} failed:\n{done.stderr[-4000:]}")
    return done.stdout


def outcome(facts: Facts) -> str:
    """Return the word of `OUTCOMES` for what came of one bundle."""
    if facts.get("refused"):
        return "refused"
    if "error" in facts:
        return "fails"
    if not facts["same"]:
        return "differs"
    return "warns" if facts["warned"] else "same"


def _counted(cell: Mapping[str, Facts]) -> str:
    counts = Counter(outcome(facts) for facts in cell.values())
    return ", ".join(f"{word} {counts[word]}" for word in OUTCOMES if counts[word])


def page(
    versions: Mapping[str, Mapping[str, str]],
    absent: Mapping[str, str],
    packed: Mapping[str, Facts],
    loaded: Mapping[tuple[str, str], Mapping[str, Facts]],
) -> Iterator[str]:
    """Yield the lines of the page."""
    names = list(versions)
    models = len(packed[names[0]]) if names else 0
    yield "# Who can load whose bundles"
    yield ""
    yield f"Made by `make matrix`: {models} small models with custom code (`tests/acceptance/matrix/models.py`) are"
    yield "trained and packed in each environment, and each other one loads them. A number counts models."
    yield ""
    yield from (f"- **{word}**: {meaning}" for word, meaning in OUTCOMES.items())
    yield ""
    yield "| packed by \\ loaded by | " + " | ".join(map(_short, names)) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for author in names:
        yield f"| **{_short(author)}** | " + " | ".join(_counted(loaded[author, other]) for other in names) + " |"
    yield ""
    yield "## What was said"
    yield ""
    yield from _reasons(loaded, packed)
    yield ""
    yield "## With which versions"
    yield ""
    columns = list(versions[names[0]]) if names else []
    yield "| | " + " | ".join(columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for name in names:
        yield f"| {_short(name)} | " + " | ".join(versions[name].values()) + " |"
    yield ""
    yield "## Absent"
    yield ""
    yield from (f"- {_short(name)}: {why}" for name, why in absent.items()) if absent else ["Nothing."]


def _reasons(
    loaded: Mapping[tuple[str, str], Mapping[str, Facts]], packed: Mapping[str, Mapping[str, Facts]]
) -> Iterator[str]:
    said: dict[str, list[str]] = {}
    refused: Counter[str] = Counter()
    for author, facts_of in packed.items():
        for model, facts in facts_of.items():
            if facts:
                said.setdefault(f"not packed: {facts['error']}", []).append(f"{model} by {_short(author)}")
    for (author, consumer), cell in loaded.items():
        for model, facts in cell.items():
            word = outcome(facts)
            if word == "refused":
                error = facts.get("error", "something else").partition(" |   next step")[0]
                refused["the same" if facts.get("same") else error] += 1
            texts = {
                "refused": facts.get("refused"),
                "warns": facts.get("warned"),
                "fails": [facts.get("error")],
                "differs": [f"by {facts.get('off')}"],
            }.get(word)
            for text in texts or ():
                said.setdefault(f"{word}: {text}", []).append(f"{model}, {_short(author)} to {_short(consumer)}")
    for text, where in sorted(said.items()):
        yield f"- {len(where)} x {text} ({where[0]}{', ...' if len(where) > 1 else ''})"
    if not said:
        yield "Nothing."
    for what, count in refused.items():
        yield f'- of those that were refused, {count} gave, loaded with `requirements="ignore"`: {what}'


def _short(name: str) -> str:
    python, keras, tensorflow = name.split("-")
    return f"{python.removeprefix('py')}, Keras {keras.removeprefix('keras')}, TF {tensorflow.removeprefix('tf')}"


if __name__ == "__main__":
    sys.exit(main())
