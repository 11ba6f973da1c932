"""The proof notices one change in a bundle; each rule here was found by a mutant that had survived."""

from __future__ import annotations

import pytest

from tests.models.conftest import Workshop

NETS = """
    import keras
    import tensorflow as tf
    from keras import layers, ops

    class Often(layers.Dropout):
        pass

    class Own(keras.Model):
        def __init__(self, width=3, **options):
            super().__init__(**options)
            self.width = width
            self.dense = layers.Dense(width)
        def call(self, x):
            return self.dense(x)
        def get_config(self):
            return {**super().get_config(), "width": self.width}

    class Pair(Own):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = 1.0 * ops.mean(ops.square(y - self(x)))
            self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_weights), self.trainable_weights))
            self.seen.update_state(loss)
            return {"seen": self.seen.result()}
        def build(self, shape):
            self.seen = keras.metrics.Mean(name="seen")
            self.dense.build(shape)

    class Alone(Pair):
        def train_step(self, x):
            return super().train_step((ops.square(x), x[:, :3]))

    class SignMomentum(keras.optimizers.Optimizer):
        def build(self, variables):
            if self.built:
                return
            super().build(variables)
            self._m = [self.add_variable_from_reference(v, name="m") for v in variables]
        def update_step(self, gradient, variable, learning_rate):
            m = self._m[self._get_variable_index(variable)]
            self.assign(m, 0.9 * m + 0.1 * gradient)
            self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * ops.sign(m))
"""

INNER = """
inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)], name="inner")
inner.compile("adam", "mse", loss_weights=1.0)
inner.fit(X, Y, verbose=0)
model = keras.Sequential([keras.Input((6,)), inner])
"""
MUTANTS = {
    "state_of_a_generator": (
        "model = keras.Sequential([keras.Input((6,)), keras.layers.Dropout(0.5), keras.layers.Dense(3)])",
        "manifest=lambda told: dataclasses.replace(told, seeds=tuple(dataclasses.replace(seed, state=(1, 2)) "
        "for seed in told.seeds))",
        ("state", "in another state: _layers/1/seed_generator"),
    ),
    "optimizer_of_a_part": (
        INNER,
        "weights=lambda file: add_one(file, 'layers/sequential/optimizer/vars/2')",
        ("weights", "the variable of the optimizer at _layers/1/optimizer"),
    ),
    "loss_of_a_part": (
        INNER,
        "config=lambda tree: nodes(tree, 'Sequential')[1]['compile_config'].update(loss='mae')",
        ("state", "_user_loss is 'mse' and comes back as 'mae'"),
    ),
    "weight_of_a_loss_of_a_part": (
        INNER,
        "config=lambda tree: nodes(tree, 'Sequential')[1]['compile_config'].update(loss_weights=0.5)",
        ("state", "_user_loss_weights is 1.0 and comes back as 0.5"),
    ),
    "optimizer_of_an_own_model": (
        "model = nets.Own(); model.compile('adam', 'mse'); model.fit(X, Y, verbose=0)",
        "example_inputs=X, config=lambda tree: nodes(tree, 'Adam')[0]['config'].update(clipnorm=0.1)",
        ("state", "model/optimizer: clipnorm is None and comes back as 0.1"),
    ),
    "value_of_a_base_class": (
        "model = keras.Sequential([keras.Input((6,)), nets.Often(0.5), keras.layers.Dense(3)])",
        "config=lambda tree: nodes(tree, 'Often')[0]['config'].update(rate=0.25)",
        ("state", "rate is 0.5 and comes back as 0.25"),
    ),
    "class_of_an_object": (
        "model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])",
        "config=lambda tree: nodes(tree, 'GlorotUniform')[0].update(class_name='Zeros', config={})",
        ("state", "kernel_initializer is a GlorotUniform and comes back as a Zeros"),
    ),
    "object_that_is_gone": (
        "model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, kernel_constraint='non_neg')])",
        "config=lambda tree: nodes(tree, 'Dense')[0]['config'].update(kernel_constraint=None)",
        ("state", "kernel_constraint is a NonNeg and comes back as None"),
    ),
    "train_step_that_takes_a_pair": (
        "model = nets.Pair(); model.compile('adam'); model.fit(X, Y, verbose=0)",
        "example_inputs=X, source=('1.0 * ops.mean', '3.0 * ops.mean')",
        ("next_step", "seen is"),
    ),
    "train_step_that_takes_inputs_alone": (
        "model = nets.Alone(); model.compile('adam'); model.fit(X, verbose=0)",
        "example_inputs=X, source=('ops.square(x)', 'ops.abs(x)')",
        ("next_step", "seen is"),
    ),
    "what_an_optimizer_keeps": (
        "model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)]); "
        "model.compile(nets.SignMomentum(0.01), 'mse'); model.fit(X, Y, verbose=0)",
        "source=('0.1 * gradient', '0.2 * gradient')",
        ("next_step", "_m changes by"),
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_notices_a_change_of(workshop: Workshop, name: str) -> None:
    made, change, (stage, words) = MUTANTS[name]
    workshop.write({"nets.py": NETS})
    workshop.author(
        f"""
        import dataclasses
        from changed import *
        import nets
        X = np.random.RandomState(0).normal(size=(12, 6)).astype("float32")
        Y = np.random.RandomState(1).uniform(size=(12, 3)).astype("float32")
        {made.strip().replace(chr(10), chr(10) + "        ")}
        found, told = refusal(model, {change})
        print(found, told)
        assert found == {stage!r}, found
        assert {words!r} in told, told
        """
    )


def test_takes_the_methods_that_hold_settings_for_no_attributes_of_the_model(workshop: Workshop) -> None:
    """Found by a mutant that was noticed for another reason: an honest model of this kind was refused."""
    workshop.write(
        {
            "parts.py": """
                import keras
                import numpy as np
                def member(seed):
                    kernel = keras.initializers.GlorotUniform(seed + 1)
                    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer=kernel)])
                class Together(keras.Model):
                    def __init__(self, seeds):
                        super().__init__()
                        self.members = [member(hash(str(seed)) % 7) for seed in seeds]
                        self.shares = np.ones(len(seeds)) / len(seeds)
                    def call(self, x):
                        return sum(share * member(x) for share, member in zip(self.shares, self.members))
            """
        }
    )
    workshop.author(
        """
        import quick_proof
        from parts import Together
        keras.config.set_epsilon(1e-2)
        model = Together([4, 9])
        model(np.ones((1, 3), "float32"))
        packed = bundler.bundle(model, "../hand_over/m.kbundle", offline=True)
        assert "attributes" in {item.kind for item in packed.manifest.adaptations}, packed.manifest.adaptations
        """
    )
    workshop.consumer(
        """
        model = unbundle("../hand_over/m.kbundle")
        bundle(model, "again.kbundle", offline=True)
        x = np.ones((1, 3), "float32")
        assert np.allclose(unbundle("again.kbundle")(x), model(x))
        """
    )
