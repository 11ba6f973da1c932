"""The traps that Keras, Python's import system and real projects set for a loader."""

from __future__ import annotations

from tests.models.conftest import Workshop

TIMES = """
    import keras

    @keras.saving.register_keras_serializable(package="shop")
    class Times(keras.layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(), initializer="ones")
        def call(self, x):
            return x * self.w * FACTOR
"""

PACK_TIMES = """
    from layers import Times
    model = keras.Sequential([keras.Input((3,)), Times(), keras.layers.Dense(2, kernel_initializer="ones")])
    x = np.ones((4, 3), "float32")
    bundle(model, "../hand_over/{name}.kbundle")
    np.save("../hand_over/{name}.npy", model.predict(x, verbose=0))
"""


def two_bundles_with_one_key(workshop: Workshop) -> None:
    for name, factor in (("a", 2), ("b", 3)):
        workshop.write({"layers.py": TIMES.replace("FACTOR", str(factor))}, folder=name)
        workshop.author(PACK_TIMES.format(name=name), source=name)


def test_two_bundles_with_one_key_keep_their_own_code_in_both_orders(workshop: Workshop) -> None:
    two_bundles_with_one_key(workshop)
    for order in ("ab", "ba"):
        workshop.consumer(f"""
            x = np.ones((4, 3), "float32")
            models = {{name: unbundle(f"../hand_over/{{name}}.kbundle") for name in {order!r}}}
            expected = {{name: np.load(f"../hand_over/{{name}}.npy") for name in "ab"}}
            assert expected["a"][0, 0] == 6 and expected["b"][0, 0] == 9
            for name, model in models.items():
                check_same(model, x, expected[name], name)
            for name, model in models.items():
                lifecycle(model, x, expected[name])
        """)


def test_two_bundles_with_one_key_load_interleaved_in_four_threads(workshop: Workshop) -> None:
    two_bundles_with_one_key(workshop)
    workshop.consumer("""
        import copy, pickle
        from concurrent.futures import ThreadPoolExecutor
        x = np.ones((4, 3), "float32")
        def load(index):
            name = "ab"[index % 2]
            model = unbundle(f"../hand_over/{name}.kbundle")
            clone = keras.models.clone_model(model)
            clone.set_weights(model.get_weights())
            same = [model, clone, copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
            found = {(name, float(np.asarray(each(x))[0, 0])) for each in same}
            model.compile("sgd", "mse")
            model.fit(x, np.asarray(model(x)), verbose=0)
            return found | {(name, float(np.asarray(model.predict(x, verbose=0))[0, 0]))}
        with ThreadPoolExecutor(4) as pool:
            results = set().union(*pool.map(load, range(16)))
        assert results == {("a", 6.0), ("b", 9.0)}, results
    """)


def test_one_bundle_loaded_twice_has_the_same_classes(workshop: Workshop) -> None:
    two_bundles_with_one_key(workshop)
    workshop.consumer("""
        first, second = unbundle("../hand_over/a.kbundle"), unbundle("../hand_over/a.kbundle")
        other = unbundle("../hand_over/b.kbundle")
        assert type(first.layers[0]) is type(second.layers[0])
        assert type(first.layers[0]) is not type(other.layers[0])
        assert type(first.layers[0]).__name__ == "Times"
    """)


def test_a_key_of_the_host_is_neither_used_nor_changed(workshop: Workshop) -> None:
    two_bundles_with_one_key(workshop)
    workshop.consumer("""
        import sys
        @keras.saving.register_keras_serializable(package="shop")
        class Times(keras.layers.Layer):
            def call(self, x):
                return x * 100
        table = keras.saving.get_custom_objects()
        before, path, modules = dict(table), list(sys.path), set(sys.modules)

        x = np.ones((4, 3), "float32")
        model = unbundle("../hand_over/a.kbundle")
        lifecycle(model, x, np.load("../hand_over/a.npy"))

        assert table["shop>Times"] is Times
        assert keras.saving.get_registered_name(Times) == "shop>Times"
        assert {key: value for key, value in table.items() if not key.startswith("_kbundle_")} == before
        assert sys.path == path
        assert "layers" not in sys.modules
        ours = {name for name in set(sys.modules) - modules if name.startswith("_kbundle_")}
        assert ours and all(name.count(".") <= 1 for name in ours)
        assert isinstance(keras.layers.deserialize(keras.layers.serialize(Times())), Times)
    """)


def test_two_classes_of_one_name_from_two_modules(workshop: Workshop) -> None:
    layer = """
        import keras
        class Shift(keras.layers.Layer):
            def call(self, x):
                return {}
    """
    workshop.write({"ma.py": layer.format("x * 2"), "mb.py": layer.format("x + 5")})
    workshop.author("""
        import ma, mb
        model = keras.Sequential([keras.Input((3,)), ma.Shift(), mb.Shift(), keras.layers.Dense(1)])
        x = np.ones((4, 3), "float32")
        bundle(model, "../hand_over/m.kbundle")
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer("""
        lifecycle(unbundle("../hand_over/m.kbundle"), np.ones((4, 3), "float32"), np.load("../hand_over/y.npy"))
    """)


def test_two_functions_of_one_name_from_two_modules(workshop: Workshop) -> None:
    workshop.write({"fa.py": "def squash(x):\n    return x * 2\n", "fb.py": "def squash(x):\n    return x + 5\n"})
    workshop.author("""
        import fa, fb
        model = keras.Sequential([
            keras.Input((3,)), keras.layers.Dense(3, activation=fa.squash), keras.layers.Dense(2, activation=fb.squash)
        ])
        x = np.ones((4, 3), "float32")
        packed = bundle(model, "../hand_over/m.kbundle")
        assert fa.squash.__name__ == fb.squash.__name__ == "squash"
        assert [item.key for item in packed.manifest.objects] == ["squash", "squash"]
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer("""
        lifecycle(unbundle("../hand_over/m.kbundle"), np.ones((4, 3), "float32"), np.load("../hand_over/y.npy"))
    """)


def test_a_function_named_like_one_of_keras_stays_the_authors(workshop: Workshop) -> None:
    workshop.write(
        {"acts.py": "def relu(x):\n    return x * 3 - 1\n\n\ndef mse(y, p):\n    return (y - p) * 0 + 7.0\n"}
    )
    workshop.author("""
        from acts import mse, relu
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation=relu)])
        model.compile("sgd", loss=mse)
        x = np.ones((4, 3), "float32")
        packed = bundle(model, "../hand_over/m.kbundle")
        assert {item.key for item in packed.manifest.objects} == {"mse", "relu"}
        assert relu.__name__ == "relu"
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer("""
        x = np.ones((4, 3), "float32")
        model = unbundle("../hand_over/m.kbundle")
        assert model.evaluate(x, np.zeros((4, 2)), verbose=0) == 7.0
        lifecycle(model, x, np.load("../hand_over/y.npy"))
        assert keras.activations.get("relu") is keras.activations.relu
    """)


def test_what_a_decorator_or_a_factory_made_travels_with_its_module(workshop: Workshop) -> None:
    workshop.write(
        {
            "makers.py": """
                import keras

                def doubled(function):
                    def wrapper(x):
                        return function(x) * 2
                    return wrapper

                def layer_of(name, factor):
                    return type(name, (keras.layers.Layer,), {"call": lambda self, x: x * factor})
            """,
            "made.py": """
                from makers import doubled, layer_of

                @doubled
                def act(x):
                    return x + 1

                Tripled = layer_of("Tripled", 3)
                Halved = layer_of("SomeOtherName", 0.5)
            """,
        }
    )
    workshop.author("""
        import made
        model = keras.Sequential(
            [keras.Input((3,)), made.Tripled(), made.Halved(), keras.layers.Dense(2, activation=made.act)]
        )
        x = np.ones((4, 3), "float32")
        packed = bundle(model, "../hand_over/m.kbundle")
        print([(item.module, item.qualname, item.key) for item in packed.manifest.objects])
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer("""
        allowed = ["dynamic-code"]
        model = unbundle("../hand_over/m.kbundle", allow=allowed)
        lifecycle(model, np.ones((4, 3), "float32"), np.load("../hand_over/y.npy"))
    """)


def test_bundled_modules_may_be_called_like_modules_of_the_host(workshop: Workshop) -> None:
    workshop.write(
        {
            "utils.py": "def double(x):\n    return x * 2\n",
            "config.py": "OFFSET = 4.0\n",
            "layers.py": """
                import keras
                import config
                from utils import double
                class Affine(keras.layers.Layer):
                    def call(self, x):
                        import utils
                        return utils.double(x) + double(x) + config.OFFSET
            """,
        }
    )
    workshop.author("""
        from layers import Affine
        model = keras.Sequential([keras.Input((3,)), Affine(), keras.layers.Dense(1)])
        x = np.ones((4, 3), "float32")
        bundle(model, "../hand_over/m.kbundle")
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    host = {name: f"NAME = {name!r}\n" for name in ("utils.py", "config.py", "layers.py")}
    workshop.write(host, folder="host")
    workshop.consumer(
        """
        import sys, utils, config, layers
        hosts = (utils, config, layers)
        lifecycle(unbundle("../hand_over/m.kbundle"), np.ones((4, 3), "float32"), np.load("../hand_over/y.npy"))
        assert hosts == (sys.modules["utils"], sys.modules["config"], sys.modules["layers"])
        assert [module.NAME for module in hosts] == ["utils.py", "config.py", "layers.py"]
        """,
        path=(workshop.folder / "host",),
    )


def test_code_may_look_at_itself_and_import_late(workshop: Workshop) -> None:
    workshop.write(
        {
            "deep/__init__.py": "import deep.core\nfrom .core import Deep\n",
            "deep/late.py": "def add_one(x):\n    return x + 1\n",
            "deep/dynamic.py": "HALF = 0.5\n",
            "deep/scale.txt": "3.0\n",
            "deep/tables/offsets.json": "[0.25]\n",
            "deep/core.py": '''
                from __future__ import annotations
                import dataclasses
                import importlib
                import inspect
                import json
                import os
                from importlib import resources
                import keras
                import tensorflow as tf

                @dataclasses.dataclass
                class Settings:
                    steps: int = 2
                    names: list[str] = dataclasses.field(default_factory=list)

                @tf.function
                def clip(x):
                    if tf.reduce_sum(x) > 0:
                        return x
                    else:
                        return -x

                class Deep(keras.layers.Layer):
                    """Marked for getsource."""

                    def __init__(self, **kwargs):
                        super().__init__(**kwargs)
                        self.settings = Settings(names=["a"])

                    def build(self, shape):
                        scale = resources.files("deep").joinpath("scale.txt").read_text()
                        assert resources.files(__package__).joinpath("scale.txt").is_file()
                        here = os.path.dirname(__file__)
                        with open(os.path.join(here, "tables", "offsets.json")) as file:
                            offset = json.load(file)[0]
                        self.scale = self.add_weight(shape=(), initializer=keras.initializers.Constant(float(scale)))
                        self.offset = self.add_weight(shape=(), initializer=keras.initializers.Constant(offset))

                    def call(self, x):
                        import deep.late
                        from .late import add_one
                        half = importlib.import_module("deep.dynamic").HALF
                        assert deep.late.add_one is add_one
                        assert "Marked for getsource." in inspect.getsource(Deep)
                        assert "def clip" in inspect.getsource(clip.python_function)
                        return clip(add_one(x) * self.scale * half + self.offset)
            ''',
        }
    )
    workshop.author("""
        import graphs
        from deep import Deep
        model = keras.Sequential([keras.Input((3,)), Deep(), keras.layers.Dense(2)])
        x = np.linspace(-2, 2, 12, dtype="float32").reshape(4, 3)
        packed = bundle(model, "../hand_over/m.kbundle")
        assert {item.path for item in packed.manifest.data} == {"deep/scale.txt", "deep/tables/offsets.json"}
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer("""
        import graphs
        x = np.linspace(-2, 2, 12, dtype="float32").reshape(4, 3)
        model = unbundle("../hand_over/m.kbundle", allow=["dynamic-code", "filesystem", "reflection"])
        lifecycle(model, x, np.load("../hand_over/y.npy"))
        core = model.layers[0]
        import inspect, sys
        assert inspect.getsource(type(core)).startswith("class Deep(keras.layers.Layer):")
        assert type(core).__module__ in sys.modules
    """)


def test_a_traceback_shows_the_line_of_bundled_code(workshop: Workshop) -> None:
    workshop.write(
        {
            "fragile.py": """
                import keras
                class Fragile(keras.layers.Layer):
                    def call(self, x):
                        if x.shape[0] == 7:
                            raise ValueError("seven rows")  # the marked line
                        return x
            """
        }
    )
    workshop.author("""
        from fragile import Fragile
        bundle(keras.Sequential([keras.Input((3,)), Fragile()]), "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        import traceback
        model = unbundle("../hand_over/m.kbundle")
        try:
            model.layers[0].call(np.ones((7, 3)))
        except ValueError:
            assert "# the marked line" in traceback.format_exc()
        else:
            raise AssertionError("no error")
    """)


def test_a_loaded_model_packs_again_after_training(workshop: Workshop) -> None:
    two_bundles_with_one_key(workshop)
    workshop.consumer("""
        x = np.ones((4, 3), "float32")
        model = unbundle("../hand_over/a.kbundle")
        model.compile("sgd", "mse")
        model.fit(x, np.zeros((4, 2)), verbose=0)
        packed = bundle(model, "../hand_over/second.kbundle")
        item, = packed.manifest.objects
        assert (item.key, item.module, item.qualname) == ("shop>Times", "layers", "Times")
        np.save("../hand_over/second.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer("""
        import zipfile
        with open_bundle("../hand_over/second.kbundle") as reader, open("inner.keras", "wb") as file:
            reader.copy_to("model/model.keras", file)
        config = zipfile.ZipFile("inner.keras").read("config.json").decode()
        assert "_kbundle_" not in config and '"shop>Times"' in config
        expected = np.load("../hand_over/second.npy")
        lifecycle(unbundle("../hand_over/second.kbundle"), np.ones((4, 3), "float32"), expected)
    """)


def test_modules_that_only_register_things_are_imported_before_the_model_is_rebuilt(workshop: Workshop) -> None:
    workshop.write(
        {
            "plug/__init__.py": "",
            "plug/table.py": "TABLE = {}\n\n\ndef plugin(f):\n    TABLE[f.__name__] = f\n    return f\n",
            "plug/a_layer.py": """
                import keras
                from plug.table import TABLE
                class Apply(keras.layers.Layer):
                    def __init__(self, what="cube", **kwargs):
                        super().__init__(**kwargs)
                        self.what = what
                        self.function = TABLE[what]
                    def call(self, x):
                        return self.function(x)
                    def get_config(self):
                        return {**super().get_config(), "what": self.what}
            """,
            "plug/extra.py": """
                from plug.table import plugin
                @plugin
                def cube(x):
                    return x * x * x
            """,
        }
    )
    workshop.author("""
        import plug.extra
        from plug.a_layer import Apply
        model = keras.Sequential([keras.Input((3,)), Apply(), keras.layers.Dense(1)])
        x = np.ones((4, 3), "float32") * 2
        packed = bundle(model, "../hand_over/m.kbundle")
        entries = [module.name for module in packed.manifest.modules if module.entry]
        assert entries == ["plug.a_layer", "plug.extra"], entries
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer("""
        x = np.ones((4, 3), "float32") * 2
        lifecycle(unbundle("../hand_over/m.kbundle"), x, np.load("../hand_over/y.npy"))
    """)


def test_code_that_looks_itself_up_by_its_key_finds_itself_while_it_is_rebuilt(workshop: Workshop) -> None:
    workshop.write(
        {
            "keyed.py": """
                import keras

                @keras.saving.register_keras_serializable(package="keyed")
                def half(x):
                    return x / 2

                @keras.saving.register_keras_serializable(package="keyed")
                class Inner(keras.layers.Layer):
                    def __init__(self, **kwargs):
                        super().__init__(**kwargs)
                        self.function = keras.saving.get_registered_object("keyed>half")
                    def call(self, x):
                        return self.function(x)

                @keras.saving.register_keras_serializable(package="keyed")
                class Outer(keras.layers.Layer):
                    def __init__(self, **kwargs):
                        super().__init__(**kwargs)
                        self.inner = Inner()
                    def call(self, x):
                        return self.inner(x)
            """
        }
    )
    workshop.author("""
        from keyed import Outer
        model = keras.Sequential([keras.Input((3,)), Outer(), keras.layers.Dense(1)])
        bundle(model, "../hand_over/m.kbundle")
        np.save("../hand_over/y.npy", model.predict(np.ones((4, 3)), verbose=0))
    """)
    workshop.consumer("""
        check_same(unbundle("../hand_over/m.kbundle"), np.ones((4, 3)), np.load("../hand_over/y.npy"), "predict")
        assert not [key for key in keras.saving.get_custom_objects() if key.startswith("keyed>")]
    """)


def test_a_layer_of_a_bundle_and_the_hosts_own_from_the_same_text_pack_together(workshop: Workshop) -> None:
    two_bundles_with_one_key(workshop)
    workshop.author(
        """
        import layers
        loaded = unbundle("../hand_over/a.kbundle")
        model = keras.Sequential([keras.Input((3,)), loaded.layers[0], layers.Times(name="mine")])
        x = np.ones((4, 3), "float32")
        packed = bundle(model, "../hand_over/both.kbundle")
        item, = packed.manifest.objects
        assert len(item.paths) == 2
        np.save("../hand_over/both.npy", model.predict(x, verbose=0))
        """,
        source="a",
    )
    workshop.consumer("""
        x = np.ones((4, 3), "float32")
        check_same(unbundle("../hand_over/both.kbundle"), x, np.load("../hand_over/both.npy"), "predict")
    """)


def test_a_string_of_keras_is_not_taken_for_a_helper_of_that_name(workshop: Workshop) -> None:
    workshop.write(
        {
            "helpers.py": """
                import keras
                def mse(y, p):
                    return keras.ops.mean(keras.ops.abs(y - p) * 30, -1)
                class Double(keras.layers.Layer):
                    def call(self, x):
                        return x * 2
            """
        }
    )
    workshop.author("""
        import helpers
        dense = keras.layers.Dense(1, kernel_initializer="ones")
        model = keras.Sequential([keras.Input((4,)), helpers.Double(), dense])
        model.compile("sgd", loss="mse", metrics=[helpers.mse])
        assert model.evaluate(np.ones((4, 4)), np.zeros((4, 1)), verbose=0) == [64.0, 240.0]
        bundle(model, "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        model = unbundle("../hand_over/m.kbundle")
        assert model.evaluate(np.ones((4, 4)), np.zeros((4, 1)), verbose=0) == [64.0, 240.0]
    """)


def test_code_of_another_model_over_the_same_input_stays_behind(workshop: Workshop) -> None:
    layer = "import keras\nclass {}(keras.layers.Layer):\n    def call(self, x):\n        return x * 2\n"
    workshop.write({"enc.py": layer.format("Enc"), "head.py": layer.format("Head")})
    workshop.author("""
        import enc, head
        i = keras.Input((4,))
        h = enc.Enc()(i)
        full = keras.Model(i, head.Head()(h))
        encoder = keras.Model(i, h)
        names = lambda model, path: [m.name for m in bundle(model, path).manifest.modules]
        assert names(encoder, "../hand_over/encoder.kbundle") == ["enc"]
        assert names(full, "../hand_over/full.kbundle") == ["enc", "head"]
    """)
    workshop.consumer("""
        x = np.ones((2, 4), "float32")
        check_same(unbundle("../hand_over/encoder.kbundle"), x, x * 2, "encoder")
        check_same(unbundle("../hand_over/full.kbundle"), x, x * 4, "full")
    """)


def test_what_another_thread_registers_meanwhile_stays(workshop: Workshop) -> None:
    workshop.write(
        {"slow.py": "import time\nimport keras\ntime.sleep(1)\n\nclass Slow(keras.layers.Layer):\n    pass\n"}
    )
    workshop.author("""
        from slow import Slow
        bundle(keras.Sequential([keras.Input((4,)), Slow()]), "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        import threading, time
        def other():
            time.sleep(0.5)
            @keras.saving.register_keras_serializable("host")
            class Late(keras.layers.Layer):
                pass
        thread = threading.Thread(target=other)
        thread.start()
        unbundle("../hand_over/m.kbundle")
        thread.join()
        assert keras.saving.get_custom_objects()["host>Late"].__name__ == "Late"
    """)


def test_code_may_unpickle_its_own_objects(workshop: Workshop) -> None:
    workshop.authors_pickles.append("/config/layers/1/config/thing")
    workshop.write(
        {
            "pick/__init__.py": "",
            "pick/thing.py": "class Thing:\n    def __init__(self):\n        self.factor = 3.0\n",
            "pick/layer.py": """
                import base64
                import pickle
                import keras
                from pick.thing import Thing
                class Picky(keras.layers.Layer):
                    def __init__(self, thing=None, **kwargs):
                        super().__init__(**kwargs)
                        self.thing = pickle.loads(base64.b64decode(thing)) if thing else Thing()
                    def call(self, x):
                        return x * self.thing.factor
                    def get_config(self):
                        text = base64.b64encode(pickle.dumps(self.thing)).decode()
                        return {**super().get_config(), "thing": text}
            """,
        }
    )
    workshop.author("""
        from pick.layer import Picky
        bundle(keras.Sequential([keras.Input((3,)), Picky()]), "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        x = np.ones((4, 3), "float32")
        allowed = ["unsafe-deserialization", "reflection"]
        check_same(unbundle("../hand_over/m.kbundle", allow=allowed), x, x * 3, "predict")
    """)


def test_a_registry_that_was_cleared_is_filled_again(workshop: Workshop) -> None:
    two_bundles_with_one_key(workshop)
    workshop.consumer("""
        import shutil, sys
        unbundle("../hand_over/a.kbundle")
        keras.saving.get_custom_objects().clear()
        lifecycle(unbundle("../hand_over/a.kbundle"), np.ones((4, 3), "float32"), np.load("../hand_over/a.npy"))
    """)


def test_data_files_come_back_when_the_temporary_folder_was_tidied_up(workshop: Workshop) -> None:
    workshop.write(
        {
            "reads.py": """
                import keras
                from pathlib import Path
                class Reads(keras.layers.Layer):
                    def build(self, shape):
                        self.factor = float(Path(__file__).with_name("factor.txt").read_text())
                    def call(self, x):
                        return x * self.factor
            """,
            "factor.txt": "5",
        }
    )
    workshop.author("""
        from reads import Reads
        bundle(keras.Sequential([keras.Input((3,)), Reads()]), "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        import os, shutil, sys
        first = unbundle("../hand_over/m.kbundle", allow=["filesystem", "reflection"])
        shutil.rmtree(os.path.dirname(sys.modules[type(first.layers[0]).__module__].__file__))
        x = np.ones((4, 3), "float32")
        check_same(unbundle("../hand_over/m.kbundle", allow=["filesystem", "reflection"]), x, x * 5, "predict")
    """)


def test_code_may_know_its_own_classes_by_the_start_of_their_module(workshop: Workshop) -> None:
    workshop.write(
        {
            "own/__init__.py": "",
            "own/meta.py": """
                import pickle
                import keras

                class Marking(type(keras.layers.Layer)):
                    def __new__(cls, name, bases, body):
                        made = super().__new__(cls, name, bases, body)
                        if made.__module__.startswith("own"):
                            made.factor = 2.0
                        return made

                class Plain:
                    pass

                class Marked(keras.layers.Layer, metaclass=Marking):
                    factor = 1.0
                    def call(self, x):
                        copies = [pickle.loads(pickle.dumps(Plain(), p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)]
                        assert all(type(copy) is Plain for copy in copies)
                        return x * self.factor
            """,
        }
    )
    workshop.author("""
        from own.meta import Marked
        model = keras.Sequential([keras.Input((3,)), Marked(), keras.layers.Dense(1)])
        bundle(model, "../hand_over/m.kbundle")
        np.save("../hand_over/y.npy", model.predict(np.ones((4, 3)), verbose=0))
    """)
    workshop.consumer("""
        import cloudpickle, pickle
        model = unbundle("../hand_over/m.kbundle", allow=["dynamic-code", "reflection", "unsafe-deserialization"])
        lifecycle(model, np.ones((4, 3)), np.load("../hand_over/y.npy"))
        cls = type(model.layers[0])
        assert cls.__module__.startswith("_kbundle_") and cls.__module__.startswith("own.")
        assert pickle.loads(pickle.dumps(cls)) is cls and pickle.loads(cloudpickle.dumps(cls)) is cls
    """)


COSTS = {
    "costs.py": """
        import keras
        from keras import ops

        @keras.saving.register_keras_serializable(package="shop")
        def cost(y, p):
            return ops.mean(ops.square(y - p), axis=-1) * 0.5

        class Scale(keras.layers.Layer):
            def build(self, shape):
                self.w = self.add_weight(shape=(), initializer="ones")
            def call(self, x):
                return x * self.w * 2.0
    """
}
TRAINED = """
    import importlib, pathlib, sys
    import costs
    file = pathlib.Path(costs.__file__)
    x = np.ones((4, 3), "float32")
    def trained():
        model = keras.Sequential([keras.Input((3,)), costs.Scale(), keras.layers.Dense(2)])
        model.compile("sgd", costs.cost)
        model.fit(x, np.ones((4, 2), "float32"), verbose=0)
        return model
    def edit(old, new):
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
    def refused(model):
        try:
            bundle(model, "m.kbundle")
        except SourceError as error:
            assert not pathlib.Path("m.kbundle").exists()
            print(error)
            return str(error)
        raise AssertionError("it was packed")
    model = trained()
"""


def test_refuses_a_model_whose_module_was_edited_after_its_import(workshop: Workshop) -> None:
    workshop.write(COSTS)
    workshop.author(
        TRAINED
        + """
    edit("* 0.5", "* 0.25")
    edit("* 2.0", "* 3.0")
    said = refused(model)
    assert "costs.py:6: cost" in said and "costs.py:12: Scale.call" in said, said
    assert "restart" in said and "make the model again" in said, said
    # A graph was made from the code that ran, and carries none of it.
    bundle(model, "../hand_over/m.kbundle", fallback="inference")
    np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """
    )
    workshop.consumer("""
        x = np.ones((4, 3), "float32")
        check_same(unbundle("../hand_over/m.kbundle"), x, np.load("../hand_over/y.npy"), "graph")
    """)


def test_a_reload_needs_a_new_model_and_a_comment_needs_nothing(workshop: Workshop) -> None:
    workshop.write(COSTS)
    workshop.author(
        TRAINED
        + """
    edit("class Scale", "# by a weight\\n\\nclass Scale")
    bundle(model, "commented.kbundle")
    edit("* 0.5", "* 0.25")
    importlib.reload(costs)
    assert "make the model" in refused(model)
    bundle(trained(), "m.kbundle")
    edit("* 0.25", "* (")
    pathlib.Path("m.kbundle").unlink()
    assert "costs.py:7: Python" in refused(trained())
    """
    )
