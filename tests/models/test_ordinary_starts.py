"""Ordinary ways to import, to read settings and to keep values of a loop: one script, one consumer."""

from __future__ import annotations

import pytest

from tests.models.conftest import Workshop

FIRST = """
    import keras
    class Base(keras.layers.Layer):
        pass
    import second
    HELPER = second.Helper
    class Own(Base):
        def __init__(self, **options):
            super().__init__(**options)
            self.helper = HELPER()
        def call(self, x):
            return self.helper(x)
"""
SECOND = """
    from keras.applications.mobilenet_v2 import *
    from first import Base
    class Helper(Base):
        def __init__(self, **options):
            super(Helper, self).__init__(**options)
            self.size = len([1])
        def call(self, x):
            return x * 2
"""
AUTHOR = """
    import sys
    import first
    import tensorflow as tf
    from tensorflow import keras as lazy
    import tensorflow.keras as twice
    from absl import flags
    FLAGS = flags.FLAGS
    flags.DEFINE_float("alpha", 0.2, "slope")
    FLAGS(["train.py", "--alpha=0.35"])
    alias = tf.keras

    class Net(alias.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = lazy.layers.Dense(4, activation=twice.activations.relu)
        def call(self, x):
            return self.dense(x) * FLAGS.alpha + tf.compat.v1.math.tanh(x[:, :1])

    gates = []
    for rate in (0.5, 0.25):
        def gate(x, rate=rate):
            return x * rate
        gates.append(gate)
    rate = None
    layers = [Net(), first.Own(), *(keras.layers.Lambda(item) for item in gates), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    np.savez("../hand_over/data.npz", x=x, y=model.predict(x, verbose=0))
    packed = bundle(model, "../hand_over/m.kbundle")
    assert packed.manifest.import_order == ("first", "second"), packed.manifest.import_order
    import io
    try:
        bundle(model, io.BytesIO())
    except PackError as error:
        assert "read the bytes of that file" in str(error)
    else:
        raise AssertionError("a bundle needs a path")
"""
CONSUMER = """
    data = np.load("../hand_over/data.npz")
    model = unbundle("../hand_over/m.kbundle")
    np.testing.assert_allclose(model.predict(data["x"], verbose=0), data["y"], atol=1e-6)
"""


def test_ordinary_imports_and_settings_travel(workshop: Workshop) -> None:
    workshop.write({"first.py": FIRST, "second.py": SECOND})
    workshop.author(AUTHOR)
    workshop.consumer(CONSUMER)


@pytest.mark.parametrize("whole", [None, True])
def test_never_packs_kbundle_itself(whole: bool | None, workshop: Workshop) -> None:
    workshop.write(
        {
            "shipped.py": """
                import keras
                import bundler
                from bundler import BundleError, bundle
                class Net(keras.Model):
                    def __init__(self):
                        super().__init__()
                        self.dense = keras.layers.Dense(2)
                    def call(self, x):
                        return self.dense(x)
                    def ship(self, path):
                        try:
                            return bundle(self, path)
                        except BundleError as error:
                            return error, bundler.__version__
            """
        }
    )
    workshop.author(
        f"""
        import quick_proof, shipped
        model = shipped.Net()
        model(np.ones((2, 3), "float32"))
        packed = bundler.bundle(model, "../hand_over/m.kbundle", offline=True, whole={whole})
        assert [module.name for module in packed.manifest.modules] == ["shipped"]
        assert packed.audit.asked == packed.manifest.proof.allow == ()
        """
    )
    assert workshop.consumer("print(type(unbundle('../hand_over/m.kbundle')).__name__)").output.endswith("Net\n")
