"""Both ways of `bundler.keras_io.private`: with Keras's private names, and where a version does not have them."""

from __future__ import annotations

from tests.models.conftest import Workshop

NET = """
    import keras

    class Block(keras.layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.inner = keras.layers.Dense(units)
        def call(self, x):
            return self.inner(x)

    class Net(keras.Model):
        def __init__(self, units, head):
            super().__init__()
            self.block = Block(units)
            self.head = head
        def call(self, x):
            return self.head(self.block(x))

    def make(units):
        return Net(units, keras.layers.Dense(2))
"""
USE = """
    import quick_proof
    WITHOUT = {without}
    if WITHOUT:
        # Keras itself needs its names, so it is our side that does not see them.
        from bundler.keras_io import private
        private.trained_variables.__code__ = (lambda optimizer: []).__code__
        private.compile_call.__code__ = (lambda model: None).__code__
        private.given_learning_rate.__code__ = (lambda optimizer: None).__code__
        private.keras_globals.__code__ = (lambda: None).__code__
        private.eager_draws.__code__ = (lambda: None).__code__
        private.exclusions.__code__ = (lambda optimizer: (set(), id, None)).__code__
        private.tracked_layers.__code__ = (lambda layer: []).__code__
        private.plain_policy.__code__ = (lambda value: None).__code__
        private.saving_library.__code__ = private.variable_class.__code__ = (lambda: None).__code__
        private.WAYS = private.COMPILED = ()
    from nets import make
    x = np.ones((4, 3), "float32")
    for name in ("adapted", "built"):
        model = make(5)
        model(x)
        model.compile("adam", "mse")
        model.fit(x, np.ones((4, 2)), verbose=0)
        options = dict(builder=make, builder_kwargs={{"units": 5}}) if name == "built" else {{}}
        packed = bundler.bundle(model, f"../hand_over/{{name}}.kbundle", **options)
        assert packed.manifest.proof is not None
        np.save(f"../hand_over/{{name}}.npy", model.predict(x, verbose=0))
"""
LOAD = """
    x = np.ones((4, 3), "float32")
    for name in ("adapted", "built"):
        model = unbundle(f"../hand_over/{name}.kbundle")
        check_same(model, x, np.load(f"../hand_over/{name}.npy"), name)
        assert int(model.optimizer.iterations.numpy()) == 1
"""


def test_models_come_back_with_the_private_names_of_keras(workshop: Workshop) -> None:
    workshop.write({"nets.py": NET})
    workshop.author(USE.format(without=False))
    workshop.consumer(LOAD)


def test_models_come_back_without_the_private_names_of_keras(workshop: Workshop) -> None:
    workshop.write({"nets.py": NET})
    workshop.author(USE.format(without=True))
    workshop.consumer(LOAD)
