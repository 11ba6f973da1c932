"""When two outputs count as equal, and how far they may be apart."""

from __future__ import annotations

from tests.models.conftest import Workshop


def test_outputs_of_tensorflow_are_compared_as_arrays(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        from bundler.keras_io.calls import nested_arrays
        from bundler.keras_io.difference import Tolerances, compare
        def problem(one, other):
            return compare(nested_arrays(one), nested_arrays(other), Tolerances(absolute=1e-1, relative=1e-1)).problem
        assert problem(tf.constant(["a"]), tf.constant(["b"])) and not problem(tf.constant(["a"]), tf.constant(["a"]))
        assert problem(tf.constant(["a"]), tf.constant([b"a\\0"])), "NumPy cuts NULs off"
        half = tf.cast(tf.constant([1.0]), tf.bfloat16)
        assert not problem({"x": half}, {"x": half}) and "'x'" in problem({"x": half}, {"x": half * 3})
        ragged = tf.ragged.constant([[1.0], [2.0, 3.0]])
        assert not problem(ragged, ragged) and "row_splits" in problem(ragged, tf.ragged.constant([[1.0, 2.0], [3.0]]))
        sparse = tf.sparse.from_dense([[1.0, 0.0]])
        assert not problem(sparse, sparse) and problem(sparse, tf.sparse.from_dense([[0.0, 1.0]]))
        assert not problem([2, 1.5, True, None], (tf.constant(2), tf.constant(1.5), tf.constant(True), None))
    """)


def test_the_tolerance_is_that_of_the_dtype_that_the_model_computes_in(workshop: Workshop) -> None:
    workshop.author("""
        from bundler.keras_io.calls import tolerances_of
        from bundler.keras_io.difference import REPLAYED, TRACED
        def found(*layers, usual=REPLAYED):
            model = keras.Sequential([keras.Input((4,)), *layers])
            return tolerances_of(model, np.ones(3, "float32"), usual).absolute
        assert found(keras.layers.Dense(2)) == REPLAYED
        assert found(keras.layers.Dense(2), usual=TRACED) == TRACED
        # Out of sight of model.layers, and cast back to float32 at the end.
        inner = keras.Sequential([keras.layers.Dense(2, dtype="mixed_bfloat16")])
        assert found(inner, keras.layers.Activation("relu", dtype="float32"), usual=TRACED) == 5e-2
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        model.quantize("int8")
        assert tolerances_of(model, np.ones(3, "float32")).absolute == 5e-2
        # An output of ids is not computed in int8.
        assert tolerances_of(keras.Sequential([keras.Input((4,))]), np.ones(3, "int8")).absolute == REPLAYED
    """)
