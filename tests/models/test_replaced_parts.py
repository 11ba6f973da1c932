"""Layers that were put in the place of others after the model was made come back in those places."""

from __future__ import annotations

from typing import Any

import pytest

from bundler.errors import InvalidBundle
from bundler.keras_io.adapt.replaced import put_back
from tests.models.conftest import Workshop

NETS = """
    import keras
    from keras import layers

    class Lora(layers.Layer):
        def __init__(self, inner, rank, **options):
            super().__init__(name=inner.name, **options)
            self.inner = inner
            self.inner.trainable = False
            self.down = layers.Dense(rank, use_bias=False)
            self.up = (
                layers.EinsumDense("abc,cde->abde", (None, 2, 2))
                if isinstance(inner, layers.EinsumDense)
                else layers.Dense(inner.units)
            )
        def call(self, x):
            return self.inner(x) + self.up(self.down(x))

    class Block(layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.attention = layers.MultiHeadAttention(2, 2)
            self.first = layers.Dense(4)
            self.last = layers.Dense(4)
        def build(self, shape):
            self.attention.build(shape, shape)
            self.first.build(shape)
            self.last.build(shape)
        def call(self, x):
            return self.last(self.first(self.attention(x, x)))

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [Block(), Block()]
            self.head = layers.Dense(3)
        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return self.head(x)
"""
AUTHOR = """
    import quick_proof
    from nets import Lora, Net
    x = np.random.default_rng(0).random((4, 3, 4)).astype("float32")
    model = Net()
    model(x)
    for block in model.blocks:
        for holder, name in ((block.attention, "_query_dense"), (block, "first")):
            holder._tracker.unlock()
            setattr(holder, name, Lora(getattr(holder, name), 2))
            holder._tracker.lock()
    model(x)
    model.compile("adam", "mse")
    model.fit(x, np.ones((4, 3, 3)), verbose=0)
    packed = bundler.bundle(model, "../hand_over/lora.kbundle", prove=True)
    assert "replaced_parts" in {item.kind for item in packed.manifest.adaptations}
    y = model.predict(x, verbose=0)
    model.train_on_batch(x, np.zeros((4, 3, 3)))
    np.savez("../hand_over/lora.npz", x=x, y=y, after=model.predict(x, verbose=0))
"""
CONSUMER = """
    kept = np.load("../hand_over/lora.npz")
    model = unbundle("../hand_over/lora.kbundle")
    assert type(model.blocks[1].attention._query_dense).__name__ == "Lora"
    assert model.blocks[0].first.inner.trainable is False
    check_same(model, kept["x"], kept["y"], "lora")
    model.train_on_batch(kept["x"], np.zeros((4, 3, 3)))
    check_same(model, kept["x"], kept["after"], "after")
"""


def test_replaced_parts_come_back_in_their_places(workshop: Workshop) -> None:
    workshop.write({"nets.py": NETS})
    workshop.author(AUTHOR)
    workshop.consumer(CONSUMER)


NODE = {"class_name": "Dense", "config": {}}


@pytest.mark.parametrize(
    "recorded",
    [
        None,
        {"parts": []},
        {"parts": [[[], NODE]], "tracked": []},
        {"parts": [[[""], NODE]], "tracked": []},
        {"parts": [[[3], NODE]], "tracked": []},
        {"parts": [[["a" * 1001], NODE]], "tracked": []},
        {"parts": [[["head"], {"class_name": "Dense"}]], "tracked": []},
        {"parts": [[["head"], "Dense"]], "tracked": []},
        {"parts": [], "tracked": [["", ["a"] * 50_000]]},
        {"parts": [], "tracked": [[None, []]]},
    ],
)
def test_refuses_replaced_parts_that_are_no_layers_with_places(recorded: Any) -> None:
    with pytest.raises(InvalidBundle):
        put_back(object(), recorded)
