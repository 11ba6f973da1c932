"""What a self-test and the agreement of a graph rest on: calls without a trace, arrays, dtypes, example inputs."""

from __future__ import annotations

from tests.models.conftest import Workshop


def test_a_call_leaves_no_trace_in_any_variable_below_the_model(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        from bundler.keras_io.selftest.untouched import untouched
        class Hidden(keras.layers.Layer):
            def __init__(self):
                super().__init__()
                generator = tf.random.Generator.from_seed(1)
                self.plain = {"counts": [tf.Variable(0, trainable=False)], "generator": generator}
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
        with untouched(model):
            model(np.ones((2, 3, 2)), training=True)
            assert sum((old != np.array(new)).any() for old, new in zip(before, held)) >= 5
        try:
            with untouched(model):
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
        from bundler.keras_io.selftest.arrays import dump, parse
        from bundler.keras_io.selftest.output_difference import Tolerances, compare
        from bundler.keras_io.selftest.tensors import as_arrays, as_tensors
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
        from bundler.keras_io.selftest.model_call import compute_dtypes
        model = keras.Sequential([keras.Input((3,)), keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])])
        assert compute_dtypes(model, np.ones(1, "float32")) == {"float32"}
        model.quantize("int8")
        assert "int8" in compute_dtypes(model, np.ones(1, "float32"))
    """)


def test_a_dict_of_argument_names_is_keyword_arguments(workshop: Workshop) -> None:
    workshop.author("""
        from bundler.keras_io.selftest.arrays import Keywords
        from bundler.keras_io.selftest.samples import given
        x = np.ones((2, 3), "float32")
        class One(keras.Model):
            def call(self, features, training=None):
                return (features["features"] if isinstance(features, dict) else features) + 1
        class Two(keras.Model):
            def call(self, query, value=None, mask=None):
                return query if value is None else query + value
        def kind(model, inputs):
            packed = bundle(model, "../hand_over/m.kbundle", payload="inference", example_inputs=inputs, overwrite=True)
            unbundle("../hand_over/m.kbundle", self_test=True)
            assert [spec.name for spec in packed.manifest.payload.inputs] == sorted(inputs)
            return type(given(model, inputs).inputs)
        assert kind(One(), {"features": x}) is Keywords
        built = One()
        built({"features": x})
        assert kind(built, {"features": x}) is dict
        assert kind(Two(), {"query": x}) is Keywords
        assert kind(Two(), {"query": x, "value": x}) is Keywords
        a, b = keras.Input((3,), name="inputs"), keras.Input((3,), name="mask")
        assert kind(keras.Model({"inputs": a, "mask": b}, a + b), {"inputs": x, "mask": x}) is dict
        assert type(given(Two(), {"value": x}).inputs) is dict
    """)


def test_doubles_become_floats_unless_the_model_takes_doubles(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        from bundler.keras_io.selftest.samples import given
        one = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        exact = keras.Sequential([keras.Input((3,), dtype="float64"), keras.layers.Dense(2)])
        x = np.ones((2, 3))
        for model, values, dtype in (
            (one, x, "float32"), (one, x.tolist(), "float32"), (one, tf.constant(x), "float64"),
            (one, x.astype("float16"), "float16"), (exact, x, "float64"), (exact, x.tolist(), "float64"),
        ):
            sample = given(model, values)
            assert sample.inputs.dtype == dtype and sample.specs[0].dtype == dtype, (values, sample)
            assert [spec.shape.as_list() for spec in sample.specs] == [[None, 3], [2, 3]]
    """)


def test_the_same_inputs_are_made_for_a_graph_and_for_the_self_test(workshop: Workshop) -> None:
    workshop.author("""
        class Ids(keras.Model):
            def __init__(self):
                super().__init__()
                self.table = keras.layers.Embedding(2, 4)
            def call(self, ids):
                if ids.dtype != "int32":
                    raise TypeError("ids are integers")
                return self.table(ids)
        late = Ids()
        late(np.ones((3, 5), "int32"))
        i = keras.Input((None,), dtype="int32")
        pooled = keras.Model(i, keras.layers.GlobalMaxPool1D()(keras.layers.Embedding(1, 3)(i)))
        for index, model in enumerate((late, pooled)):
            path = f"../hand_over/{index}.kbundle"
            packed = bundle(model, path, payload="inference")
            assert packed.manifest.self_test.deterministic and packed.manifest.payload.inputs[0].datatype == "INT32"
            unbundle(path, self_test=True)
        bundle(pooled, path, payload="both", overwrite=True)
        for fidelity in ("full", "inference"):
            unbundle(path, fidelity=fidelity, self_test=True)
    """)
