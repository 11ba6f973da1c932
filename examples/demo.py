"""`make demo`: the main job, end to end, in the folder .demo.

1. Train a model whose layers, loss and metric are in a package of several modules, and pack it.
2. Remove the source.
3. Load the bundle in a fresh interpreter, in another folder, and compare the predictions.
4. Show what the bundle says about itself.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent / ".demo"
AUTHOR, CONSUMER = DEMO / "author", DEMO / "consumer"


def step(text):
    print(f"\n== {text}", flush=True)


def run(*command, cwd):
    print(f"$ {' '.join(Path(part).name if os.path.isabs(part) else part for part in command)}", flush=True)
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "TF_ENABLE_ONEDNN_OPTS": "0"}
    subprocess.run(command, cwd=cwd, env=quiet, check=True)


def main():
    shutil.rmtree(DEMO, ignore_errors=True)
    shutil.copytree(HERE / "several_modules", AUTHOR, ignore=shutil.ignore_patterns("__pycache__", "use.py"))
    CONSUMER.mkdir()

    step("the author trains and packs")
    run(sys.executable, "train.py", cwd=AUTHOR)

    step("the bundle goes to another folder, and the source is removed")
    for name in ("wine.kbundle", "wine_inputs.npz"):
        shutil.move(AUTHOR / name, CONSUMER / name)
    shutil.rmtree(AUTHOR)
    shutil.copy(HERE / "several_modules" / "use.py", CONSUMER)
    print("left:", ", ".join(sorted(path.name for path in CONSUMER.iterdir())), flush=True)

    step("a fresh interpreter loads it there, compares the predictions and goes on training")
    run(sys.executable, "use.py", cwd=CONSUMER)

    step("what the bundle says about itself, without TensorFlow")
    run(sys.executable, "-m", "bundler", "inspect", "wine.kbundle", cwd=CONSUMER)


if __name__ == "__main__":
    main()
