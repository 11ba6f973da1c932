"""What an audit costs: CPU seconds of a whole process over a bare interpreter, for a bundle with twenty modules.

::

    python benchmarks/audit_cost.py [--runs 5] [--peer "modelscan -p {}"]

The modules are those of Keras's own layers, so that the source is what people write. A peer is any command that reads
the model file in the bundle; ``{}`` stands for its path.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.audit.bundles import DENSE, keras_file, model, write


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer", help="a command to compare with; {} is the path of the .keras file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "twenty.kbundle"
        texts = modules(20)
        write(bundle, code=texts)
        payload = Path(folder) / "model.keras"
        payload.write_bytes(keras_file(model(DENSE)))
        print(f"{len(texts)} modules, {sum(map(len, texts.values()))} bytes of source; medians of {options.runs} runs")
        bare = cpu([sys.executable, "-c", "pass"], options.runs)
        print(f"bare interpreter        {bare:.3f} s")
        for name, command in (
            ("kbundle audit", [sys.executable, "-m", "bundler", "audit", str(bundle)]),
            (
                "kbundle audit --html",
                [sys.executable, "-m", "bundler", "audit", str(bundle), "--html", f"{folder}/p.html"],
            ),
            ("kbundle inspect", [sys.executable, "-m", "bundler", "inspect", str(bundle)]),
        ):
            spent = cpu([*command, "--overwrite"] if "--html" in command else command, options.runs)
            print(f"{name:22}  {spent:.3f} s, {spent - bare:.3f} s over it")
        if options.peer:
            spent = cpu(shlex.split(options.peer.format(payload)), options.runs)
            print(f"{'peer':22}  {spent:.3f} s, {spent - bare:.3f} s over it")


def modules(count: int) -> dict[str, str]:
    """Return the source of the first `count` modules of layers in the installed Keras, as modules of one package."""
    spec = importlib.util.find_spec("keras")
    assert spec is not None
    assert spec.origin is not None
    files = sorted(Path(spec.origin).parent.glob("src/layers/*/*.py"))
    texts = [file.read_text() for file in files if "class " in file.read_text() and "_test" not in file.name]
    return {f"layer_{index:02}": text for index, text in enumerate(texts[:count])}


def cpu(command: list[str], runs: int) -> float:
    """Return the median CPU seconds, user and system, of `command`."""
    spent = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(spent)


if __name__ == "__main__":
    main()
