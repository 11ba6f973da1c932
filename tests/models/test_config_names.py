"""What the config of an adapted class may name: declared objects and the vocabulary of models, nothing else."""

from __future__ import annotations

from tests.models.conftest import Workshop


def test_a_config_gets_at_nothing_outside_the_vocabulary_of_models(workshop: Workshop) -> None:
    workshop.author("""
        from bundler.errors import InvalidBundle
        from bundler.keras_io.adapt.values import TAG, decode

        def refused(value):
            try:
                decode(value, {}.__getitem__)
            except InvalidBundle as error:
                return "config.json" in str(error)
            return False

        for module, name in [
            ("tensorflow", "load_library"), ("tensorflow", "py_function"), ("tensorflow", "io"), ("numpy", "load"),
            ("numpy", "fromfile"), ("keras.models", "load_model"), ("keras.utils", "get_file"), ("builtins", "eval"),
            ("os", "system"), ("tensorflow.io", "write_file"), ("keras.layers", "__loader__"), ("numpy", "ctypeslib"),
        ]:
            assert refused({TAG: "public", "module": module, "name": name}), (module, name)
            partial = {TAG: "partial", "items": [], "keywords": {}}
            assert refused({**partial, "function": {TAG: "public", "module": module, "name": name}})

        dense = {TAG: "public", "module": "keras.layers", "name": "Dense"}
        assert decode({TAG: "class", "of": dense}, {}.__getitem__) is keras.layers.Dense
        for kind, more in [("instance", {"keywords": {"units": 1}}), ("state", {"items": []}),
                           ("enum", {"name": "x"}), ("named_tuple", {"items": []})]:
            assert refused({TAG: kind, "of": dense, **more}), kind
        assert refused({TAG: "unknown"})
    """)


def test_what_is_written_of_the_framework_can_be_read(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        from bundler.keras_io.adapt.values import decode, encode

        for value in [tf.nn.relu, tf.math.tanh, tf.reshape, np.tanh, np.float32, keras.ops.softmax, keras.losses.hinge,
                      keras.layers.Dense, keras.optimizers.schedules.CosineDecay, keras.Model, int]:
            assert decode(encode(value, lambda _: None), {}.__getitem__) is value, value
    """)
