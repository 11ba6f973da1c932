"""Imported by the scripts of the adaptation tests: hand a model over, and check what came back."""

import json
import pathlib

import keras
import numpy as np
import quick_proof  # noqa: F401 - first, while the process is as good as new

from bundler import bundle, unbundle

FOLDER = pathlib.Path("../hand_over")


def _named(value):
    return value if isinstance(value, dict) else {str(index): item for index, item in enumerate(value)}


def _flat(outputs):
    return [np.asarray(item) for item in keras.tree.flatten(outputs)]


def hand_over(model, x, name="model", **options):
    """Pack `model` and leave what it predicts for `x`."""
    packed = bundle(model, FOLDER / f"{name}.kbundle", **options)
    outputs = _flat(model(x, training=False))
    np.savez(FOLDER / f"{name}.npz", **{f"y{index}": item for index, item in enumerate(outputs)})
    inputs = x if isinstance(x, dict) else {"x": x}
    np.savez(FOLDER / f"{name}-x.npz", **inputs)
    facts = {
        "weights": [float(np.abs(weight).sum()) for weight in model.get_weights()],
        "trainable": len(model.trainable_weights),
        "name": model.name,
        "is_dict": isinstance(x, dict),
        "kinds": sorted({item.kind for item in packed.manifest.adaptations}),
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(facts))
    return packed


def receive(name="model", again=True):
    """Load the model, compare it, pack what was loaded and load that too; return the loaded model."""
    facts = json.loads((FOLDER / f"{name}.json").read_text())
    inputs = dict(np.load(FOLDER / f"{name}-x.npz"))
    x = inputs if facts["is_dict"] else inputs["x"]
    expected = np.load(FOLDER / f"{name}.npz")
    model = unbundle(FOLDER / f"{name}.kbundle")
    _compare(model, x, expected, facts)
    if again:
        bundle(model, f"{name}-again.kbundle", overwrite=True)
        _compare(unbundle(f"{name}-again.kbundle"), x, expected, facts)
    return model, x


def _compare(model, x, expected, facts):
    assert isinstance(model, keras.Model)
    sums = [float(np.abs(weight).sum()) for weight in model.get_weights()]
    assert np.allclose(sums, facts["weights"], rtol=1e-5), "weights differ"
    assert len(model.trainable_weights) == facts["trainable"], "trainable weights differ"
    assert model.name == facts["name"], f"name {model.name}"
    for index, output in enumerate(_flat(model(x, training=False))):
        gap = np.abs(output.astype("float64") - expected[f"y{index}"]).max()
        assert gap <= 1e-5, f"outputs differ by {gap}"


def train(model, x):
    """Fit one step, whatever the model is compiled with."""
    y = np.zeros_like(np.asarray(model(x, training=False)))
    if not model.compiled:
        model.compile("sgd", "mse")
    before = [np.array(weight) for weight in model.get_weights()]
    model.fit(x, y, epochs=1, verbose=0)
    assert any(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
