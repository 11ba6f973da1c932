"""The same program comes back: settings, values, seeds, frozen parts, functions, and the next step of training."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.models.conftest import Workshop

NETS = """
    import enum
    import keras
    from keras import layers, ops

    HIGH = 1.0
    CONFIG = {"alpha": 0.5}

    class Settings:
        gamma = 1.0
    settings = Settings()

    class Kind(enum.Enum):
        PLAIN = 1
        DOUBLE = 2

    def half(x):
        return x / 2

    class Block(layers.Layer):
        FACTOR = 1.0
        def __init__(self, width=4, **options):
            super().__init__(**options)
            self.width = width
            self.inner = layers.Dense(width)
            self.drop = layers.Dropout(0.5)
            self.shift = 0.0
            self.kind = Kind.PLAIN
            self.last = None
        def build(self, shape):
            self.inner.build(shape)
        def call(self, x, training=None):
            x = self.drop(ops.clip(self.inner(x), -HIGH, HIGH), training=training)
            x = x * self.FACTOR * getattr(settings, "gamma") + self.shift
            x = x * 2.0 if self.kind is Kind.DOUBLE else x
            return x if self.last is None else self.last(x)
        def get_config(self):
            return {**super().get_config(), "width": self.width}

    class Distance(keras.losses.Loss):
        def __init__(self, **options):
            super().__init__(**options)
            self.weight = 1.0
        def call(self, y, p):
            return self.weight * ops.mean(ops.abs(y - p), axis=-1) * CONFIG["alpha"]

    class Pooled(layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.pool = layers.GlobalAveragePooling2D()
        def call(self, x):
            return self.pool(ops.reshape(x, (-1, 2, 3, 1)))

    class Noisy(layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.generator = keras.random.SeedGenerator(7)
        def call(self, x):
            return x + keras.random.normal(ops.shape(x), seed=self.generator)
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the author does before and after the model is trained, and what is recorded of it.

    `first` is a statement that both scripts begin with, and `told` are words of the notes.
    """

    before: str = ""
    model: str = "keras.Sequential([keras.Input((6,)), nets.Block(name='block'), keras.layers.Dense(3)])"
    compiled: str = "'adam', nets.Distance()"
    after: str = ""
    kinds: tuple[str, ...] = ()
    host: str = ""
    check: str = ""
    told: tuple[str, ...] = ()
    first: str = ""


POOLED = "keras.Sequential([keras.Input((6,)), nets.Pooled(name='block'), keras.layers.Dense(3)])"

CASES = {
    "plain_with_dropout": Case(first="import graphs"),
    "host_policy": Case(
        host="keras.config.set_dtype_policy('mixed_float16')",
        check="assert model.get_layer('block').inner.compute_dtype == 'float32'",
    ),
    "authors_policy": Case(
        before="keras.config.set_dtype_policy('mixed_float16')",
        check="assert model.get_layer('block').inner.compute_dtype == 'float16'; "
        "assert type(model.optimizer).__name__ == 'LossScaleOptimizer'",
    ),
    "both_policies": Case(
        before="keras.config.set_dtype_policy('mixed_bfloat16')",
        host="keras.config.set_dtype_policy('mixed_float16')",
        check="assert model.get_layer('block').inner.compute_dtype == 'bfloat16'",
    ),
    "authors_settings": Case(
        before="keras.config.set_floatx('float64'); keras.config.set_epsilon(1e-2); "
        "keras.config.set_image_data_format('channels_first')",
        model=POOLED,
        compiled="'sgd', 'binary_crossentropy'",
        check="assert model.layers[-1].kernel.dtype == 'float64'",
    ),
    "hosts_settings": Case(
        host="keras.config.set_floatx('float64'); keras.config.set_epsilon(1e-2); "
        "keras.config.set_image_data_format('channels_first')",
        model=POOLED,
        compiled="'sgd', 'binary_crossentropy'",
    ),
    "values_of_modules_and_classes": Case(
        compiled="'sgd', nets.Distance()",
        after="nets.HIGH = 0.1; nets.CONFIG.update(alpha=7.0); nets.settings.gamma = 3.0; nets.Block.FACTOR = 2.0",
        kinds=("class_values", "module_values"),
        told=("HIGH", "CONFIG", "settings", "FACTOR"),
    ),
    "values_of_objects": Case(
        first="import graphs",
        compiled="'sgd', nets.Distance()",
        after="block = model.get_layer('block'); block.shift = 0.5; block.kind = nets.Kind.DOUBLE; "
        "block.last = nets.half; block.drop.rate = 0.1; block.inner.bias.trainable = False; loss.weight = 9.0",
        kinds=("object_values",),
        told=("shift", "kind", "last", "rate", "trainable", "weight"),
    ),
    "a_lambda_and_weights_without_decay": Case(
        compiled="optimizer, nets.Distance()",
        before="optimizer = keras.optimizers.AdamW(weight_decay=0.5); "
        "optimizer.exclude_from_weight_decay(var_names=['bias'])",
        after="model.get_layer('block').last = lambda x: x + 1",
        kinds=("object_values",),
        told=("last", "decay"),
    ),
    "part_frozen_before_compile": Case(
        before="FROZEN = True",
        compiled="keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)), nets.Distance()",
        kinds=("object_values",),
        check="assert not model.get_layer('block').inner.trainable",
    ),
    "part_frozen_and_rate_set_after_compile": Case(
        after="model.get_layer('block').inner.trainable = False; model.optimizer.learning_rate = 0.37",
        kinds=("object_values",),
        check="assert not model.get_layer('block').inner.trainable",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_trains_on_as_its_author_would(workshop: Workshop, name: str) -> None:
    case = CASES[name]
    workshop.write({"nets.py": NETS})
    workshop.author(
        f"""
        {case.first}
        from programs import *
        import nets
        FROZEN = False
        {case.before}
        loss = nets.Distance()
        model = {case.model}
        if FROZEN:
            model.get_layer("block").inner.trainable = False
        model.compile({case.compiled.replace("nets.Distance()", "loss")})
        model.fit(X, Y, verbose=0)
        {case.after}
        packed = pack(model)
        kinds = tuple(sorted({{item.kind for item in packed.manifest.adaptations}}))
        assert kinds == {case.kinds!r}, packed.manifest.adaptations
        assert all(any(name in note for note in packed.notes) for name in {case.told!r}), packed.notes
        assert set(packed.manifest.proof.checks) >= {{"state", "next_step"}}, packed.notes
        """
    )
    workshop.consumer(
        f"""
        {case.first}
        from programs import *
        {case.host}
        names = "dtype_policy floatx image_data_format epsilon".split()
        settings = [str(getattr(keras.config, name)()) for name in names]
        model = train_on()
        assert [str(getattr(keras.config, name)()) for name in names] == settings
        {case.check}
        # It is packed once more, and goes on from there.
        model.predict(X, verbose=0)
        bundler.bundle(model, "again.kbundle", offline=True)
        again = unbundle("again.kbundle")
        model.train_on_batch(X, Y), again.train_on_batch(X, Y)
        near(again.predict(X, verbose=0), model.predict(X, verbose=0), 1e-6, "the second bundle")
        """
    )


def test_next_draws_are_the_authors_next_draws(workshop: Workshop) -> None:
    workshop.write({"nets.py": NETS})
    workshop.author(
        """
        from programs import *
        import copy, pickle, nets
        model = keras.Sequential([keras.Input((6,)), nets.Noisy(), keras.layers.Dense(3)])
        model(X)
        bundler.bundle(model, FOLDER / "model.kbundle", offline=True)
        np.savez(FOLDER / "drawn.npz", first=model(X), second=model(X))
        """
    )
    workshop.consumer(
        """
        from programs import *
        import copy, pickle
        drawn = np.load(FOLDER / "drawn.npz")
        model = unbundle(FOLDER / "model.kbundle")
        near(model(X), drawn["first"], 1e-6, "the first draw")
        # Copies go on from where the model is now.
        twins = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
        for twin in (model, *twins):
            near(twin(X), drawn["second"], 1e-6, "the second draw")
        """
    )


def test_refuses_by_name_what_cannot_be_recorded(workshop: Workshop) -> None:
    workshop.write({"nets.py": NETS})
    workshop.author(
        """
        from programs import *
        import nets
        model = keras.Sequential([keras.Input((6,)), nets.Block(name="block"), keras.layers.Dense(3)])
        model.compile("sgd", nets.Distance())
        nets.CONFIG["key"] = "x" * 4_000_000
        before = sorted(FOLDER.iterdir())
        try:
            bundler.bundle(model, FOLDER / "refused.kbundle", offline=True)
        except PackError as error:
            print(error)
            assert "nets: CONFIG" in str(error) and "bytes" in str(error), error
        else:
            raise AssertionError("not refused")
        assert sorted(FOLDER.iterdir()) == before
        """
    )


def test_names_a_method_that_was_replaced_on_an_object(workshop: Workshop) -> None:
    workshop.write({"nets.py": NETS})
    workshop.author(
        """
        from programs import *
        import types
        import nets
        model = keras.Sequential([keras.Input((6,)), nets.Block(name="block"), keras.layers.Dense(3)])
        model.compile("sgd", "mse")
        def twice(self, x, training=None):
            return 2.0 * self.inner(x)
        block = model.get_layer("block")
        block.call = types.MethodType(twice, block)
        try:
            bundler.bundle(model, FOLDER / "refused.kbundle", offline=True)
        except PackError as error:
            print(error)
            assert "call" in str(error) and "_layers/1" in str(error), error
        else:
            raise AssertionError("not refused")
        """
    )


def test_leaves_paths_and_the_environment_behind(workshop: Workshop) -> None:
    workshop.write(
        {
            "nets.py": NETS,
            "paths.py": """
                import os
                import keras
                FOLDER = "nowhere"
                WORD = "none"
                class Named(keras.layers.Layer):
                    def call(self, x):
                        return x + len(FOLDER) * 0 + len(WORD) * 0
            """,
        }
    )
    workshop.author(
        """
        import os
        from programs import *
        import paths
        model = keras.Sequential([keras.Input((6,)), paths.Named(), keras.layers.Dense(3)])
        os.environ["SECRET_WORD"] = "swordfish"
        paths.FOLDER, paths.WORD = "/home/author/data", "swordfish"
        packed = bundler.bundle(model, FOLDER / "model.kbundle", offline=True)
        assert not packed.manifest.adaptations
        assert sum("left as the code sets it" in note for note in packed.notes) == 2, packed.notes
        assert b"swordfish" not in (FOLDER / "model.kbundle").read_bytes()
        """
    )


def test_mutated_loss_is_noticed_by_the_next_step(workshop: Workshop) -> None:
    """What no attribute and no weight shows: a default argument that was set at run time."""
    workshop.write(
        {
            "nets.py": """
                from keras import ops
                def distance(y, p, weight=1.0):
                    return weight * ops.mean(ops.abs(y - p), axis=-1)
            """
        }
    )
    workshop.author(
        """
        from programs import *
        import nets
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
        nets.distance.__defaults__ = (5.0,)
        model.compile("sgd", nets.distance)
        try:
            bundler.bundle(model, FOLDER / "refused.kbundle", offline=True)
        except PackError as error:
            print(error)
            assert "distance" in str(error) or error.stage == "next_step", error
        else:
            raise AssertionError("not refused")
        """
    )


def test_a_generator_of_tensorflow_draws_on_where_its_author_stopped(workshop: Workshop) -> None:
    workshop.write(
        {
            "masks.py": """
                import keras
                import tensorflow as tf

                class Mask(keras.layers.Layer):
                    def __init__(self, **options):
                        super().__init__(**options)
                        self.rng = tf.random.Generator.from_seed(3)
                    def call(self, x, training=None):
                        return x * self.rng.uniform(tf.shape(x)) if training else x
            """
        }
    )
    workshop.author("""
        from programs import *
        import masks
        model = keras.Sequential([keras.Input((6,)), masks.Mask(name="mask"), keras.layers.Dense(3)])
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0)
        packed = pack(model)
        (seed,) = packed.manifest.seeds
        assert seed.place.endswith("/rng"), seed
    """)
    workshop.consumer("""
        from programs import *
        train_on()
    """)
