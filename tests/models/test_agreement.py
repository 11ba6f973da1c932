"""What leaves no trace in a model, what is one structure of arrays, and in which dtype a model computes."""

from __future__ import annotations

from tests.models.conftest import Workshop


def test_a_call_leaves_no_trace_in_any_variable_below_the_model(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        from bundler.keras_io.held import unchanged
        class Hidden(keras.layers.Layer):
            def __init__(self):
                super().__init__()
                self.plain = {"counts": [tf.Variable(0, trainable=False)], "generator": tf.random.Generator.from_seed(1)}
                self.weight = self.add_weight(shape=(2,), initializer="ones", trainable=True)
            def call(self, x):
                self.plain["counts"][0].assign_add(1)
                self.weight.assign(self.weight * 2)
                self.plain["generator"].normal((1,))
                return x
        model = keras.Sequential([
            keras.Input((3, 2), batch_size=2), keras.layers.LSTM(3, stateful=True), Hidden(),
            keras.layers.GaussianNoise(1.0, seed=3),
        ])
        held = [*model.layers[0].states, *model.variables, model.layers[1].plain["counts"][0],
                model.layers[1].plain["generator"].state]
        before = [np.array(variable) for variable in held]
        with unchanged(model):
            model(np.ones((2, 3, 2)), training=True)
            assert sum((old != np.array(new)).any() for old, new in zip(before, held)) >= 5
        try:
            with unchanged(model):
                model(np.ones((2, 3, 2)), training=True)
                raise KeyError
        except KeyError:
            pass
        for old, new in zip(before, held):
            assert (old == np.array(new)).all(), new
    """)


def test_tensors_and_arrays_are_each_others_inverse(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        from bundler.keras_io.arrays import dump, parse
        from bundler.keras_io.comparison import Tolerances, compare
        from bundler.keras_io.tensors import as_arrays, as_tensors
        exact = Tolerances(absolute=0.0, relative=0.0)
        value = {
            "ragged": tf.ragged.constant([[[1.0], []], [[2.0, 3.0]]]), "sparse": tf.sparse.eye(3),
            "words": [tf.constant(["ü", "b"]), None], "half": (tf.ones(2, tf.bfloat16),),
        }
        back = as_tensors(parse(dump(as_arrays(value)), "x"))
        tf.nest.assert_same_structure(value, back, expand_composites=True)
        assert compare(as_arrays(value), as_arrays(back), exact).problem is None
        other = {**value, "ragged": tf.ragged.constant([[[1.0]], [[2.0], [3.0]]])}
        assert compare(as_arrays(value), as_arrays(other), exact).problem is not None
        assert compare(as_arrays(value), as_arrays({**value, "half": value["half"] * 2}), exact).problem is not None
    """)


def test_a_quantized_layer_computes_in_int8(workshop: Workshop) -> None:
    workshop.author("""
        from bundler.keras_io.calls import compute_dtypes
        model = keras.Sequential([keras.Input((3,)), keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])])
        assert compute_dtypes(model, np.ones(1, "float32")) == {"float32"}
        model.quantize("int8")
        assert "int8" in compute_dtypes(model, np.ones(1, "float32"))
    """)
