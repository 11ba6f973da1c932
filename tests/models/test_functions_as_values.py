"""Functions as activation, loss, metric and in Lambda: the very function comes back, or a line that makes it.

Compared by use: a loss or metric by `evaluate`, and all by a step of training.
"""

from __future__ import annotations

from tests.models.conftest import Workshop

#: Both sides: what a model gives, what it is measured by, and what a step of training makes of it.
USE = """
    import tensorflow as tf
    L = keras.layers
    rng = np.random.default_rng(5)
    x = rng.normal(size=(6, 4)).astype("float32")
    y = np.abs(rng.normal(size=(6, 4))).astype("float32") / 4
    def used(model):
        found = [model.predict(x, verbose=0), model.evaluate(x, y, verbose=0)]
        model.train_on_batch(x, y)
        return np.concatenate([np.ravel(item) for item in (*found, model.predict(x, verbose=0))])
    def stack(activation=None, function=None, *more, loss="mse", metrics=(), **options):
        layers = [L.Dense(4, activation=item) for item in (activation, *more)]
        if function is not None:
            layers.append(L.Lambda(function, output_shape=(4,)))
        model = keras.Sequential([keras.Input((4,)), *layers, L.Dense(4)])
        model.compile("sgd", loss=loss, metrics=list(metrics), **options)
        model.fit(x, y, verbose=0)
        return model
    def packed(name, model):
        bundle(model, f"../hand_over/{name}.kbundle")
        np.save(f"../hand_over/{name}.npy", used(model))
    def back(name):
        model = unbundle(f"../hand_over/{name}.kbundle")
        # Whoever packs what was loaded, or copies it, gets the same.
        bundle(model, f"{name}.kbundle")
        for other in (unbundle(f"{name}.kbundle"), copy.deepcopy(model), model):
            gap = np.abs(used(other) - np.load(f"../hand_over/{name}.npy")).max()
            assert gap < 1e-6, (name, gap)
        return model
"""
CODE = {
    "mine.py": """
        import dataclasses
        import functools
        import keras
        import numpy as np
        import tensorflow as tf
        from keras import ops

        def scaled(x, by):
            return x * by

        tripled = functools.partial(scaled, by=3.0)

        @tf.custom_gradient
        def reversed_gradient(x):
            return tf.identity(x), lambda dy: -dy

        def with_gradient(factor):
            @tf.custom_gradient
            def inner(x):
                return x * 1.0, lambda dy: dy * factor
            return inner

        @tf.function
        def doubled(x):
            return x * 2.0

        class Weighted:
            def __init__(self, weight):
                self.weight = weight
                self.model = None
            def loss(self, y, p):
                return self.weight * ops.mean(ops.abs(y - p), axis=-1) + self.more(p)
            def more(self, p):
                return 0.1 * self.weight * ops.mean(ops.square(p), axis=-1)
            @classmethod
            def plain(cls, y, p):
                return ops.mean(ops.abs(y - p), axis=-1)
            def soften(self, x):
                return x / (1.0 + self.weight * ops.abs(x))

        class Sure:
            def __init__(self):
                self.table = np.asarray([1.0, 2.0, 3.0, 4.0], "float32").reshape(2, 2)[1]
                self.log = open("/dev/null")
            def __call__(self, y, p):
                return ops.mean(ops.abs(y - p)) * self.table[0]

        @dataclasses.dataclass(frozen=True)
        class Power:
            by: float
            def __call__(self, x):
                return ops.sign(x) * ops.abs(x) ** self.by

        def wrapping(base, weight):
            @functools.wraps(base)
            def metric(y, p):
                return ops.mean(base(y, p)) * weight
            return metric

        def named(weight):
            def metric(y, p):
                return ops.mean(ops.abs(y - p)) * weight
            metric.__name__ = f"mae_of_{weight}"
            return metric

        def all_named(weight):
            def metric(y, p):
                return ops.mean(ops.abs(y - p)) * weight
            metric.__name__ = metric.__qualname__ = f"all_{weight}"
            return metric

        def tabled(table):
            table = np.asarray(table, "float32")
            def loss(y, p):
                return ops.mean(ops.abs(y - p) * table, axis=-1)
            return loss

        class Holding:
            def __init__(self):
                self.layer = keras.layers.Dense(4)
            def act(self, x):
                return self.layer(x)
    """
}


def test_keras_ops_gelu_comes_back_as_itself(workshop: Workshop) -> None:
    workshop.author(
        USE
        + """
    import quick_proof
    proved = bundler.bundle(stack(keras.ops.gelu), "proved.kbundle")
    assert proved.manifest.proof is not None
    packed("gelu", stack(keras.ops.gelu))
    packed("named", stack("gelu"))
    """
    )
    workshop.consumer(
        USE
        + """
    model = back("gelu")
    assert model.layers[0].activation is keras.ops.gelu
    assert back("named").layers[0].activation is keras.activations.gelu
    with open_bundle("../hand_over/named.kbundle") as reader:
        assert not reader.manifest.objects and not reader.manifest.modules
    """
    )


FRAMEWORKS = """
    FUNCTIONS = [tf.nn.softmax, tf.nn.relu, tf.nn.swish, tf.sin, tf.abs, keras.ops.sin, keras.ops.relu, np.tanh, abs]
"""


def test_functions_of_the_framework_come_back_as_themselves(workshop: Workshop) -> None:
    workshop.author(
        USE
        + FRAMEWORKS
        + """
    layers = [L.Dense(4, activation=item) for item in FUNCTIONS] + [L.Lambda(tf.square), L.Lambda(keras.ops.sin)]
    model = keras.Sequential([keras.Input((4,)), *layers, L.Dense(4)])
    # NumPy's functions compute on values alone.
    model.compile("sgd", loss=tf.math.squared_difference, metrics=[keras.ops.subtract], run_eagerly=True)
    packed("all", model)
    """
    )
    workshop.consumer(
        USE
        + FRAMEWORKS
        + """
    model = back("all")
    for layer, function in zip(model.layers, FUNCTIONS):
        assert layer.activation is function, function
    assert model.layers[-3].function is tf.square and model.layers[-2].function is keras.ops.sin
    """
    )


def test_methods_partials_and_callable_objects_compute_and_train_the_same(workshop: Workshop) -> None:
    workshop.write(CODE)
    workshop.author(
        USE
        + """
    import mine
    weighted = mine.Weighted(0.5)
    weighted.model = keras.Sequential([L.Dense(1)])
    weighted.weight = 0.25
    class Local:
        def __init__(self, by):
            self.by = by
        def act(self, t):
            return t * self.by
    packed("method", stack(weighted.soften, weighted.soften, loss=weighted.loss, metrics=[weighted.loss]))
    packed("partials", stack(functools.partial(tf.nn.leaky_relu, alpha=0.4),
                             functools.partial(tf.nn.l2_normalize, axis=-1),
                             functools.partial(mine.scaled, by=2.0), mine.tripled,
                             loss=functools.partial(keras.losses.binary_crossentropy, from_logits=True)))
    packed("others", stack(Local(3.0).act, functools.partial(Local(2.0).act), mine.Power(2.0),
                           loss=mine.Weighted.plain, metrics=[mine.Weighted.plain, mine.Sure()]))
    """
    )
    workshop.consumer(
        USE
        + """
    kept = back("method")
    assert kept.layers[0].activation.__self__ is kept.layers[1].function.__self__
    back("partials"), back("others")
    """
    )


def test_decorated_functions_keep_their_gradient(workshop: Workshop) -> None:
    workshop.write(CODE)
    workshop.author(
        USE
        + """
    import mine
    @tf.custom_gradient
    def mirrored(t):
        return tf.identity(t), lambda dy: dy * -2.0
    packed("all", stack(mine.reversed_gradient, mine.doubled, mine.with_gradient(5.0), mirrored))
    """
    )
    workshop.consumer(USE + '\n    back("all")\n')


def test_a_closure_that_wraps_a_function_of_keras_is_not_taken_for_it(workshop: Workshop) -> None:
    workshop.write(CODE)
    workshop.author(
        USE
        + """
    import mine
    wrapped = mine.wrapping(keras.losses.mean_absolute_error, 3.0)
    packed("wrapped", stack(loss=wrapped, metrics=[wrapped, keras.losses.mean_absolute_error]))
    """
    )
    workshop.consumer(USE + '\n    back("wrapped")\n')


def test_a_function_keeps_the_name_that_a_statement_gave_it(workshop: Workshop) -> None:
    workshop.write(CODE)
    workshop.author(
        USE
        + """
    import mine
    packed("named", stack(loss=mine.tabled([1.0, 2.0, 3.0, 4.0]),
                          metrics=[mine.named(0.5), mine.named(2.0), mine.all_named(2)]))
    """
    )
    workshop.consumer(
        USE
        + """
    names = list(back("named").evaluate(x, y, verbose=0, return_dict=True))
    assert {"mae_of_05", "mae_of_20", "all_2"} <= set(names), names
    """
    )


def test_a_method_of_what_holds_a_layer_is_refused_with_a_change_that_works(workshop: Workshop) -> None:
    workshop.write(CODE)
    workshop.author(
        USE
        + """
    import mine
    try:
        bundle(stack(function=mine.Holding().act), "../hand_over/m.kbundle")
    except SourceError as error:
        assert "attribute 'layer'" in str(error) and "make it a class of layers with a call()" in str(error), error
    else:
        raise AssertionError
    class Held(L.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.layer = L.Dense(4)
        def call(self, inputs):
            return self.layer(inputs)
    model = keras.Sequential([keras.Input((4,)), Held(), L.Dense(4)])
    model.compile("sgd", "mse")
    packed("held", model)
    """
    )
    workshop.consumer(USE + '\n    back("held")\n')
