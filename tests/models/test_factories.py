"""Models of layers and losses that factories made under other names, proved while they are packed."""

from __future__ import annotations

from tests.models.conftest import Workshop

PARTS = """
    import functools
    import keras
    from keras import layers, ops

    BLOCKS = {}

    def block(name):
        def deco(cls):
            cls = keras.saving.register_keras_serializable(package="zoo")(cls)
            cls.short_name = name
            BLOCKS[name] = cls
            return cls
        return deco

    def auto_config(cls):
        init = cls.__init__
        def kept(self, width=2, **kwargs):
            init(self, width=width, **kwargs)
            self.given = width
        cls.__init__ = kept
        cls.get_config = lambda self: {**layers.Layer.get_config(self), "width": self.given}
        cls.told = f"a {cls.__name__}"
        return cls

    def residual(call):
        @functools.wraps(call)
        def wrapper(self, x):
            return x + call(self, x)
        return wrapper

    class ScaleMixin:
        def scale(self, x):
            return x * 0.5

    def make_layer(kind):
        if kind in BLOCKS:
            return BLOCKS[kind]
        bases = [ScaleMixin, layers.Layer] if kind == "wide" else [layers.Layer]
        class Block(*bases):
            def __init__(self, width=2, **kwargs):
                super().__init__(**kwargs)
                self.width = width
                self.up = layers.Dense(width)
                self.down = layers.Dense(4)
            def build(self, shape):
                self.up.build(shape)
                self.down.build((*shape[:-1], self.up.units))
            @residual
            def call(self, x):
                x = self.down(self.up(x))
                return self.scale(x) if kind == "wide" else ops.tanh(x)
        Block.__name__ = kind.capitalize() + "Block"
        Block.__qualname__ = Block.__name__
        return block(kind)(auto_config(Block))

    def make_gain(k):
        class Gain(layers.Layer):
            def call(self, x):
                return x * k
        Gain.__name__ = f"Gain{k}"
        Gain.__qualname__ = Gain.__name__
        return Gain

    def focal(gamma):
        def loss(y, p):
            return ops.mean(ops.abs(y - p) ** gamma, axis=-1)
        loss.__name__ = f"focal_{gamma}"
        loss.__qualname__ = loss.__name__
        return loss

    def masked(base, column):
        class Masked(base):
            def update_state(self, y, p, sample_weight=None):
                return super().update_state(y[:, column], p[:, column])
        # The name of the statement stays in __qualname__.
        Masked.__name__ = f"Masked{column}"
        return Masked(name=f"masked_{column}")

    Pool = block("pool")(type("Pool", (layers.Layer,), {"call": lambda self, x: ops.sum(x, axis=-1, keepdims=True)}))
"""


def test_what_factories_renamed_and_changed_comes_back(workshop: Workshop) -> None:
    workshop.write({"zoo/__init__.py": "", "zoo/parts.py": PARTS})
    workshop.author("""
        import quick_proof
        from zoo.parts import Pool, focal, make_gain, make_layer, masked
        x = np.random.default_rng(1).normal(size=(8, 4)).astype("float32")
        model = keras.Sequential([
            keras.Input((4,)),
            make_layer("wide")(width=3, name="a"),
            make_layer("slim")(width=5, name="b"),
            make_gain(2)(), make_gain(3)(), Pool(),
        ])
        model.compile("sgd", loss=focal(2), metrics=[focal(3), masked(keras.metrics.MeanAbsoluteError, 0)])
        model.fit(x, x[:, :1], verbose=0)
        bundler.bundle(model, "../hand_over/m.kbundle")
        again = bundler.unbundle("../hand_over/m.kbundle")
        bundler.bundle(again, "../hand_over/second.kbundle")
        y = model.predict(x, verbose=0)
        logs = model.train_on_batch(x, x[:, :1], return_dict=True)
        np.savez("../hand_over/n.npz", x=x, y=y, after=model.predict(x, verbose=0), names=sorted(logs))
    """)
    workshop.consumer("""
        held = np.load("../hand_over/n.npz")
        for name in ("m", "second"):
            model = bundler.unbundle(f"../hand_over/{name}.kbundle")
            x = held["x"]
            np.testing.assert_allclose(model.predict(x, verbose=0), held["y"], rtol=1e-5, atol=1e-6)
            logs = model.train_on_batch(x, x[:, :1], return_dict=True)
            assert sorted(logs) == list(held["names"]), logs
            np.testing.assert_allclose(model.predict(x, verbose=0), held["after"], rtol=1e-4, atol=1e-5)
            names = [type(layer).__name__ for layer in model.layers]
            assert names == ["WideBlock", "SlimBlock", "Gain2", "Gain3", "Pool"], names
            assert (model.layers[0].short_name, model.layers[0].told) == ("wide", "a WideBlock")
            assert model.layers[0].get_config()["width"] == 3
    """)
