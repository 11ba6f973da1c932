"""A model whose class cannot travel still predicts: as a graph that was compared with it."""

from __future__ import annotations

import hashlib
import textwrap

from tests.models.conftest import Workshop

#: A class that Keras cannot save.
STUBBORN = {
    "stubborn.py": """
        import keras

        class Stubborn(keras.Model):
            def __init__(self, table):
                super().__init__(name="stubborn")
                self.table = table
                self.dense = keras.layers.Dense(table["units"], name="head")
            def call(self, x, training=None):
                return self.dense(x)
            def get_config(self):
                raise NotImplementedError("the table is not written down")
    """
}
MAKE = """
    import threading
    from stubborn import Stubborn
    x = np.linspace(-1, 1, 24, dtype="float32").reshape(6, 4)
    # No file can hold a lock.
    model = Stubborn({"units": 3, "lock": threading.Lock()})
    model(x)
"""


def test_a_class_that_cannot_be_saved_is_refused_without_fallback(workshop: Workshop) -> None:
    workshop.write(STUBBORN)
    workshop.author(
        MAKE
        + """
    try:
        bundle(model, "../hand_over/m.kbundle")
    except PackError as error:
        assert "'table'" in str(error) and "lock" in str(error) and 'fallback="inference"' in str(error), error
    else:
        raise AssertionError("not refused")
    """
    )


def test_the_fallback_predicts_and_says_what_it_is(workshop: Workshop) -> None:
    workshop.write(STUBBORN)
    workshop.author(
        MAKE
        + """
    packed = bundle(model, "../hand_over/m.kbundle", fallback="inference")
    payload = packed.manifest.payload
    assert (payload.kind, payload.fidelity, payload.class_name) == ("saved_model", "inference", "Stubborn")
    assert payload.agreement.largest_difference <= payload.agreement.absolute_tolerance
    assert payload.inputs[0].shape == (-1, 4) and payload.outputs[0].shape == (-1, 3)
    assert not packed.manifest.modules and not packed.manifest.objects
    np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """
    )
    workshop.consumer("""
        x = np.linspace(-1, 1, 24, dtype="float32").reshape(6, 4)
        y = np.load("../hand_over/y.npy")
        model = unbundle("../hand_over/m.kbundle")
        assert isinstance(model, keras.Model) and model.fidelity == "inference"
        assert "fidelity: inference" in repr(model)
        check_same(model, x, y, "predict")
        assert np.abs(model.predict_on_batch(x) - y).max() < 1e-6
        assert np.abs(model(x.astype("float64")).numpy() - y).max() < 1e-6
        assert np.abs(model(x, training=False).numpy() - y).max() < 1e-6
        assert model.count_params() == 15 and not model.trainable_weights
        assert len(model.weights) == len(model.get_weights()) == 2
        lines = []
        model.summary(print_fn=lambda line, **_: lines.append(line))
        assert "fidelity: inference" in lines[-1] and "15" in "".join(lines)
        assert list(model.signatures) == ["serving_default"]
        assert [item.shape for item in model.inputs] == [(None, 4)]
        model.compile(loss="mse", metrics=["mae"])
        assert model.evaluate(x, y, verbose=0)[0] < 1e-10
        # As a layer of another model it works too.
        i = keras.Input((4,))
        check_same(keras.Model(i, model(i)), x, y, "as a layer")
    """)


def test_the_fallback_passes_the_proof_by_its_outputs(workshop: Workshop) -> None:
    workshop.write(STUBBORN)
    workshop.author(
        "import quick_proof\n"
        + textwrap.dedent(MAKE)
        + textwrap.dedent("""
        class Weighted(Stubborn):
            def call(self, query, weight=None, training=None):
                return self.dense(query) * weight
        packed = bundler.bundle(model, "../hand_over/one.kbundle", fallback="inference")
        assert packed.manifest.payload.fidelity == "inference"
        assert packed.manifest.self_test.origin == "made" and packed.manifest.self_test.deterministic
        assert "outputs" in packed.manifest.proof.checks and "weights" not in packed.manifest.proof.checks
        # Arguments by name are one dict to the graph.
        pair = {"query": np.ones((9, 4), "float32"), "weight": np.full((9, 3), 2.0)}
        weighted = Weighted({"units": 3, "lock": threading.Lock()})
        packed = bundler.bundle(weighted, "../hand_over/two.kbundle", fallback="inference", example_inputs=pair)
        assert packed.manifest.self_test.origin == "given" and packed.manifest.proof
        import tensorflow as tf
        # A trace that is held to its batch is tested with all of it.
        class Rows(Stubborn):
            def call(self, x):
                return tf.stack([self.dense(x[index : index + 1])[0] for index in range(x.shape[0])])
        rows, x = Rows({"units": 3, "lock": threading.Lock()}), np.ones((9, 4))
        packed = bundler.bundle(rows, "../hand_over/three.kbundle", fallback="inference", example_inputs=x)
        assert packed.manifest.payload.inputs[0].shape == (9, 4) and packed.manifest.proof
        """)
    )
    workshop.consumer("""
        for name in ("one", "two", "three"):
            assert unbundle(f"../hand_over/{name}.kbundle", self_test=True).fidelity == "inference"
    """)


def test_what_a_graph_cannot_do_is_refused_with_the_next_step(workshop: Workshop) -> None:
    workshop.write(STUBBORN)
    workshop.author(MAKE + '\n    bundle(model, "../hand_over/m.kbundle", payload="inference")\n')
    workshop.consumer("""
        x = np.ones((2, 4), "float32")
        model = unbundle("../hand_over/m.kbundle")
        model.compile("sgd", "mse")
        for what in (
            lambda: model.fit(x, x), lambda: model.train_on_batch(x, x), lambda: model.save("m.keras"),
            lambda: keras.saving.save_model(model, "m.keras"), lambda: model.export("m"),
            lambda: model.get_config(), lambda: type(model).from_config({}), lambda: keras.models.clone_model(model),
            lambda: model.save_weights("m.weights.h5"), lambda: model.load_weights("m.weights.h5"),
            lambda: model(x, training=True), lambda: model.quantize("int8"),
        ):
            try:
                what()
            except BundleError as error:
                assert "fidelity: inference" in str(error) and error.hint, error
            else:
                raise AssertionError("not refused")
    """)


def test_a_graph_model_is_copied_pickled_and_packed_again(workshop: Workshop) -> None:
    workshop.author("""
        vectorize = keras.layers.TextVectorization(output_sequence_length=4)
        vectorize.adapt(["one two three", "two three four"])
        i = keras.Input((1,), dtype="string", name="text")
        model = keras.Model(i, keras.layers.Embedding(10, 3)(vectorize(i)))
        import tensorflow as tf
        packed = bundle(model, "../hand_over/m.kbundle", payload="inference")
        assert packed.manifest.payload.inputs[0].datatype == "BYTES"
        np.save("../hand_over/y.npy", model.predict(tf.constant([["two four"], ["x"]]), verbose=0))
    """)
    workshop.consumer("""
        import copy, os, pickle
        import tensorflow as tf
        x, y = tf.constant([["two four"], ["x"]]), np.load("../hand_over/y.npy")
        model = unbundle("../hand_over/m.kbundle")
        check_same(copy.deepcopy(model), x, y, "deepcopy")
        open("model.pickle", "wb").write(pickle.dumps(model))
        packed = bundle(model, "../hand_over/again.kbundle")
        assert packed.manifest.payload.agreement == model.facts.agreement
    """)
    workshop.consumer("""
        import pickle
        import tensorflow as tf
        x, y = tf.constant([["two four"], ["x"]]), np.load("../hand_over/y.npy")
        check_same(pickle.load(open("model.pickle", "rb")), x, y, "pickle")
        check_same(unbundle("../hand_over/again.kbundle"), x, y, "packed again")
        assert abs(unbundle("../hand_over/m.kbundle")(np.array([["two four"], ["x"]])).numpy() - y).max() < 1e-6
    """)


def test_a_layer_with_training_true_as_its_default_is_traced_for_inference(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        class Loud(keras.layers.Layer):
            def call(self, x, training=True):
                return x * 100 if training else x
        class Outer(keras.layers.Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.loud = Loud()
            def call(self, x):
                return self.loud(x)
        class Bare(keras.Model):
            def __init__(self):
                super().__init__()
                self.outer = Outer()
            def call(self, x):
                return self.outer(x)
        x = np.ones((2, 3), "float32")
        bare = Bare()
        bare(x)
        for index, model in enumerate((keras.Sequential([keras.Input((3,)), Outer()]), bare)):
            model.export("exported", verbose=False)
            print("Keras's own export:", tf.saved_model.load("exported").serve(x)[0, 0])
            bundle(model, f"../hand_over/{index}.kbundle", payload="inference")
            assert float(model(x, training=False)[0, 0]) == 1.0
    """)
    workshop.consumer("""
        x = np.ones((2, 3), "float32")
        for index in range(2):
            model = unbundle(f"../hand_over/{index}.kbundle")
            check_same(model, x, x, "inference")
            assert model(x).numpy().max() == 1.0
    """)


def test_refuses_python_functions_in_nested_functions_with_their_line(workshop: Workshop) -> None:
    workshop.write(
        {
            "odd.py": """
                import keras
                import tensorflow as tf

                class Odd(keras.layers.Layer):
                    def call(self, x):
                        y = tf.cond(
                            tf.reduce_sum(x) > 0,
                            lambda: tf.numpy_function(lambda a: a * 2, [x], tf.float32),
                            lambda: tf.py_function(lambda a: a, [x], tf.float32),
                        )
                        y.set_shape(x.shape)
                        return y
            """
        }
    )
    workshop.author("""
        from odd import Odd
        import os
        model = keras.Sequential([keras.Input((3,)), Odd(name="strange")])
        try:
            bundle(model, "../hand_over/m.kbundle", payload="inference")
        except SourceError as error:
            print(error)
            assert len(error.problems) == 2
            assert any("PyFunc" in line and "strange" in line and "odd.py:9" in line for line in error.problems)
            assert any("EagerPyFunc" in line and "odd.py:10" in line for line in error.problems)
        else:
            raise AssertionError("not refused")
        assert os.listdir("../hand_over") == []
    """)


def test_refuses_a_graph_that_does_not_agree(workshop: Workshop) -> None:
    workshop.author("""
        class Counting(keras.Model):
            calls = 0
            def call(self, x):
                type(self).calls += 1
                return x + np.random.normal()
        class Eager(keras.Model):
            def call(self, x):
                return x * (100.0 if keras.ops.is_tensor(x) and hasattr(x, "numpy") else 1.0)
        x = np.ones((2, 3), "float32")
        for model, word in ((Counting(), "random"), (Eager(), "Python state")):
            model(x)
            try:
                bundle(model, "../hand_over/m.kbundle", payload="inference")
            except PackError as error:
                print(error)
                assert word in str(error) and "differs by" in str(error)
            else:
                raise AssertionError("not refused")
    """)


def test_models_that_are_random_at_inference_are_recorded_as_such(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        class Noisy(keras.layers.Layer):
            def call(self, x):
                return x + tf.random.normal(tf.shape(x))
        packed = bundle(keras.Sequential([keras.Input((3,)), Noisy()]), "../hand_over/m.kbundle", payload="inference")
        agreement = packed.manifest.payload.agreement
        assert not agreement.deterministic and agreement.largest_difference == 0
        from bundler.report.inspection import as_text, inspection_of
        def told(path):
            with open_bundle(path) as reader:
                return as_text(inspection_of(reader))
        assert "the model is random, so" in told("../hand_over/m.kbundle")
        stateful = keras.Sequential([keras.Input((3, 2), batch_size=2), keras.layers.LSTM(3, stateful=True)])
        before = [v.numpy() for v in stateful.layers[0].states]
        packed = bundle(stateful, "../hand_over/s.kbundle", payload="inference")
        # From the same state it gives the same numbers: they were compared.
        agreement = packed.manifest.payload.agreement
        assert agreement.deterministic and agreement.largest_difference < 1e-6
        assert not packed.manifest.self_test.deterministic
        text = told("../hand_over/s.kbundle")
        assert "largest difference" in text and "the model is random, so" not in text
        for old, new in zip(before, stateful.layers[0].states):
            assert (old == new.numpy()).all(), "packing changed the model"
    """)
    workshop.consumer("""
        model = unbundle("../hand_over/m.kbundle")
        x = np.zeros((1, 3), "float32")
        assert (model.predict(x, verbose=0) != model.predict(x, verbose=0)).any()
    """)


def test_inputs_of_every_structure_keep_their_names(workshop: Workshop) -> None:
    workshop.author("""
        a, b = keras.Input((2,), name="wide"), keras.Input((3,), name="deep")
        out = {"sum": keras.layers.Dense(2)(a), "parts": [keras.layers.Dense(1)(b), b]}
        by_dict = keras.Model({"wide": a, "deep": b}, out)
        by_list = keras.Model([a, b], keras.layers.Concatenate()([a, b]))
        class Query(keras.Model):
            def call(self, query, value, training=None):
                return query * 2 + value
        by_argument = Query()
        x = {"wide": np.ones((4, 2), "float32"), "deep": np.full((4, 3), 2, "float32")}
        pair = {"query": np.ones((4, 3), "float32"), "value": np.full((4, 3), 3, "float32")}
        bundle(by_dict, "../hand_over/dict.kbundle", payload="inference")
        bundle(by_list, "../hand_over/list.kbundle", payload="inference")
        bundle(by_argument, "../hand_over/argument.kbundle", payload="inference", example_inputs=pair)
        class Nested(keras.Model):
            def call(self, inputs):
                return {"out": inputs["pair"][0] + inputs["pair"][1], "ids": inputs["ids"] + 1}
        nested = {"pair": [np.ones((2, 3), "float32"), np.ones((2, 3), "float32")], "ids": np.arange(2)}
        bundle(Nested(), "../hand_over/nested.kbundle", payload="inference", example_inputs=nested)
        y = by_dict.predict(x, verbose=0)
        np.savez("../hand_over/y.npz", sum=y["sum"], p0=y["parts"][0], p1=y["parts"][1])
    """)
    workshop.consumer("""
        y = np.load("../hand_over/y.npz")
        x = {"wide": np.ones((4, 2), "float32"), "deep": np.full((4, 3), 2, "float32")}
        model = unbundle("../hand_over/dict.kbundle")
        assert sorted(model.input_names) == ["deep", "wide"]
        got = model.predict(x, verbose=0)
        assert np.abs(got["sum"] - y["sum"]).max() < 1e-6 and np.abs(got["parts"][0] - y["p0"]).max() < 1e-6
        served = model.signatures["serving_default"](wide=x["wide"], deep=x["deep"])
        assert np.abs(served["sum"].numpy() - y["sum"]).max() < 1e-6

        model = unbundle("../hand_over/list.kbundle")
        assert model.input_names == ["wide", "deep"]
        expected = np.concatenate([x["wide"], x["deep"]], -1)
        check_same(model, [x["wide"], x["deep"]], expected, "list")
        check_same(model, x, expected, "by name")

        # Two inputs of one shape would be swapped.
        for name in ("list", "dict"):
            try:
                unbundle(f"../hand_over/{name}.kbundle")({"broad": x["deep"], "deeper": x["wide"]})
            except ValueError as error:
                assert "not broad, deeper" in str(error), error
            else:
                raise AssertionError("not refused")

        model = unbundle("../hand_over/argument.kbundle", self_test=True)
        pair = {"query": np.ones((4, 3), "float32"), "value": np.full((4, 3), 3, "float32")}
        check_same(model, pair, np.full((4, 3), 5.0), "arguments")

        model = unbundle("../hand_over/nested.kbundle")
        nested = {"pair": [np.ones((5, 3), "float32"), np.ones((5, 3), "float32")], "ids": np.arange(5)}
        got = model.predict(nested, verbose=0)
        assert (got["out"] == 2).all() and (got["ids"] == np.arange(5) + 1).all()
        try:
            model([np.ones((5, 3), "float32")])
        except ValueError as error:
            assert "3 inputs" in str(error)
        else:
            raise AssertionError("not refused")
    """)


def test_both_payloads_travel_and_the_graph_needs_no_code(workshop: Workshop) -> None:
    workshop.write(
        {
            "gain.py": """
                import keras
                class Gain(keras.layers.Layer):
                    def build(self, shape):
                        self.w = self.add_weight(shape=(shape[-1],), initializer="ones")
                    def call(self, x):
                        return x * self.w * 3
            """
        }
    )
    workshop.author("""
        from gain import Gain
        model = keras.Sequential([keras.Input((3,)), Gain()])
        packed = bundle(model, "../hand_over/m.kbundle", payload="both")
        assert packed.manifest.payload.fidelity == "full"
        assert packed.manifest.inference.agreement.largest_difference < 1e-6
        model.save("../hand_over/m.keras")
        bundle("../hand_over/m.keras", "../hand_over/f.kbundle", payload="both", sources=["../source"])
        bundle(keras.Sequential([keras.Input((3,)), Gain()]), "../hand_over/full.kbundle")
    """)
    workshop.consumer("""
        import sys
        x = np.ones((2, 3), "float32")
        for name in ("m", "f"):
            model = unbundle(f"../hand_over/{name}.kbundle", fidelity="inference")
            assert model.fidelity == "inference"
            assert not [name for name in sys.modules if name.startswith("_kbundle_") and "gain" in name]
            check_same(model, x, x * 3, "graph")
        full = unbundle("../hand_over/m.kbundle")
        assert type(full).__name__ == "Sequential"
        lifecycle(full, x, x * 3)
        try:
            unbundle("../hand_over/full.kbundle", fidelity="inference")
        except RebuildFailed as error:
            assert "payload='both'" in str(error)
        else:
            raise AssertionError("not refused")
    """)


def test_two_traces_of_one_model_give_the_same_bytes(workshop: Workshop) -> None:
    workshop.write(STUBBORN)
    digests = set()
    more = "import tensorflow; keras.layers.Dense(2)(tensorflow.function(lambda t: t + 1)(np.ones((2, 2))))"
    for name, before in (("first", ""), ("second", more)):
        script = MAKE.replace("    model = S", f"    {before}\n    keras.utils.set_random_seed(7)\n    model = S")
        workshop.author(script + f'\n    bundle(model, "../hand_over/{name}.kbundle", payload="inference")\n')
        digests.add(hashlib.sha256((workshop.hand_over / f"{name}.kbundle").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_nothing_stays_in_the_folder_for_temporary_files(workshop: Workshop) -> None:
    workshop.author("""
        bundle(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), "../hand_over/m.kbundle",
               payload="inference")
    """)
    workshop.consumer("""
        import os, tempfile
        os.mkdir("tmp")
        tempfile.tempdir = os.path.abspath("tmp")
        model = unbundle("../hand_over/m.kbundle")
        assert os.listdir("tmp") == []
        model.predict(np.ones((2, 3)), verbose=0)
    """)


def test_when_neither_way_is_open_both_causes_are_told(workshop: Workshop) -> None:
    workshop.write(STUBBORN)
    workshop.author("""
        import threading
        from stubborn import Stubborn
        class Worse(Stubborn):
            def call(self, x, training=None):
                return self.dense(x) * float(np.asarray(x).sum())
        model = Worse({"units": 3, "lock": threading.Lock()})
        model(np.ones((2, 4), "float32"))
        try:
            bundle(model, "../hand_over/m.kbundle", fallback="inference")
        except SourceError as error:
            print(error)
            assert len(error.problems) == 2 and "builder=" in str(error)
        else:
            raise AssertionError("not refused")
    """)


def test_unknown_words_are_refused(workshop: Workshop) -> None:
    workshop.author("""
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        for wrong in ({"payload": "half"}, {"fallback": "magic"}):
            try:
                bundle(model, "../hand_over/m.kbundle", **wrong)
            except PackError as error:
                assert "inference" in str(error)
            else:
                raise AssertionError("not refused")
    """)


def test_inspect_shows_both_payloads_and_their_agreement(workshop: Workshop) -> None:
    workshop.author("""
        from bundler.report.inspection import as_text, inspection_of
        bundle(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), "../hand_over/m.kbundle", payload="both")
        with open_bundle("../hand_over/m.kbundle") as reader:
            text = as_text(inspection_of(reader))
        print(text)
        assert "Second payload: saved_model" in text and "largest difference" in text
        assert "inference (predicts only)" in text and "full (trains" in text
    """)


def test_a_call_that_loops_over_the_batch_keeps_its_size(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        class Loop(keras.Model):
            def call(self, x):
                return tf.stack([x[index] * 2 for index in range(x.shape[0])])
        # More rows than a self-test keeps of a model with a free batch.
        x = np.ones((12, 2), "float32")
        packed = bundle(Loop(), "../hand_over/m.kbundle", payload="inference", example_inputs=x)
        assert packed.manifest.payload.inputs[0].shape == (12, 2)
    """)
    workshop.consumer("""
        x = np.ones((12, 2), "float32")
        check_same(unbundle("../hand_over/m.kbundle", self_test=True), x, x * 2, "predict")
    """)


def test_ragged_and_sparse_inputs_travel(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        class Total(keras.Model):
            def call(self, x):
                return tf.reduce_sum(x, axis=1)
        ragged = tf.ragged.constant([[1.0, 2.0], [3.0]])
        bundle(Total(), "../hand_over/r.kbundle", payload="inference", example_inputs=ragged)
        i = keras.Input((3,), sparse=True, name="x")
        model = keras.Model(i, keras.layers.Dense(2, kernel_initializer="ones")(i))
        bundle(model, "../hand_over/s.kbundle", payload="inference")
    """)
    workshop.consumer("""
        import tensorflow as tf
        for name in "rs":
            unbundle(f"../hand_over/{name}.kbundle", self_test=True)
        total = unbundle("../hand_over/r.kbundle")
        assert total(tf.ragged.constant([[1.0, 2.0, 3.0], [4.0]])).numpy().tolist() == [6.0, 4.0]
        sparse = unbundle("../hand_over/s.kbundle")
        assert sparse(tf.sparse.from_dense(np.eye(3, dtype="float32"))).numpy().tolist() == [[1.0, 1.0]] * 3
    """)


def test_the_command_line_packs_graphs(workshop: Workshop) -> None:
    workshop.author("""
        import contextlib, io, json
        from bundler.cli.main import main
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save("m.keras")
        choices = (["--payload", "both"], ["--payload", "inference"], ["--fallback", "inference"])
        for number, arguments in enumerate(choices):
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                assert main(["pack", "m.keras", "-o", f"../hand_over/{number}.kbundle", "--json", *arguments]) == 0
            assert json.loads(out.getvalue())["fidelity"] == ("inference" if number == 1 else "full")
        with open_bundle("../hand_over/0.kbundle") as reader:
            assert reader.manifest.inference.agreement.deterministic
    """)


def test_outputs_that_python_made_are_those_of_the_graph(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        class Constants(keras.Model):
            def call(self, x):
                return {"x": x * 2, "version": 3, "factor": 0.1, "final": True, "nothing": None}
        x = np.ones((2, 3), "float32")
        packed = bundle(Constants(), "../hand_over/c.kbundle", payload="inference", example_inputs=x)
        assert packed.manifest.payload.agreement.deterministic
    """)
    workshop.consumer("""
        assert float(unbundle("../hand_over/c.kbundle", self_test=True)(np.ones((1, 3)))["factor"]) == np.float32(0.1)
    """)


def test_text_that_no_self_test_can_keep_is_compared_all_the_same(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        class Serialized(keras.layers.Layer):
            def call(self, x):
                return tf.io.serialize_tensor(tf.zeros_like(x))
            def compute_output_spec(self, x):
                return keras.KerasTensor((), "string")
        i = keras.Input((3,))
        assert Serialized()(np.ones((1, 3), "float32")).numpy().endswith(b"\\0")
        packed = bundle(keras.Model(i, Serialized()(i)), "../hand_over/t.kbundle", payload="inference")
        assert packed.manifest.payload.agreement.deterministic
        assert packed.manifest.self_test is None and "NUL" in packed.no_self_test, packed.no_self_test
        from bundler.keras_io.selftest.output_difference import Tolerances, compare
        from bundler.keras_io.selftest.tensors import as_arrays
        one, other = as_arrays(tf.constant([b"a", b"b\\0"])), as_arrays(tf.constant([b"a", b"b"]))
        assert compare(one, other, Tolerances(absolute=1, relative=1)).problem
        assert compare(one, one, Tolerances(absolute=0, relative=0)).problem is None
    """)


def test_the_fallback_works_for_model_files_and_weights_of_a_builder(workshop: Workshop) -> None:
    workshop.write(
        {
            "local.py": """
                import os
                import keras
                from keras import layers

                class Local(layers.Layer):
                    def call(self, x):
                        # True in the author's working folder alone.
                        return x * (3.0 if os.path.exists("here.txt") else 1.0)

                def make():
                    return keras.Sequential([keras.Input((3,)), Local(), layers.Dense(2)])
            """
        }
    )
    workshop.author("""
        import quick_proof, warnings
        warnings.simplefilter("ignore")
        from local import make
        open("here.txt", "w").close()
        model = make()
        model.save("m.keras")
        model.save("m.h5")
        model.save_weights("m.weights.h5")
        np.save("../hand_over/y.npy", model.predict(np.ones((4, 3)), verbose=0))
        sources = ["../source"]
        for index, (what, more) in enumerate((
            ("m.keras", {"sources": sources}), ("m.h5", {"sources": sources}), ("m.weights.h5", {"builder": make}),
        )):
            try:
                bundler.bundle(what, "../hand_over/no.kbundle", **more)
            except ProofFailed as error:
                # Of a file no graph is tried before the author asks for one.
                assert error.hint, error
            else:
                raise AssertionError("not refused")
            bundler.bundle(what, f"../hand_over/{index}.kbundle", fallback="inference", **more)
        import os
        assert not os.path.exists("../hand_over/no.kbundle")
    """)
    workshop.consumer("""
        for index in range(3):
            model = unbundle(f"../hand_over/{index}.kbundle")
            assert model.fidelity == "inference"
            check_same(model, np.ones((4, 3)), np.load("../hand_over/y.npy"), "graph")
    """)
