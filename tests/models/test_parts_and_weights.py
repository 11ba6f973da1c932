"""Weights that Keras leaves out, and layers that have several places, come back as they are."""

from __future__ import annotations

from tests.models.conftest import Workshop

NETS = """
    import keras
    from keras import layers, ops

    class Stack(layers.Layer):
        def __init__(self, sizes=(8, 4), **options):
            super().__init__(**options)
            self.sizes = sizes
            self._layers = [layers.Dense(size, activation="relu") for size in sizes]
        def build(self, shape):
            for layer in self._layers:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)
        def call(self, x):
            for layer in self._layers:
                x = layer(x)
            return x
        def get_config(self):
            return {**super().get_config(), "sizes": self.sizes}

    class Tower:
        def __init__(self, units):
            self.dense = layers.Dense(units)

    class Hidden(layers.Layer):
        def __init__(self, units, **options):
            super().__init__(**options)
            self.units = units
            self.tower = Tower(units)
        def build(self, shape):
            self.tower.dense.build(shape)
        def call(self, x):
            return self.tower.dense(x)
        def get_config(self):
            return {**super().get_config(), "units": self.units}

    class Scaled(layers.Dense):
        def build(self, shape):
            super().build(shape)
            self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        def call(self, x):
            return super().call(x) * self.scale

    class Tied(layers.Layer):
        def __init__(self, dense, **options):
            super().__init__(**options)
            self.dense = dense
        def call(self, x):
            return ops.matmul(x, ops.transpose(self.dense.kernel))

    class Mlp(layers.Layer):
        def __init__(self, units, **options):
            super().__init__(**options)
            self.units = units
            self.inner = layers.Dense(units)
        def build(self, shape):
            self.inner.build(shape)
        def call(self, x):
            return self.inner(x)
        def get_config(self):
            return {**super().get_config(), "units": self.units}

    class Slow(keras.optimizers.SGD):
        def __init__(self, lr=0.5):
            super().__init__(learning_rate=lr, momentum=0.5)

    class Compiled(keras.Model):
        def __init__(self, units, **options):
            super().__init__(**options)
            self.units = units
            self.dense = layers.Dense(units)
        def call(self, x):
            return self.dense(x)
        def compile(self, rate, **options):
            super().compile(optimizer=keras.optimizers.Adam(rate), **options)
        def get_config(self):
            return {**super().get_config(), "units": self.units}
"""
MODELS = """
    import nets, keras
    from keras import layers

    def private():
        return keras.Sequential([keras.Input((6,)), nets.Stack(), nets.Hidden(3)])

    def shared():
        i = keras.Input((6,))
        dense = nets.Scaled(6, activation="tanh", name="shared")
        inner = keras.Model(i, dense(i), name="inner")
        return keras.Model(i, inner(dense(inner(i))))

    def tied():
        i, z = keras.Input((6,)), keras.Input((3,))
        dense = layers.Dense(3)
        encoder = keras.Model(i, dense(i), name="encoder")
        decoder = keras.Sequential([z, nets.Tied(dense)], name="decoder")
        return keras.Model(i, decoder(encoder(i)))

    def lora():
        model = keras.Sequential([keras.Input((6,)), nets.Mlp(4)])
        model.layers[0].inner.enable_lora(2)
        return model

    def int8():
        model = keras.Sequential([keras.Input((6,)), nets.Mlp(4)])
        model.layers[0].inner.quantize("int8")
        return model

    def optimizer():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
        model.compile(nets.Slow(0.25), "mse")
        return model

    def compiled():
        model = nets.Compiled(3)
        model.build((None, 6))
        model.compile(0.02, loss="mse")
        return model

    MODELS = {make.__name__: make for make in (private, shared, tied, lora, int8, optimizer, compiled)}
"""
CHANGED = ("private", "shared", "tied", "lora", "int8", "optimizer", "compiled")


def test_brings_back_what_keras_alone_leaves_out(workshop: Workshop) -> None:
    workshop.write({"nets.py": NETS, "made.py": MODELS})
    workshop.author(
        """
        import made
        for name, make in made.MODELS.items():
            model = make()
            for number, variable in enumerate(model.weights):
                if str(variable.dtype) == "float32":
                    variable.assign(np.random.default_rng(number).normal(size=variable.shape))
            x = np.random.default_rng(9).normal(size=(8, 6)).astype("float32")
            y = np.asarray(model(x))
            bundle(model, f"../hand_over/{name}.kbundle")
            if name != "int8":
                if not model.compiled:
                    model.compile("sgd", "mse")
                model.train_on_batch(x, y * 0.5)
            np.savez(f"../hand_over/{name}.npz", x=x, y=y, after=np.asarray(model(x)), count=len(model.weights))
        """
    )
    workshop.consumer(
        f"""
        import copy
        for name in {CHANGED!r}:
            data = np.load(f"../hand_over/{{name}}.npz")
            model = unbundle(f"../hand_over/{{name}}.kbundle")
            assert len(model.weights) == int(data["count"]), (name, len(model.weights))
            near = lambda found, role: np.testing.assert_allclose(found, data[role], rtol=1e-4, atol=1e-5, err_msg=name)
            near(np.asarray(model(data["x"])), "y")
            near(np.asarray(copy.deepcopy(model)(data["x"])), "y")
            if name != "int8":
                if not model.compiled:
                    model.compile("sgd", "mse")
                model.train_on_batch(data["x"], data["y"] * 0.5)
                near(np.asarray(model(data["x"])), "after")
        model = unbundle("../hand_over/shared.kbundle")
        assert model.get_layer("inner").get_layer("shared") is model.get_layer("shared")
        """
    )
