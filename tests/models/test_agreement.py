"""When two outputs count as equal."""

from __future__ import annotations

from tests.models.conftest import Workshop


def test_numbers_are_compared_at_their_own_scale(workshop: Workshop) -> None:
    workshop.author("""
        from bundler.keras_io.agreement import difference
        tolerance = (1e-4, 1e-4)
        def beyond(one, other):
            return difference(np.asarray(one), np.asarray(other), tolerance).beyond
        assert not beyond([1.0, 0.0], [1.00005, 0.00005])
        assert beyond([1.0, 0.0], [1.0, 0.001])
        # Both tiny: a fixed tolerance would call them equal.
        assert beyond([1e-6, 2e-6], [2e-6, 1e-6])
        assert not beyond([1e-6, 2e-6], [1e-6, 2.00001e-6])
        assert not beyond([0.0], [0.0]) and beyond([0.0], [1e-9])
        assert not beyond([np.nan, np.inf], [np.nan, np.inf])
        assert beyond([np.nan], [1.0]) and beyond([np.inf], [-np.inf]) and beyond([1.0], [np.nan])
    """)


def test_what_is_no_number_must_be_equal(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        from bundler.keras_io.agreement import difference
        tolerance = (1e-1, 1e-1)
        assert difference(np.array([1, 2]), np.array([1, 3]), tolerance).largest == 1.0
        assert difference(np.array([1, 2]), np.array([1, 3]), tolerance).beyond
        assert difference(tf.constant(["a"]), tf.constant(["b"]), tolerance).beyond
        assert not difference(tf.constant(["a"]), tf.constant(["a"]), tolerance).beyond
        assert "became" in difference(np.ones((2, 1)), np.ones(2), tolerance).shape
        assert "became" in difference(np.ones(2, "float32"), np.ones(2, "float64"), tolerance).shape
        assert "2 tensors became 1" in difference([np.ones(1), np.ones(1)], np.ones(1), tolerance).shape
        half = tf.cast(tf.constant([1.0]), tf.bfloat16)
        assert not difference({"x": half}, {"x": half}, tolerance).beyond
        assert difference({"x": half}, {"x": half * 3}, tolerance).beyond
        ragged = tf.ragged.constant([[1.0], [2.0, 3.0]])
        assert difference(ragged, tf.ragged.constant([[1.0, 2.0], [3.0]]), tolerance).beyond
    """)
