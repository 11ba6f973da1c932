"""A SavedModel folder packs as a model that predicts, with the signatures that it has."""

from __future__ import annotations

from tests.models.conftest import Workshop


def test_an_export_of_keras_packs_and_predicts(workshop: Workshop) -> None:
    workshop.author("""
        a, b = keras.Input((2,), name="wide"), keras.Input((3,), name="deep")
        model = keras.Model([a, b], keras.layers.Dense(2)(keras.layers.Concatenate()([a, b])))
        x = [np.ones((4, 2), "float32"), np.full((4, 3), 2, "float32")]
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
        model.export("exported", verbose=False)
        packed = bundle("exported", "../hand_over/m.kbundle")
        payload = packed.manifest.payload
        assert (payload.kind, payload.fidelity, payload.endpoint) == ("saved_model", "inference", "serve")
        # The order in which the model takes a list of them, not the order of the words.
        assert [item.name for item in payload.inputs] == ["wide", "deep"]
        assert payload.parameters.non_trainable == 12 and payload.agreement is None
    """)
    workshop.consumer("""
        y = np.load("../hand_over/y.npy")
        x = [np.ones((4, 2), "float32"), np.full((4, 3), 2, "float32")]
        model = unbundle("../hand_over/m.kbundle")
        check_same(model, x, y, "list")
        check_same(model, {"deep": x[1], "wide": x[0]}, y, "by name")
        assert sorted(model.signatures) == ["serve", "serving_default"]
        assert model.count_params() == 12
        bundle(model, "again.kbundle")
        check_same(unbundle("again.kbundle"), x, y, "packed again")
    """)


def test_a_subclassed_model_saved_by_tensorflow_packs(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(2)])
        tf.saved_model.save(model, "saved")
        packed = bundle("saved", "../hand_over/m.kbundle")
        assert packed.manifest.payload.endpoint == "serving_default"
        np.save("../hand_over/y.npy", model.predict(np.ones((2, 3)), verbose=0))
    """)
    workshop.consumer("""
        check_same(unbundle("../hand_over/m.kbundle"), np.ones((2, 3)), np.load("../hand_over/y.npy"), "predict")
    """)


def test_a_revived_keras_2_model_packs_by_its_signature(workshop: Workshop) -> None:
    # tf_keras writes a callable whose traces have bound values, and a flat signature beside it.
    workshop.author("""
        import tensorflow as tf
        class Old(tf.Module):
            def __init__(self):
                super().__init__()
                self.w = tf.Variable([[1.0], [2.0]])
                self.table = tf.lookup.StaticHashTable(
                    tf.lookup.TextFileInitializer("words.txt", tf.string, 0, tf.int64, 1, delimiter=" "), -1)
            @tf.function
            def __call__(self, x, words, training):
                known = tf.cast(self.table.lookup(words), "float32")
                return tf.matmul(x, self.w) + (100.0 if training else 0.0) + known
            @tf.function
            def serving(self, x, words):
                return {"score": self(x, words, False)}
        open("words.txt", "w").write("a 10\\nb 20\\n")
        old = Old()
        x, words = tf.TensorSpec([None, 2], name="x"), tf.TensorSpec([None, 1], tf.string, name="words")
        old.serve = old.__call__
        for training in (True, False):
            old.serve.get_concrete_function(x, words, training)
        signatures = {"serve": old.serving.get_concrete_function(x, words)}
        tf.saved_model.save(old, "old", signatures=signatures)
        import os
        os.remove("words.txt")
        packed = bundle("old", "../hand_over/m.kbundle")
        assert [item.name for item in packed.manifest.payload.inputs] == ["words", "x"]
        assert [item.datatype for item in packed.manifest.payload.inputs] == ["BYTES", "FP32"]
        import shutil
        shutil.rmtree("old")
    """)
    workshop.consumer("""
        model = unbundle("../hand_over/m.kbundle")
        inputs = {"x": np.ones((2, 2), "float32"), "words": np.array([["a"], ["b"]])}
        assert model(inputs).numpy().tolist() == [[13.0], [23.0]]
        bundle(model, "again.kbundle")
        assert unbundle("again.kbundle")(inputs).numpy().tolist() == [[13.0], [23.0]]
        bundle(unbundle("again.kbundle"), "third.kbundle")
    """)


def test_of_several_signatures_the_author_chooses(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        class Two(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec([None], name="x")])
            def up(self, x):
                return {"y": x + 1}
            @tf.function(input_signature=[tf.TensorSpec([None], name="x")])
            def down(self, x):
                return {"y": x - 1}
        two = Two()
        tf.saved_model.save(two, "two", signatures={"rise": two.up, "fall": two.down})
        tf.saved_model.save(two, "none")
        cases = (("two", None, "fall, rise"), ("two", "sideways", "fall, rise"), ("none", None, "signatures="))
        for folder, signature, word in cases:
            try:
                bundle(folder, "../hand_over/m.kbundle", signature=signature)
            except PackError as error:
                assert word in str(error), error
            else:
                raise AssertionError("not refused")
        from bundler.cli.main import main
        assert main(["pack", "two", "-o", "../hand_over/m.kbundle", "--signature", "fall"]) == 0
        assert unbundle("../hand_over/m.kbundle")(np.ones(2)).numpy().tolist() == [0.0, 0.0]
    """)


def test_refuses_a_folder_whose_graph_calls_python(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        class Bad(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec([None], name="x")])
            def inner(self, x):
                return tf.numpy_function(lambda a: a, [x], tf.float32)
            @tf.function(input_signature=[tf.TensorSpec([None], name="x")])
            def serve(self, x):
                return {"y": self.inner(x)}
        bad = Bad()
        tf.saved_model.save(bad, "bad", signatures={"serve": bad.serve})
        try:
            bundle("bad", "../hand_over/m.kbundle")
        except SourceError as error:
            print(error)
            assert any("PyFunc" in line and "inner" in line for line in error.problems)
        else:
            raise AssertionError("not refused")
    """)


def test_refuses_a_graph_that_is_damaged(workshop: Workshop) -> None:
    workshop.author("""
        import os
        os.mkdir("broken")
        open("broken/saved_model.pb", "wb").write(b"\\xff\\xff not a graph")
        os.mkdir("empty")
        open("empty/saved_model.pb", "wb").write(b"")
        for folder in ("broken", "empty"):
            try:
                bundle(folder, "../hand_over/m.kbundle")
            except PackError as error:
                print(error)
                assert error.hint
            else:
                raise AssertionError("not refused")
    """)


def test_a_changed_byte_of_the_graph_is_refused_before_tensorflow_sees_it(workshop: Workshop) -> None:
    workshop.author("""
        model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(2)])
        model.export("exported", verbose=False)
        bundle("exported", "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        import os, tempfile
        import tensorflow as tf
        data = bytearray(open("../hand_over/m.kbundle", "rb").read())
        at = data.rindex(b"serving_default")
        data[at] ^= 1
        open("changed.bin", "wb").write(data)
        def load(*_):
            raise AssertionError("TensorFlow was asked to load unverified bytes")
        tf.saved_model.load = load
        os.mkdir("tmp")
        tempfile.tempdir = os.path.abspath("tmp")
        try:
            unbundle("changed.bin")
        except InvalidBundle as error:
            print(error)
        else:
            raise AssertionError("not refused")
        assert os.listdir("tmp") == []
    """)
