"""Weights that are taken from memory as they lie are those that Keras reads from a file, bit by bit."""

from __future__ import annotations

from tests.models.conftest import Workshop

NETS = """
    import copy
    import keras
    import numpy as np
    import tensorflow as tf
    from keras import layers, ops

    class Own(layers.Layer):
        "Saves and loads in a way of its own, with names of its own."
        def build(self, shape):
            self.kernel = self.add_weight(shape=(shape[-1], 32), name="kernel")
            self.count = self.add_weight(shape=(), initializer="zeros", dtype="int64", trainable=False)
            self.kept = None
        def call(self, x):
            return ops.matmul(x, self.kernel)
        def save_own_variables(self, store):
            store["matrix"] = ops.convert_to_numpy(self.kernel)
            store["more"] = np.arange(1024, dtype="float64")
        def load_own_variables(self, store):
            assert "matrix" in store and set(store.keys()) == {"matrix", "more"} and len(store) == 2
            self.kernel.assign(store["matrix"])
            self.kept = np.asarray(store["more"])
            # What an author does to an array of the store is nobody else's business.
            np.asarray(store["more"])[:] = 0
            assert np.array(store["more"])[5] == 5

    class Assigning(layers.Layer):
        "Sets in build what no file has: the layer loads nothing."
        def build(self, shape):
            self.table = self.add_weight(shape=(shape[-1],), initializer="zeros", trainable=False)
            self.table.assign(np.arange(shape[-1], dtype="float32"))
            self.read = float(ops.sum(self.table))
            self.drawn = self.add_weight(shape=(64, 64), initializer=keras.initializers.RandomNormal(seed=3))
        def call(self, x):
            return x + self.table + ops.sum(self.drawn) * 0
        def save_own_variables(self, store):
            pass
        def load_own_variables(self, store):
            pass

    class Twice(layers.Layer):
        "Takes one array twice, copies a weight while it is built, and computes with one in a graph."
        def build(self, shape):
            self.one = self.add_weight(shape=(4096,), initializer=keras.initializers.RandomNormal(seed=5))
            self.sum = float(tf.function(lambda: ops.sum(self.one))())
            # Past Keras, which would take them for weights.
            other = keras.Variable(keras.initializers.RandomNormal(seed=5), shape=(4096,))
            object.__setattr__(self, "copies", (copy.deepcopy(other), other))
        def load_own_variables(self, store):
            super().load_own_variables(store)
            self.before = ops.convert_to_numpy(self.one)
            super().load_own_variables(store)
            two = keras.Variable(np.zeros(4096, "float32"))
            two.assign(store["0"])
            two.assign(two * 0)
            assert np.array_equal(self.one, self.before) and self.before.any()
        def save_own_variables(self, store):
            store["0"] = self.one
        def call(self, x):
            return x + ops.sum(self.one) * 0

    class Reading(layers.Layer):
        "Reads its weight in call, also while Keras only asks for shapes."
        def build(self, shape):
            self.w = self.add_weight(shape=(shape[-1], shape[-1]), name="w")
            self.small = self.add_weight(shape=(shape[-1],), dtype="float16", name="small")
        def call(self, x):
            return ops.matmul(x, self.w.value) + ops.cast(self.small, x.dtype)

    def model():
        x = keras.Input((32,))
        # From 1 MiB on, the file of the weights begins on a page.
        y = layers.Dense(32, activation="gelu")(layers.Dense(2048)(x))
        y = layers.BatchNormalization()(Reading(name="reading", trainable=False)(y))
        y = layers.Dense(32, dtype="bfloat16")(y)
        y = layers.Dropout(0.3)(ops.cast(y, "float32"))
        y = Assigning(name="assigning")(Own(name="own")(y))
        y = layers.Reshape((4, 8))(layers.Dense(32, dtype="mixed_float16")(y))
        y = layers.GRU(16)(layers.Bidirectional(layers.LSTM(16, return_sequences=True))(y))
        y = layers.Dense(4, dtype="float64")(y)
        made = keras.Model(x, y)
        made.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
        return made
"""
X = """
    import hashlib
    x = np.random.RandomState(0).normal(size=(12, 32)).astype("float32")
    y = np.random.RandomState(1).normal(size=(12, 4))
    def digests(model):
        every = [*model.weights, *model.optimizer.variables]
        return [hashlib.sha256(np.asarray(v.value).tobytes()).hexdigest() + str(v.dtype) + v.path for v in every]
"""


def test_weights_and_the_next_step_are_bit_by_bit_those_of_keras(workshop: Workshop) -> None:
    workshop.write({"nets.py": NETS})
    workshop.author(
        X
        + """
    import nets
    model = nets.model()
    model.fit(x, y, verbose=0)
    model.get_layer("own").count.assign(0)
    bundle(model, "../hand_over/m.kbundle")
    """
    )
    workshop.consumer(
        X
        + """
    from bundler.keras_io import private
    from bundler.keras_io.weights import deferred, loading_in_place
    taken, made = [], []
    tensor, unread = loading_in_place._tensor, deferred._unread
    loading_in_place._tensor = lambda array: taken.append(tensor(array)) or taken[-1]
    deferred._unread = lambda *what: made.append(what) or unread(*what)
    model = unbundle("../hand_over/m.kbundle", self_test=True)
    import tensorflow as tf
    assert sum(isinstance(item, tf.Tensor) for item in taken) > 20, taken
    assert made, "Keras has not asked for the shapes of a layer that reads its weight"
    # Keras's own way, over a file.
    library, private.saving_library = private.saving_library, lambda: None
    variables, private.variable_class = private.variable_class, lambda: None
    other = unbundle("../hand_over/m.kbundle")
    private.saving_library, private.variable_class = library, variables
    assert digests(model) == digests(other)
    for one in (model, other):
        assert one.get_layer("own").kept[5] == 5
        assert one.get_layer("assigning").read == 32 * 31 / 2
        assert not any("kbundle" in name for v in one.weights for name in vars(v)), vars(one.weights[0])
    # A layer that was frozen when it was saved is trained once it is thawed.
    for one in (model, other):
        one.trainable = True
        one.get_layer("reading").trainable = True
        one.compile(keras.optimizers.Adam(0.01, name="adam"), "mse", metrics=["mae"])
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(one(x))
        assert tape.gradient(total, one.get_layer("reading").w.value) is not None
    for _ in range(2):
        assert np.array_equal(model.predict(x, verbose=0), other.predict(x, verbose=0))
        assert model.train_on_batch(x, y) == other.train_on_batch(x, y)
        assert digests(model) == digests(other)
    # It is a model as any other.
    bundle(model, "again.kbundle")
    assert digests(unbundle("again.kbundle")) == digests(model)
    model.set_weights([w * 2 for w in model.get_weights()])
    model.save("saved.keras")
    """
    )


def test_nothing_that_happens_to_the_file_or_in_a_fork_changes_a_loaded_model(workshop: Workshop) -> None:
    workshop.write({"nets.py": NETS})
    workshop.author(
        X
        + """
    import nets
    model = nets.model()
    model.fit(x, y, verbose=0)
    bundle(model, "../hand_over/m.kbundle")
    """
    )
    workshop.consumer(
        X
        + """
    import os
    path = "../hand_over/m.kbundle"
    model = unbundle(path)
    before = digests(model)
    with open(path, "r+b") as file:
        file.write(b"\\0" * os.path.getsize(path))
    assert digests(model) == before
    os.truncate(path, 0)
    os.remove(path)
    assert digests(model) == before
    if os.fork() == 0:
        for variable in model.weights:
            variable.assign(variable * 0)
        os._exit(0)
    assert os.wait()[1] == 0
    assert digests(model) == before
    """
    )


def test_what_a_layer_does_to_its_weights_while_it_loads_is_done(workshop: Workshop) -> None:
    workshop.write({"nets.py": NETS})
    workshop.author(
        """
    import graphs, nets
    model = keras.Sequential([keras.Input((4,)), nets.Twice()])
    np.save("../hand_over/sum.npy", model.layers[0].sum)
    bundle(model, "../hand_over/m.kbundle")
    """
    )
    workshop.consumer(
        """
    import graphs
    model = unbundle("../hand_over/m.kbundle")
    layer = model.layers[0]
    assert layer.sum == np.load("../hand_over/sum.npy"), "the graph of a function saw other numbers"
    assert np.array_equal(*layer.copies) and np.asarray(layer.copies[0]).any()
    """
    )


def test_writes_no_weights_while_it_loads(workshop: Workshop) -> None:
    workshop.author("""
        model = keras.Sequential([keras.Input((512,)), keras.layers.Dense(512), keras.layers.Dense(512)])
        bundle(model, "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        import os, pathlib, tempfile
        from bundler.unpacking import unbundling
        sizes = []
        build = unbundling.build
        def seen(directory, *what, **more):
            model = build(directory, *what, **more)
            sizes.append(sum(item.stat().st_size for item in directory.rglob("*") if item.is_file()))
            return model
        unbundling.build = seen
        unbundle("../hand_over/m.kbundle")
        assert 0 < sizes[0] < 20_000, sizes
    """)


def test_numbers_of_the_other_byte_order_are_left_to_keras(workshop: Workshop) -> None:
    workshop.write(
        {
            "tables.py": """
                import keras
                import numpy as np
                class Table(keras.layers.Layer):
                    def build(self, shape):
                        self.w = self.add_weight(shape=(shape[-1],))
                        self.table = np.array([1, 256], ">i4")
                    def call(self, x):
                        return x * self.w
                    def save_own_variables(self, store):
                        super().save_own_variables(store)
                        store["table"] = self.table
                    def load_own_variables(self, store):
                        self.table = np.array(store["table"])
                        self.w.assign(store["0"])
            """
        }
    )
    workshop.author("""
        from tables import Table
        model = keras.Sequential([keras.Input((3,)), Table()])
        model.layers[0].table = np.array([2, 512], ">i4")
        np.save("../hand_over/y.npy", model.predict(np.ones((1, 3)), verbose=0))
        bundle(model, "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        from bundler.keras_io.weights.stored_weights import StoredWeights
        written = []
        write = StoredWeights.write
        StoredWeights.write = lambda self, path: written.append(path) or write(self, path)
        model = unbundle("../hand_over/m.kbundle")
        assert written and model.layers[0].table.tolist() == [2, 512], model.layers[0].table
        assert np.array_equal(model.predict(np.ones((1, 3)), verbose=0), np.load("../hand_over/y.npy"))
    """)
