"""What runs in one environment: ``cell.py pack FOLDER``, or ``python -P cell.py load ANSWER FOLDER...``.

`pack` imports what lies beside this file; `load` must not find it, therefore ``-P``.

`pack` trains each model, bundles it into FOLDER, and keeps what it computes. `load` loads what lies in each FOLDER, and
says of each bundle whether it computes and scores the same. A bundle that is refused for its requirements is loaded
once more without asking, so that the table can say whether the refusal was needed.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

#: float32 through other versions of the same kernels.
TOLERANCE = 1e-5


def pack(folder: Path) -> None:
    """Bundle every model into `folder`."""
    import keras
    import numpy as np
    from models import MODELS

    from bundler import bundle

    answers = {}
    for name, make in MODELS.items():
        keras.utils.set_random_seed(11)
        model, inputs, targets = make()
        model.fit(inputs, targets, epochs=2, verbose=0)
        try:
            bundle(model, folder / f"{name}.kbundle", example_inputs=inputs, offline=True, overwrite=True)
        except Exception as error:
            answers[name] = {"error": _described(error)}
            continue
        given = inputs if isinstance(inputs, dict) else {"x": inputs}
        given = {key: np.asarray(value) for key, value in given.items()}
        given = {key: value.astype("S") if value.dtype == object else value for key, value in given.items()}
        outputs = keras.ops.convert_to_numpy(model(inputs, training=False))
        np.savez(
            folder / f"{name}.npz", targets=targets, outputs=outputs, scores=_scores(model, inputs, targets), **given
        )
        answers[name] = {}
    (folder / "packed.json").write_text(json.dumps(answers))


def load(answer: Path, folders: list[Path]) -> None:
    """Load every bundle of `folders`, and write what came of it to the file `answer`."""
    answers = {
        folder.name: {path.stem: _loaded(path) for path in sorted(folder.glob("*.kbundle"))} for folder in folders
    }
    answer.write_text(json.dumps(answers))


def _loaded(path: Path) -> dict[str, Any]:
    from bundler import RequirementsNotMet, RequirementsWarning, unbundle

    facts: dict[str, Any] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = unbundle(path)
        except RequirementsNotMet as error:
            facts["refused"] = list(error.problems)
            try:
                model = unbundle(path, requirements="ignore")
            except Exception as other:
                return facts | {"error": _described(other)}
        except Exception as error:
            return {"error": _described(error)}
        told = [str(item.message) for item in caught if issubclass(item.category, RequirementsWarning)]
        facts["warned"] = [part for text in told for part in text.rpartition(" packed on: ")[2].split("; ")]
    try:
        return facts | _compared(model, path.with_suffix(".npz"))
    except Exception as error:
        return facts | {"error": _described(error)}


def _compared(model: Any, kept: Path) -> dict[str, Any]:
    """Return how far outputs and scores are from the author's."""
    import keras
    import numpy as np
    import tensorflow as tf

    with np.load(kept) as file:
        arrays = dict(file)
    targets, outputs, scores = (arrays.pop(name) for name in ("targets", "outputs", "scores"))
    inputs = arrays["x"] if set(arrays) == {"x"} else {key: tf.constant(array) for key, array in arrays.items()}
    found = keras.ops.convert_to_numpy(model(inputs, training=False))
    off = [float(np.abs(found - outputs).max()), float(np.abs(_scores(model, inputs, targets) - scores).max())]
    return {"off": max(off), "same": max(off) <= TOLERANCE}


def _scores(model: Any, inputs: Any, targets: Any) -> Any:
    import numpy as np

    return np.array(list(model.evaluate(inputs, targets, verbose=0, return_dict=True).values()), "float64")


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {' | '.join(str(error).split(chr(10))[:6])}"[:600]


if __name__ == "__main__":
    if sys.argv[1] == "pack":
        pack(Path(sys.argv[2]))
    else:
        load(Path(sys.argv[2]), [Path(folder) for folder in sys.argv[3:]])
