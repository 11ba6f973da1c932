"""Whose effect is it, in the middle of the framework: callbacks, folders for assets, graphs, datasets, pickles."""

from __future__ import annotations

from tests.models.conftest import Workshop

LAYERS = {
    "own.py": """
        import os

        import keras
        import numpy as np
        import tensorflow as tf


        @keras.saving.register_keras_serializable("own")
        class Model(keras.Model):
            def __init__(self, target="", **kwargs):
                super().__init__(**kwargs)
                self.target = target
                self.dense = keras.layers.Dense(1)

            def build(self, shape):
                self.dense.build(shape)

            def call(self, x):
                if self.target:
                    x = x + tf.cast(tf.strings.length(tf.io.read_file(self.target)), x.dtype)
                return self.dense(x)

            def fit(self, *args, **kwargs):
                return super().fit(*args, **kwargs)

            def get_config(self):
                return {**super().get_config(), "target": self.target}


        @keras.saving.register_keras_serializable("own")
        class Words(keras.layers.Layer):
            words = ()

            def call(self, x):
                return x

            def save_assets(self, folder):
                with open(os.path.join(folder, "words.txt"), "w") as file:
                    file.write("a b")

            def load_assets(self, folder):
                with open(os.path.join(folder, "words.txt")) as file:
                    self.words = tuple(file.read().split())


        class Rows(keras.utils.PyDataset):
            def __len__(self):
                return 3

            def __getitem__(self, index):
                return np.ones((2, 4), "float32"), np.ones((2, 1), "float32")


        def rows():
            for _ in range(3):
                yield np.ones((4,), "float32")


        def twice(x):
            return tf.numpy_function(lambda value: value * 2, [x], tf.float32)
    """
}


def test_a_callback_of_the_host_writes_in_the_middle_of_the_bundles_fit(workshop: Workshop) -> None:
    workshop.write(LAYERS)
    workshop.author("""
        from own import Model
        model = Model()
        model.build((None, 4))
        model.compile("sgd", "mse")
        bundle(model, "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        import os
        model = unbundle("../hand_over/m.kbundle")
        class Mine(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                open("mine.txt", "w").close()
        x, y = np.ones((4, 4), "float32"), np.ones((4, 1), "float32")
        model.fit(x, y, verbose=0, callbacks=[
            Mine(), keras.callbacks.CSVLogger("log.csv"),
            keras.callbacks.ModelCheckpoint("best.weights.h5", save_weights_only=True),
            keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: open("lambda.txt", "w").close()),
        ])
        assert all(os.path.exists(name) for name in ("mine.txt", "log.csv", "best.weights.h5", "lambda.txt"))
        assert record_of(model).refused == ()
    """)


def test_a_native_read_is_stopped_in_a_graph_too_and_the_model_is_usable_afterwards(workshop: Workshop) -> None:
    workshop.write(LAYERS)
    workshop.author("""
        from own import Model
        open("../hand_over/secret.txt", "w").write("secret")
        model = Model()
        model.build((None, 4))
        model.compile("sgd", "mse")
        bundle(model, "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        model = unbundle("../hand_over/m.kbundle")
        x, y = np.ones((4, 4), "float32"), np.ones((4, 1), "float32")
        model.target = "../hand_over/secret.txt"
        for act in (lambda: model(x), lambda: model.predict(x, verbose=0), lambda: model.fit(x, y, verbose=0)):
            try:
                act()
            except ConsentRequired as error:
                assert error.words == ("filesystem",) and "own:21" in str(error), error
            else:
                raise AssertionError("it read")
        model.target = ""
        model.predict(x, verbose=0)
        model.fit(x, y, verbose=0)
    """)


def test_assets_are_written_and_read_where_keras_says(workshop: Workshop) -> None:
    workshop.write(LAYERS)
    workshop.author("""
        from own import Words
        model = keras.Sequential([keras.Input((4,)), Words()])
        bundle(model, "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        model = unbundle("../hand_over/m.kbundle")
        assert model.layers[0].words == ("a", "b")
        model.save("again.keras")
        again = keras.saving.load_model("again.keras")
        assert again.layers[0].words == ("a", "b")
        try:
            model.layers[0].save_assets(".")
        except ConsentRequired as error:
            assert error.words == ("filesystem",)
        else:
            raise AssertionError("it wrote elsewhere")
        assert len(record_of(model).refused) == 1
    """)


def test_datasets_generators_and_python_functions_of_the_bundle_work(workshop: Workshop) -> None:
    workshop.write(LAYERS)
    workshop.author("""
        from own import Model
        model = Model()
        model.build((None, 4))
        model.compile("sgd", "mse")
        bundle(model, "../hand_over/m.kbundle", whole=True)
    """)
    workshop.consumer("""
        import copy, pickle, sys
        import tensorflow as tf
        model = unbundle("../hand_over/m.kbundle")
        own = sys.modules[type(model).__module__]
        model.fit(own.Rows(workers=2), verbose=0)
        data = tf.data.Dataset.from_generator(own.rows, output_signature=tf.TensorSpec((4,), tf.float32))
        assert len(list(data.map(own.twice).batch(2).cache())) == 2
        step = tf.function(lambda x: own.twice(model(x)))
        step(tf.ones((2, 4)))
        copy.deepcopy(model), pickle.loads(pickle.dumps(model)), keras.models.clone_model(model)
        model.summary(print_fn=lambda line: None)
        model.export("exported", verbose=False)
        assert record_of(model).refused == (), record_of(model).refused
    """)


def test_the_model_of_a_pickle_is_held_by_the_words_of_whoever_loaded_it(workshop: Workshop) -> None:
    workshop.write(LAYERS)
    workshop.author("""
        from own import Words
        bundle(keras.Sequential([keras.Input((4,)), Words()]), "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        import pickle
        model = unbundle("../hand_over/m.kbundle")
        open("../hand_over/model.pickle", "wb").write(pickle.dumps(model))
    """)
    workshop.consumer("""
        import pickle
        model = pickle.load(open("../hand_over/model.pickle", "rb"))
        assert model.layers[0].words == ("a", "b")
        try:
            model.layers[0].save_assets(".")
        except ConsentRequired:
            pass
        else:
            raise AssertionError("it wrote")
    """)
