import os

import numpy as np
import pytest

import churn
from bundler import bundle


def test_events_are_padded_at_the_end(settings, data):
    (x, _), _ = data
    assert x.shape[1] == settings.max_events
    is_pad = x == churn.PAD
    assert (np.diff(is_pad.astype(int), axis=1) >= 0).all()


def test_loss_goes_down(trained):
    _, history = trained
    loss = history.history["loss"]
    assert loss[-1] < loss[0]


def test_better_than_majority(trained, data):
    model, _ = trained
    _, (xv, yv) = data
    acc = ((model.predict(xv, verbose=0) > 0.5) == yv).mean()
    assert acc >= max(yv.mean(), 1 - yv.mean())


@pytest.mark.parametrize("cut", [1, 3])
def test_padding_does_not_matter(trained, data, cut):
    model, _ = trained
    _, (xv, _) = data
    short = xv[(xv[:, -cut:] == churn.PAD).all(axis=1)]
    whole = model(short).numpy()
    np.testing.assert_allclose(model(short[:, :-cut]).numpy(), whole, atol=1e-4)


@pytest.mark.packing
def test_pack(trained, data, tmp_path):
    model, _ = trained
    (x, y), (xv, _) = data
    out, numbers = os.environ.get("OUT", str(tmp_path / "m.kbundle")), os.environ.get("NUM", str(tmp_path / "n.npz"))
    probe = xv[:9]
    want = model.predict(probe, verbose=0)
    bundle(model, out)
    assert os.path.exists(out)
    fx, fy = x[:20], y[:20]
    model.train_on_batch(fx, fy)
    np.savez(numbers, x=probe, y=want, fx=fx, fy=fy, after=model.predict(probe, verbose=0))
