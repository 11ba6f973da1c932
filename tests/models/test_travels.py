"""What Keras stores in odd ways travels: hooks of the author's, assets, dtypes, quantised weights, shared layers."""

from __future__ import annotations

import pytest

from tests.models.conftest import Workshop

HOOKS = {
    "hooks.py": """
        import json
        import os

        import keras
        import numpy as np

        class Words(keras.layers.Layer):
            '''Keeps a vocabulary in a file of its own.'''
            def __init__(self, words=None, **kwargs):
                super().__init__(**kwargs)
                self.words = list(words or [])
            def call(self, x):
                return x * float(len(self.words))
            def save_assets(self, dir_path):
                with open(os.path.join(dir_path, "words.json"), "w") as file:
                    json.dump(self.words, file)
            def load_assets(self, dir_path):
                with open(os.path.join(dir_path, "words.json")) as file:
                    self.words = json.load(file)
            def get_config(self):
                return super().get_config()

        class Packed(keras.layers.Layer):
            '''Stores two weights as one array under a name of its own.'''
            def build(self, shape):
                self.a = self.add_weight(shape=(shape[-1],), initializer="uniform")
                self.b = self.add_weight(shape=(shape[-1],), initializer="uniform")
            def call(self, x):
                return x * self.a + self.b
            def save_own_variables(self, store):
                store["both"] = np.stack([self.a.numpy(), self.b.numpy()])
            def load_own_variables(self, store):
                both = np.array(store["both"])
                self.a.assign(both[0])
                self.b.assign(both[1])
    """
}


def test_assets_of_the_authors_own_travel(workshop: Workshop) -> None:
    workshop.write(HOOKS)
    workshop.author("""
        from hooks import Words
        model = keras.Sequential([keras.Input((3,)), Words(["a", "b", "c"])])
        bundle(model, "../hand_over/m.kbundle", payload="both")
        model.save("../hand_over/m.keras")
    """)
    workshop.consumer("""
        x = np.ones((2, 3), "float32")
        model = unbundle("../hand_over/m.kbundle", allow=["filesystem"])
        check_same(model, x, x * 3, "full")
        assert model.layers[0].words == ["a", "b", "c"]
        check_same(unbundle("../hand_over/m.kbundle", allow=["filesystem"], fidelity="inference"), x, x * 3, "graph")
        bundle(model, "again.kbundle")
        check_same(unbundle("again.kbundle", allow=["filesystem"]), x, x * 3, "packed again")
        bundle("../hand_over/m.keras", "file.kbundle", sources=["../source"])
        check_same(unbundle("file.kbundle", allow=["filesystem"]), x, x * 3, "from a file")
    """)


def test_variables_that_a_layer_stores_itself_travel(workshop: Workshop) -> None:
    workshop.write(HOOKS)
    workshop.author("""
        from hooks import Packed
        model = keras.Sequential([keras.Input((3,)), Packed(), keras.layers.Dense(2)])
        bundle(model, "../hand_over/m.kbundle")
        np.save("../hand_over/y.npy", model.predict(np.ones((4, 3)), verbose=0))
    """)
    workshop.consumer("""
        allowed = ["filesystem"]
        lifecycle(unbundle("../hand_over/m.kbundle", allow=allowed), np.ones((4, 3)), np.load("../hand_over/y.npy"))
    """)


def test_a_model_from_sharded_weights_travels(workshop: Workshop) -> None:
    workshop.write(HOOKS)
    workshop.author("""
        import os
        from hooks import Packed
        def make():
            dense = [keras.layers.Dense(512) for _ in range(3)]
            return keras.Sequential([keras.Input((64,)), *dense, Packed()])
        first = make()
        first.save_weights("w.weights.json", max_shard_size=0.0015)
        assert len([name for name in os.listdir() if name.endswith(".weights.h5")]) > 1
        model = make()
        model.load_weights("w.weights.json")
        bundle(model, "../hand_over/m.kbundle")
        np.save("../hand_over/y.npy", first.predict(np.ones((4, 64)), verbose=0))
    """)
    workshop.consumer("""
        allowed = ["filesystem"]
        model = unbundle("../hand_over/m.kbundle", allow=allowed)
        check_same(model, np.ones((4, 64)), np.load("../hand_over/y.npy"), "predict")
    """)


def test_text_with_a_standardize_of_the_authors_and_vocabularies_travel(workshop: Workshop) -> None:
    workshop.write(
        {"text.py": "import tensorflow as tf\ndef shout(strings):\n    return tf.strings.upper(strings)\n"},
    )
    workshop.author("""
        import tensorflow as tf
        from text import shout
        vectorize = keras.layers.TextVectorization(standardize=shout, output_sequence_length=4)
        vectorize.adapt(["one two three", "two three four"])
        words = keras.Input((1,), dtype="string", name="words")
        tag = keras.Input((1,), dtype="string", name="tag")
        look = keras.layers.StringLookup(vocabulary=["red", "green"], output_mode="one_hot")
        h = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(10, 3)(vectorize(words)))
        model = keras.Model({"words": words, "tag": tag}, keras.layers.Concatenate()([h, look(tag)]))
        x = {"words": tf.constant([["two four"], ["x"]]), "tag": tf.constant([["green"], ["blue"]])}
        bundle(model, "../hand_over/m.kbundle", payload="both")
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer("""
        import tensorflow as tf
        x = {"words": tf.constant([["two four"], ["x"]]), "tag": tf.constant([["green"], ["blue"]])}
        y = np.load("../hand_over/y.npy")
        for fidelity in ("full", "inference"):
            check_same(unbundle("../hand_over/m.kbundle", allow=["filesystem"], fidelity=fidelity), x, y, fidelity)
    """)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "bfloat16", "float64"])
def test_every_dtype_policy_travels(workshop: Workshop, policy: str) -> None:
    workshop.write(HOOKS)
    workshop.author(f"""
        from hooks import Packed
        keras.config.set_dtype_policy({policy!r})
        model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "tanh"), Packed(), keras.layers.Dense(3)])
        model.compile("adam", "mse")
        x = np.linspace(-1, 1, 32).reshape(4, 8)
        model.fit(x, np.ones((4, 3)), verbose=0)
        bundle(model, "../hand_over/m.kbundle", payload="both")
        np.save("../hand_over/y.npy", np.asarray(model.predict(x, verbose=0), "float64"))
        np.savez("../hand_over/w.npz", *[np.asarray(w, "float64") for w in model.get_weights()])
    """)
    workshop.consumer(f"""
        x, y = np.linspace(-1, 1, 32).reshape(4, 8), np.load("../hand_over/y.npy")
        model = unbundle("../hand_over/m.kbundle", allow=["filesystem"])
        assert model.layers[0].dtype_policy.name == {policy!r}
        saved = np.load("../hand_over/w.npz")
        for index, weight in enumerate(model.get_weights()):
            assert (np.asarray(weight, "float64") == saved[f"arr_{{index}}"]).all()
        assert np.asarray(model.predict(x, verbose=0), "float64").tolist() == y.tolist()
        model.fit(x, y, verbose=0)
        graph = unbundle("../hand_over/m.kbundle", allow=["filesystem"], fidelity="inference")
        gap = np.abs(np.asarray(graph.predict(x, verbose=0), "float64") - y).max()
        assert gap <= graph.facts.agreement.absolute_tolerance
    """)


def test_a_quantised_model_travels(workshop: Workshop) -> None:
    workshop.write(HOOKS)
    workshop.author("""
        import warnings
        warnings.simplefilter("ignore")
        from hooks import Packed
        model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu"), Packed(), keras.layers.Dense(3)])
        model.quantize("int8")
        assert model.layers[0].quantization_mode == "int8"
        x = np.linspace(-1, 1, 32, dtype="float32").reshape(4, 8)
        bundle(model, "../hand_over/m.kbundle", payload="both")
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer("""
        x, y = np.linspace(-1, 1, 32, dtype="float32").reshape(4, 8), np.load("../hand_over/y.npy")
        model = unbundle("../hand_over/m.kbundle", allow=["filesystem"])
        assert model.layers[0].quantization_mode == "int8"
        check_same(model, x, y, "full")
        assert difference(unbundle("../hand_over/m.kbundle", allow=["filesystem"], fidelity="inference"), x, y) < 5e-2
    """)


def test_shared_layers_stay_shared(workshop: Workshop) -> None:
    workshop.write(HOOKS)
    workshop.author("""
        from hooks import Packed
        shared, tower = Packed(), keras.Sequential([keras.layers.Dense(3), Packed()])
        a, b = keras.Input((3,), name="left"), keras.Input((3,), name="right")
        model = keras.Model([a, b], keras.layers.Concatenate()([tower(shared(a)), tower(shared(b))]))
        bundle(model, "../hand_over/m.kbundle")
        x = [np.ones((4, 3), "float32"), np.zeros((4, 3), "float32")]
        np.savez("../hand_over/y.npz", y=model.predict(x, verbose=0), count=model.count_params())
    """)
    workshop.consumer("""
        saved = np.load("../hand_over/y.npz")
        model = unbundle("../hand_over/m.kbundle", allow=["filesystem"])
        assert model.count_params() == saved["count"]
        lifecycle(model, [np.ones((4, 3), "float32"), np.zeros((4, 3), "float32")], saved["y"])
    """)


def test_a_model_with_a_dict_of_inputs_and_outputs_travels(workshop: Workshop) -> None:
    workshop.write(HOOKS)
    workshop.author("""
        from hooks import Packed
        a, b = keras.Input((3,), name="left"), keras.Input((2,), name="right", dtype="int32")
        e = keras.layers.Flatten()(keras.layers.Embedding(5, 2)(b))
        model = keras.Model({"left": a, "right": b}, {"sum": Packed(name="sum")(a), "code": Packed(name="code")(e)})
        model.compile("adam", {"sum": "mse", "code": "mae"})
        x = {"left": np.ones((4, 3), "float32"), "right": np.full((4, 2), 3)}
        model.fit(x, {"sum": np.ones((4, 3)), "code": np.ones((4, 4))}, verbose=0)
        bundle(model, "../hand_over/m.kbundle", payload="both")
        np.savez("../hand_over/y.npz", **model.predict(x, verbose=0))
    """)
    workshop.consumer("""
        saved = np.load("../hand_over/y.npz")
        x = {"left": np.ones((4, 3), "float32"), "right": np.full((4, 2), 3)}
        for fidelity in ("full", "inference"):
            got = unbundle("../hand_over/m.kbundle", allow=["filesystem"], fidelity=fidelity).predict(x, verbose=0)
            assert sorted(got) == ["code", "sum"]
            assert all(np.abs(got[name] - saved[name]).max() < 1e-6 for name in got)
        model = unbundle("../hand_over/m.kbundle", allow=["filesystem"])
        model.fit(x, dict(saved), verbose=0)
    """)


def test_recurrent_layers_with_cells_of_the_authors_travel(workshop: Workshop) -> None:
    workshop.write(
        {
            "cells.py": """
                import keras
                from keras import ops

                @keras.saving.register_keras_serializable(package="cells")
                class Leaky(keras.layers.Layer):
                    def __init__(self, units, leak=0.5, **kwargs):
                        super().__init__(**kwargs)
                        self.units, self.leak = units, leak
                        self.state_size = [units, units]
                    def build(self, shape):
                        self.w = self.add_weight(shape=(shape[-1], self.units))
                    def call(self, x, states):
                        new = ops.matmul(x, self.w) + states[0] * self.leak + states[1]
                        return new, [new, states[1] + 1.0]
                    def get_config(self):
                        return {**super().get_config(), "units": self.units, "leak": self.leak}
            """
        }
    )
    workshop.author("""
        from cells import Leaky
        stacked = keras.layers.RNN([Leaky(4), keras.layers.GRUCell(3), Leaky(2, 0.1)], return_sequences=True)
        both_ways = keras.layers.Bidirectional(keras.layers.RNN(Leaky(4), return_sequences=True))
        model = keras.Sequential([keras.Input((None, 3)), both_ways, stacked])
        x = np.linspace(-1, 1, 30, dtype="float32").reshape(2, 5, 3)
        bundle(model, "../hand_over/m.kbundle", payload="both")
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer("""
        x, y = np.linspace(-1, 1, 30, dtype="float32").reshape(2, 5, 3), np.load("../hand_over/y.npy")
        lifecycle(unbundle("../hand_over/m.kbundle"), x, y)
        check_same(unbundle("../hand_over/m.kbundle", fidelity="inference"), x, y, "graph")
    """)


def test_an_argument_that_cannot_be_made_from_its_config_is_the_part_that_runs(workshop: Workshop) -> None:
    # Keras builds the inner cell from the config, and the outer one builds it again.
    workshop.author("""
        from bundler.keras_io.adapt.arguments import argument_of

        @keras.saving.register_keras_serializable(package="cells")
        class Around(keras.layers.Layer):
            def __init__(self, cell, **kwargs):
                super().__init__(**kwargs)
                self.cell, self.state_size = cell, cell.state_size
            def build(self, shape):
                self.cell.build(shape)
            def call(self, x, states):
                return self.cell(x, states)
            def get_config(self):
                return {**super().get_config(), "cell": keras.saving.serialize_keras_object(self.cell)}
            @classmethod
            def from_config(cls, config):
                return cls(keras.saving.deserialize_keras_object(config.pop("cell")), **config)

        both = keras.layers.Bidirectional(keras.layers.RNN(Around(keras.layers.GRUCell(4))))
        both(np.ones((2, 5, 3)))
        assert argument_of(both, "layer") is both.forward_layer
    """)
