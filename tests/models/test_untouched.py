"""Packing changes nothing in the author's process, and loading nothing in the host's."""

from __future__ import annotations

import pytest

from tests.models.conftest import Workshop

MODELS = """
    import keras
    from keras import layers, ops

    class Own(layers.Layer):
        def __init__(self, width=3, **options):
            super().__init__(**options)
            self.width = width
            self.calls = 0
            self.inner = layers.Dense(width)
        def build(self, shape):
            self.inner.build(shape)
        def call(self, x):
            self.calls += 1
            return self.inner(x)
        def get_config(self):
            return {**super().get_config(), "width": self.width}

    class Own2(layers.Layer):
        def __init__(self, width):
            super().__init__()
            self.inner = layers.Dense(width)
        def build(self, shape):
            self.inner.build(shape)
        def call(self, x):
            return self.inner(x)

    class Pair(keras.Model):
        "Two parts, two optimizers, a training step of its own that counts and draws."
        def __init__(self, **options):
            super().__init__(**options)
            self.maker, self.judge = layers.Dense(3), layers.Dense(1)
            self.steps, self.seen = 0, []
        def call(self, x):
            return self.judge(self.maker(x))
        def train_step(self, data):
            x, y = data
            self.steps += 1
            self.seen.append(self.steps)
            noise = keras.random.normal(ops.shape(x))
            import tensorflow as tf
            with tf.GradientTape() as tape:
                loss = ops.mean(ops.square(self(x + noise) - y[:, :1]))
            self.optimizer.apply(tape.gradient(loss, self.trainable_weights), self.trainable_weights)
            return {"loss": loss}

    def functional():
        x = keras.Input((6,))
        y = layers.Dropout(0.5)(layers.BatchNormalization()(layers.Dense(4)(x)))
        return keras.Model(x, layers.Dense(3)(y))

    def own():
        return keras.Sequential([keras.Input((6,)), Own(), layers.GaussianNoise(0.1), layers.Dense(3)])

    def forgetful():
        return keras.Sequential([keras.Input((6,)), Own2(4), layers.Dense(3)])

    def pair():
        model = Pair()
        model(keras.ops.zeros((1, 6)))
        return model

    def recurrent():
        return keras.Sequential(
            [keras.Input((6,), batch_size=12), layers.Reshape((6, 1)), layers.LSTM(3, stateful=True), layers.Dense(3)]
        )

    def builder():
        return functional()
"""


@pytest.mark.parametrize("trained", [True, False], ids=["trained", "compiled"])
@pytest.mark.parametrize("name", ["functional", "own", "forgetful", "pair", "recurrent"])
def test_leaves_the_authors_process_as_it_was(workshop: Workshop, name: str, trained: bool) -> None:
    workshop.write({"models.py": MODELS})
    workshop.author(
        f"""
        from programs import *
        import builtins, models, os, tempfile
        # A table that the whole process runs by: emptied for a moment, it would end all.
        models.KNOWN = vars(builtins)
        model = models.{name}()
        model.compile(keras.optimizers.Adam(), "mse", metrics=["mae"] if {name != "pair"} else None)
        if {trained}:
            model.fit(X, Y, batch_size=12, verbose=0)
            model.predict(X, batch_size=12, verbose=0)
        # What a first use makes once for a whole process is made.
        tf.random.normal((1,)), keras.random.normal((1,)), np.random.normal(), tf.random.get_global_generator()
        before = process_digest(model)
        packed = bundler.bundle(model, FOLDER / "model.kbundle", offline=True)
        after = process_digest(model)
        same(before, after)
        if {trained}:
            model.fit(X, Y, batch_size=12, verbose=0)
        """
    )
    workshop.consumer(
        """
        from programs import *
        tf.random.normal((1,)), keras.random.normal((1,)), np.random.normal(), tf.random.get_global_generator()
        keras.config.set_dtype_policy("mixed_bfloat16")
        mine = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
        mine.compile("sgd", "mse")
        before = process_digest(mine)
        model = unbundle(FOLDER / "model.kbundle", self_test=True)
        after = process_digest(mine)
        same(before, after)
        """
    )


@pytest.mark.parametrize(
    "how",
    [
        "bundler.bundle('model.keras', FOLDER / 'file.kbundle', sources=[source], offline=True)",
        "bundler.bundle(model, FOLDER / 'built.kbundle', builder=models.builder, offline=True)",
        "bundler.bundle(model, FOLDER / 'graph.kbundle', payload='inference', offline=True)",
        "bundler.bundle(model, FOLDER / 'both.kbundle', payload='both', offline=True)",
        "refused()",
    ],
    ids=["file", "builder", "graph", "both", "refused"],
)
def test_leaves_the_authors_process_as_it_was_by_other_ways(workshop: Workshop, how: str) -> None:
    workshop.write({"models.py": MODELS})
    workshop.author(
        f"""
        from programs import *
        import models, os
        source = os.path.dirname(models.__file__)
        model = models.functional()
        model.compile("adam", "mse")
        model.fit(X, Y, verbose=0)
        model.save("model.keras")
        def refused():
            try:
                bundler.bundle(model, "no such folder/model.kbundle")
            except PackError:
                return
            raise AssertionError("not refused")
        tf.random.normal((1,)), keras.random.normal((1,)), np.random.normal(), tf.random.get_global_generator()
        before = process_digest(model)
        {how}
        after = process_digest(model)
        same(before, after)
        """
    )
