"""A legacy .h5 file names its objects without modules; it is converted while it is packed."""

from __future__ import annotations

from tests.models.conftest import Workshop

PARTS = {
    "parts/__init__.py": "",
    "parts/gain.py": """
        import keras
        from parts import helper

        class Gain(keras.layers.Layer):
            def build(self, shape):
                self.w = self.add_weight(shape=(shape[-1],), initializer="ones")
            def call(self, x):
                return helper.twice(x) * self.w

        @keras.saving.register_keras_serializable(package="parts", name="Shifted")
        class Shift(keras.layers.Layer):
            def __init__(self, by=1.0, **kwargs):
                super().__init__(**kwargs)
                self.by = by
            def call(self, x):
                return x + self.by
            def get_config(self):
                return {**super().get_config(), "by": self.by}
    """,
    "parts/helper.py": "def twice(x):\n    return x * 2\n",
    "parts/acts.py": """
        from keras import ops
        def soft(x):
            return ops.softplus(x)
        def gap(y, p):
            return ops.mean(ops.abs(y - p), axis=-1)
    """,
}
SAVE = """
    import warnings
    warnings.simplefilter("ignore")
    from parts.gain import Gain, Shift
    from parts.acts import soft, gap
    model = keras.Sequential([
        keras.Input((3,)), Gain(name="soft_gain"), Shift(0.5), keras.layers.Dense(2, activation=soft),
        keras.layers.Dense(2, "relu"),
    ])
    model.compile("adam", loss=gap, metrics=["mae"])
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    model.save("../hand_over/m.h5")
    np.save("../hand_over/y.npy", model.predict(np.ones((4, 3)), verbose=0))
"""


def test_an_h5_file_is_converted_and_travels_with_its_source(workshop: Workshop) -> None:
    workshop.write(PARTS)
    workshop.author(SAVE)
    workshop.consumer("""
        packed = bundle("../hand_over/m.h5", "../hand_over/m.kbundle", sources=["../source"])
        assert packed.manifest.payload.kind == "keras" and packed.manifest.payload.fidelity == "full"
        found = {(item.module, item.qualname, item.key) for item in packed.manifest.objects}
        assert found == {
            ("parts.gain", "Gain", "Gain"), ("parts.gain", "Shift", "parts>Shifted"), ("parts.acts", "soft", "soft"),
            ("parts.acts", "gap", "gap")}, found
        assert not [item.name for item in packed.manifest.members if item.name.endswith(".h5")]
        assert "parts.helper" in [item.name for item in packed.manifest.modules]
    """)
    workshop.consumer("""
        model = unbundle("../hand_over/m.kbundle")
        assert model.loss.__name__ == "gap"
        lifecycle(model, np.ones((4, 3)), np.load("../hand_over/y.npy"))
    """)


def test_an_h5_file_of_keras_alone_needs_no_source(workshop: Workshop) -> None:
    workshop.author("""
        import warnings
        warnings.simplefilter("ignore")
        i = keras.Input((4, 4, 1))
        h = keras.layers.BatchNormalization()(keras.layers.Conv2D(2, 3, activation="gelu")(i))
        model = keras.Model(i, keras.layers.GlobalAveragePooling2D()(h))
        model.save("m.hdf5")
        bundle("m.hdf5", "../hand_over/m.kbundle")
        np.save("../hand_over/y.npy", model.predict(np.ones((2, 4, 4, 1)), verbose=0))
    """)
    workshop.consumer("""
        check_same(unbundle("../hand_over/m.kbundle"), np.ones((2, 4, 4, 1)), np.load("../hand_over/y.npy"), "predict")
    """)


def test_missing_names_of_an_h5_file_are_all_listed(workshop: Workshop) -> None:
    workshop.write(PARTS)
    workshop.author(SAVE)
    workshop.consumer("""
        try:
            bundle("../hand_over/m.h5", "../hand_over/m.kbundle")
        except SourceError as error:
            print(error)
            text = str(error)
            for name in ("'Gain'", "'parts>Shifted'", "'soft'", "'gap'", "custom_objects="):
                assert name in text, name
            assert len(error.problems) == 4
        else:
            raise AssertionError("not refused")
    """)


def test_ambiguous_names_of_an_h5_file_are_refused_with_their_places(workshop: Workshop) -> None:
    workshop.write(PARTS)
    workshop.author(SAVE)
    workshop.write({"parts/other.py": "class Gain:\n    pass\n\nclass Dense:\n    pass\n"})
    workshop.consumer("""
        try:
            bundle("../hand_over/m.h5", "../hand_over/m.kbundle", sources=["../source"])
        except SourceError as error:
            print(error)
            text = str(error)
            assert "parts.gain line" in text and "parts.other line 1" in text
            assert "'Dense' may be Keras's own or the one in parts.other line 4" in text
            assert len(error.problems) == 2
        else:
            raise AssertionError("not refused")
    """)


def test_custom_objects_decide_what_a_name_of_an_h5_file_means(workshop: Workshop) -> None:
    workshop.write(PARTS)
    workshop.author(SAVE)
    workshop.write({"parts/other.py": "class Gain:\n    pass\n\nclass Dense:\n    pass\n"})
    workshop.author("""
        from parts.gain import Gain
        packed = bundle("../hand_over/m.h5", "../hand_over/m.kbundle", sources=["../source"],
                        custom_objects={"Gain": Gain, "Dense": keras.layers.Dense})
        assert "parts.gain" in {item.module for item in packed.manifest.objects if item.qualname == "Gain"}
    """)
    workshop.consumer("""
        lifecycle(unbundle("../hand_over/m.kbundle"), np.ones((4, 3)), np.load("../hand_over/y.npy"))
    """)


def test_custom_objects_decide_what_a_name_of_a_keras_file_means(workshop: Workshop) -> None:
    workshop.write(
        {"gain.py": "import keras\nclass Gain(keras.layers.Layer):\n    def call(self, x):\n        return x * 2\n"}
    )
    workshop.author("""
        from gain import Gain
        keras.Sequential([keras.Input((3,)), Gain()]).save("../hand_over/m.keras")
        packed = bundle("../hand_over/m.keras", "../hand_over/m.kbundle", custom_objects={"Gain": Gain})
        assert [item.module for item in packed.manifest.objects] == ["gain"]
    """)
    workshop.consumer("""
        x = np.ones((4, 3), "float32")
        lifecycle(unbundle("../hand_over/m.kbundle"), x, x * 2)
    """)


def test_a_file_of_weights_alone_is_refused_and_builder_is_named(workshop: Workshop) -> None:
    workshop.author("""
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        model.save_weights("only.weights.h5")
        open("text.h5", "w").write("not a file of weights")
        for name, word in (("only.weights.h5", "builder="), ("text.h5", "HDF5")):
            try:
                bundle(name, "../hand_over/m.kbundle")
            except PackError as error:
                print(error)
                assert word in str(error)
            else:
                raise AssertionError("not refused")
    """)


def test_a_keras_2_operation_is_refused_with_the_way_out(workshop: Workshop) -> None:
    workshop.author("""
        import h5py, json
        config = {"class_name": "Functional", "config": {"name": "model", "layers": [
            {"class_name": "TFOpLambda", "config": {"name": "tf.math.add", "function": "math.add"}, "name": "a"}]}}
        with h5py.File("old.h5", "w") as file:
            file.attrs["model_config"] = json.dumps(config)
            file.create_group("model_weights")
        try:
            bundle("old.h5", "../hand_over/m.kbundle")
        except SourceError as error:
            print(error)
            assert "model.export(folder)" in str(error)
        else:
            raise AssertionError("not refused")
    """)


def test_refuses_an_h5_file_whose_config_is_none(workshop: Workshop) -> None:
    workshop.author("""
        import h5py, pathlib
        from bundler.keras_io.files.legacy_h5 import read_config

        for config in (3, np.arange(3), b"\\xff", "[" * 10_000, '"a model"', "null", ["{}", "{}"]):
            with h5py.File("m.h5", "w") as file:
                file.attrs["model_config"] = config
            try:
                read_config(pathlib.Path("m.h5"))
            except PackError as error:
                assert str(error).startswith("m.h5: "), error
            else:
                raise AssertionError(config)
    """)
