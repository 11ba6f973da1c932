"""What has no source: stored as a pickle only when named, loaded only with consent, and then like anything else."""

from __future__ import annotations

from tests.models.conftest import Workshop

#: A factory in a module with source, which makes what has none: a class over a value that cannot be spelled out.
FACTORY = {
    "shop/__init__.py": "",
    "shop/factory.py": """
        import keras
        from shop import prices

        def layer(table):
            class Lookup(keras.layers.Layer):
                def __init__(self, **kwargs):
                    super().__init__(**kwargs)
                def build(self, shape):
                    self.w = self.add_weight(shape=(), initializer="ones", name="w")
                def call(self, x):
                    from shop.late import shift
                    return x * self.w * table.factor + prices.base(x) + shift()
            return Lookup
    """,
    "shop/prices.py": "def base(x):\n    return 10.0\n",
    "shop/late.py": "def shift():\n    return 100.0\n",
    "shop/table.py": "class Table:\n    def __init__(self, factor):\n        self.factor = factor\n",
}
PACK = """
    from shop.factory import layer
    from shop.table import Table
    Lookup = layer(Table(3.0))
    model = keras.Sequential([keras.Input((4,)), Lookup(), keras.layers.Dense(2, kernel_initializer="ones")])
    x = np.ones((4, 4), "float32")
    packed = bundle(model, "../hand_over/m.kbundle", by_value=[Lookup])
    np.save("../hand_over/y.npy", model.predict(x, verbose=0))
"""


def test_a_class_from_a_factory_loads_with_consent_and_lives_like_any_other(workshop: Workshop) -> None:
    workshop.write(FACTORY)
    workshop.author(
        PACK
        + """
    (item,) = [item for item in packed.manifest.objects if item.opaque]
    assert (item.module, item.qualname) == ("shop.factory", "layer.<locals>.Lookup")
    assert item.opaque.member == "code/shop.factory.layer.locals.Lookup.pickle", item.opaque
    assert item.opaque.python == "3." + str(__import__("sys").version_info.minor)
    modules = {module.name: module.reason for module in packed.manifest.modules}
    assert set(modules) == {"shop", "shop.prices", "shop.late", "shop.table"}, modules
    assert packed.manifest.requirements.python == f"=={item.opaque.python}.*"
    assert "cloudpickle" in {pin.name for pin in packed.manifest.requirements.distributions}
    """
    )
    workshop.consumer("""
        import sys
        x, y = np.ones((4, 4), "float32"), np.load("../hand_over/y.npy")
        assert y[0, 0] == 4 * 113, y
        model = unbundle("../hand_over/m.kbundle", allow=["opaque-code"])
        lifecycle(model, x, y)
        cls = type(model.layers[0])
        assert cls.__name__ == "Lookup" and cls.__module__.startswith("_kbundle_")
        assert getattr(sys.modules[cls.__module__], cls.__qualname__) is cls
        assert cls is type(unbundle("../hand_over/m.kbundle", allow=["opaque-code"]).layers[0])
        assert "shop" not in sys.modules
    """)


def test_an_opaque_object_uses_the_bundle_and_not_the_host_of_the_same_name(workshop: Workshop) -> None:
    workshop.write(FACTORY)
    workshop.author(PACK)
    workshop.write(
        {"shop/__init__.py": "", "shop/late.py": "def shift():\n    return -1.0\n", "shop/prices.py": ""}, folder="host"
    )
    workshop.consumer(
        """
        import shop.late
        model = unbundle("../hand_over/m.kbundle", allow=["opaque-code"])
        check_same(model, np.ones((4, 4), "float32"), np.load("../hand_over/y.npy"), "host with the same names")
    """,
        path=(workshop.folder / "host",),
    )


def test_refuses_to_load_without_consent_before_the_framework(workshop: Workshop) -> None:
    workshop.write(FACTORY)
    workshop.author(PACK)
    workshop.consumer("""
        import subprocess, sys, textwrap
        code = textwrap.dedent('''
        import sys
        from bundler import BundleError, ConsentRequired, unbundle
        try:
            unbundle("../hand_over/m.kbundle")
        except ConsentRequired as error:
            assert error.words == ("opaque-code",) and len(error.reasons) == 1
            assert "shop.factory.layer.<locals>.Lookup" in str(error) and "allow=['opaque-code']" in str(error)
        else:
            raise AssertionError("loaded")
        for words in (["opaque"], "opaque", ["opaque-code", "everything"]):
            try:
                unbundle("../hand_over/m.kbundle", allow=words)
            except BundleError as error:
                assert "'opaque-code'" in str(error) and not isinstance(error, ConsentRequired)
            else:
                raise AssertionError(words)
        assert not {"keras", "tensorflow", "cloudpickle"} & set(sys.modules)
        ''')
        subprocess.run([sys.executable, "-c", code], check=True)
    """)


def test_refuses_the_pickle_of_another_python_before_it_is_read(workshop: Workshop) -> None:
    workshop.write(FACTORY)
    workshop.author(PACK)
    workshop.consumer("""
        import collections, sys
        real = sys.version_info
        class Other(tuple):
            major, minor = 3, 99
        sys.version_info = Other(real)
        try:
            unbundle("../hand_over/m.kbundle", allow=["opaque-code"])
        except RebuildFailed as error:
            assert f"Python 3.{real.minor}" in str(error) and "found Python 3.99" in str(error)
        else:
            raise AssertionError("loaded")
        assert not any(name.startswith("_kbundle_") for name in sys.modules)
    """)


def test_refuses_to_pickle_what_has_source(workshop: Workshop) -> None:
    workshop.write(
        {
            "gain.py": """
                import keras
                class Gain(keras.layers.Layer):
                    def call(self, x):
                        return x * 2
            """
        }
    )
    workshop.author("""
        from gain import Gain
        model = keras.Sequential([keras.Input((3,)), Gain()])
        for what, words in (
            ([Gain], "gain.Gain has source (gain, line 3)"),
            ([keras.layers.Dense], "part of keras"),
            ([Gain()], "an instance of gain.Gain"),
        ):
            try:
                bundle(model, "../hand_over/m.kbundle", by_value=what)
            except PackError as error:
                assert words in str(error) and "next step" in str(error), error
            else:
                raise AssertionError("not refused")
        model.save("m.keras")
        try:
            bundle("m.keras", "../hand_over/m.kbundle", sources=["../source"], by_value=[Gain])
        except PackError as error:
            assert "a live model" in str(error)
        else:
            raise AssertionError("not refused")
        import os
        assert not os.path.exists("../hand_over/m.kbundle")
    """)


def test_every_kind_without_source_travels(workshop: Workshop) -> None:
    workshop.write({"plain.py": "FACTOR = 3.0\n"})
    workshop.author("""
        import sys, types
        import plain
        # A class by type(), registered; a module that exec filled; a lambda; a loss; a base class without source.
        Made = type("Made", (keras.layers.Layer,), {"call": lambda self, x: x * plain.FACTOR})
        keras.saving.register_keras_serializable("shop")(Made)
        memory = types.ModuleType("memory")
        sys.modules["memory"] = memory
        exec("import keras\\nBIAS = 1.0\\ndef helper(x):\\n    return x + BIAS\\n"
             "class Shift(keras.layers.Layer):\\n    def call(self, x):\\n        return helper(x)", vars(memory))
        double = lambda t: t * 2
        def loss_of(weight):
            holder = object()
            def weighted(y_true, y_pred):
                assert holder is not None
                return keras.ops.mean(keras.ops.square(y_true - y_pred)) * weight
            return weighted
        weighted = loss_of(2.0)
        Base = type("Base", (keras.layers.Layer,), {"scale": 5.0})
        keras.saving.register_keras_serializable("shop")(Base)
        Child = type("Child", (Base,), {"call": lambda self, x: x * self.scale})
        model = keras.Sequential([keras.Input((3,)), Made(), memory.Shift(), keras.layers.Lambda(double), Child(),
                                  keras.layers.Dense(2, kernel_initializer="ones")])
        model.compile("sgd", loss=weighted)
        x = np.ones((4, 3), "float32")
        y = model.predict(x, verbose=0)
        np.save("../hand_over/y.npy", y)
        open("../hand_over/loss.txt", "w").write(repr(model.evaluate(x, y * 0, verbose=0)))
        packed = bundle(model, "../hand_over/m.kbundle",
                        by_value=[Made, memory.Shift, double, weighted, Base, Child])
        assert double.__name__ == "<lambda>"
        keys = {item.qualname: item.key for item in packed.manifest.objects}
        assert keys["Made"] == "shop>Made" and keys["Base"] == "shop>Base" and keys["Shift"] == "Shift", keys
        with open_bundle("../hand_over/m.kbundle") as reader:
            for item in packed.manifest.objects:
                content = reader.read(item.opaque.member)
                assert b"script-" not in content and b"/author" not in content, item
        again = bundle(model, "../hand_over/again.kbundle",
                       by_value=[Made, memory.Shift, double, weighted, Base, Child])
        assert again.digest == packed.digest
    """)
    workshop.consumer("""
        x, y = np.ones((4, 3), "float32"), np.load("../hand_over/y.npy")
        assert y[0, 0] == 3 * 5 * 2 * 4, y
        model = unbundle("../hand_over/m.kbundle", allow=["opaque-code"])
        assert repr(model.evaluate(x, y * 0, verbose=0)) == open("../hand_over/loss.txt").read()
        again = bundle(model, "again.kbundle").manifest.objects
        assert again == open_bundle("../hand_over/m.kbundle").manifest.objects
        child = type(model.layers[3])
        assert child.__bases__[0].__name__ == "Base" and child.__bases__[0].__module__ == child.__module__
        lifecycle(model, x, y)
    """)


def test_a_loaded_model_brings_its_opaque_objects_into_the_next_bundle(workshop: Workshop) -> None:
    workshop.write(FACTORY)
    workshop.author(PACK)
    workshop.consumer("""
        model = unbundle("../hand_over/m.kbundle", allow=["opaque-code"])
        first = open_bundle("../hand_over/m.kbundle").manifest
        second = bundle(model, "../hand_over/second.kbundle").manifest
        assert second.objects == first.objects
        members = [{m.name: m.sha256 for m in manifest.members if m.name.startswith("code/")}
                   for manifest in (first, second)]
        assert members[0] == members[1], members
        cls = type(model.layers[0])
        assert bundle(model, "../hand_over/third.kbundle", by_value=[cls]).manifest.objects == first.objects
    """)
    workshop.consumer("""
        x, y = np.ones((4, 4), "float32"), np.load("../hand_over/y.npy")
        model = unbundle("../hand_over/second.kbundle", allow=["opaque-code"])
        check_same(model, x, y, "second")
        check_same(unbundle("../hand_over/m.kbundle", allow=["opaque-code"]), x, y, "first, beside it")
    """)


def test_the_author_can_load_it_beside_the_live_class(workshop: Workshop) -> None:
    workshop.write(FACTORY)
    workshop.author(
        PACK
        + """
    module, qualname = Lookup.__module__, Lookup.__qualname__
    loaded = unbundle("../hand_over/m.kbundle", allow=["opaque-code"])
    assert type(loaded.layers[0]) is not Lookup
    assert (Lookup.__module__, Lookup.__qualname__) == (module, qualname)
    lifecycle(loaded, x, np.load("../hand_over/y.npy"))
    check_same(model, x, np.load("../hand_over/y.npy"), "the live one")
    """
    )


def test_what_cannot_be_pickled_is_refused_with_every_cause(workshop: Workshop) -> None:
    workshop.author("""
        import threading
        def make(lock, name):
            return type(name, (keras.layers.Layer,), {"lock": lock, "call": lambda self, x: x})
        A, B = make(threading.Lock(), "A"), make(threading.Lock(), "B")
        C = type("C", (keras.layers.Layer,), {"call": lambda self, x: x})
        D = type("D", (keras.layers.Layer,), {"other": C, "call": lambda self, x: x})
        C.other = D
        model = keras.Sequential([keras.Input((3,)), A(), B(), C(), D()])
        try:
            bundle(model, "../hand_over/m.kbundle", by_value=[A, B, C, D])
        except SourceError as error:
            assert len(error.problems) == 4, error
            assert "__main__.A cannot be pickled" in str(error) and "need each other" in str(error)
        else:
            raise AssertionError("not refused")
    """)


def test_inspect_marks_opaque_objects_in_text_and_json(workshop: Workshop) -> None:
    workshop.write(FACTORY)
    workshop.author(PACK)
    workshop.consumer("""
        import json, subprocess, sys
        def inspect(*words):
            return subprocess.run([sys.executable, "-m", "bundler", "inspect", "../hand_over/m.kbundle", *words],
                                  check=True, capture_output=True, text=True).stdout
        text = inspect()
        assert "opaque: code/shop.factory.layer.locals.Lookup.pickle" in text
        assert "  ! opaque: the layer shop.factory.layer.<locals>.Lookup has no source" in text, text
        assert "allow=['opaque-code']" in text
        found = json.loads(inspect("--json"))
        assert found["needs"] == ["opaque-code"] and found["warnings"][0].startswith("opaque: the layer")
    """)


def test_the_command_line_asks_for_consent_too(workshop: Workshop) -> None:
    workshop.author("""
        Made = type("Made", (keras.layers.Layer,), {"call": lambda self, x: x * 2})
        model = keras.Sequential([keras.Input((3,), name="x"), Made(), keras.layers.Dense(2)])
        bundle(model, "../hand_over/m.kbundle", by_value=[Made], payload="both")
    """)
    output = workshop.consumer("""
        from bundler.cli.main import main
        assert main(["test", "../hand_over/m.kbundle"]) == 1
        assert main(["test", "../hand_over/m.kbundle", "--allow", "opaque-code"]) == 0
        # The graph runs none of that code.
        assert main(["test", "../hand_over/m.kbundle", "--fidelity", "inference"]) == 0
    """).output
    assert "opaque-code" in output
    assert "next step" in output
    assert output.count("passed; largest difference") == 2
