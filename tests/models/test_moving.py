"""A loaded model survives pickle into a process that has never seen the bundle's code."""

from __future__ import annotations

from tests.models.conftest import Workshop

FRESH = """
    from fresh import fresh
    import os
"""
SOURCE = {
    "kit/__init__.py": "",
    "kit/parts.py": """
        import keras
        from kit import words

        @keras.saving.register_keras_serializable("kit")
        class Gain(keras.layers.Layer):
            def build(self, shape):
                self.w = self.add_weight(shape=(), initializer="ones")
            def call(self, x):
                return x * self.w * words.factor()

        def swish2(x):
            return keras.ops.silu(x) * 2

        def loss(y_true, y_pred):
            return keras.ops.mean(keras.ops.abs(y_true - y_pred))
    """,
    "kit/words.py": """
        from pathlib import Path
        def factor():
            return float(Path(__file__).with_name("factor.txt").read_text())
    """,
    "kit/factor.txt": "3.0",
}
PACK = """
    from kit.parts import Gain, loss, swish2
    x = np.ones((8, 4), "float32")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2, activation=swish2)(Gain()(inputs)))
    model.compile(keras.optimizers.Adam(0.1), loss)
    model.fit(x, np.zeros((8, 2)), epochs=2, verbose=0)
    bundle(model, "../hand_over/m.kbundle")
    np.save("../hand_over/y.npy", model.predict(x, verbose=0))
"""
LOAD = """
    x = np.ones((8, 4), "float32")
    model = unbundle("../hand_over/m.kbundle", allow=["filesystem"])
"""


def test_a_pickled_model_is_the_model_as_it_is_now_in_a_fresh_process(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    workshop.author(PACK)
    workshop.consumer(
        FRESH
        + LOAD
        + """
    import cloudpickle, joblib, pickle
    check_same(model, x, np.load("../hand_over/y.npy"), "loaded")
    model.fit(x, np.zeros((8, 2)), epochs=3, verbose=0)
    np.save("now.npy", model.predict(x, verbose=0))
    open("m.pickle", "wb").write(pickle.dumps(model))
    open("m2.pickle", "wb").write(pickle.dumps({"model": model}, protocol=2))
    open("m.cloudpickle", "wb").write(cloudpickle.dumps(model))
    joblib.dump([model], "m.joblib")
    model.fit(x, np.zeros((8, 2)), epochs=1, verbose=0, shuffle=False)
    np.save("later.npy", model.predict(x, verbose=0))
    os.rename("../hand_over/m.kbundle", "../hand_over/away.kbundle")
    fresh('''
        import pickle, joblib, numpy as np
        x, now = np.ones((8, 4), "float32"), np.load("now.npy")
        for model in (
            pickle.load(open("m.pickle", "rb")),
            pickle.load(open("m2.pickle", "rb"))["model"],
            pickle.load(open("m.cloudpickle", "rb")),
            *joblib.load("m.joblib"),
        ):
            assert np.allclose(model.predict(x, verbose=0), now, atol=1e-6)
            # The optimizer's state came along: one more step is the same step.
            assert int(model.optimizer.iterations) == 5
            model.fit(x, np.zeros((8, 2)), epochs=1, verbose=0, shuffle=False)
            assert np.allclose(model.predict(x, verbose=0), np.load("later.npy"), atol=1e-6)
            # And it goes on from there.
            again = pickle.loads(pickle.dumps(model))
            assert type(again.layers[1]) is type(model.layers[1])
            assert np.allclose(again.predict(x, verbose=0), np.load("later.npy"), atol=1e-6)
        from bundler import bundle
        bundle(model, "moved.kbundle")
    ''')
    check_same(unbundle("moved.kbundle", allow=["filesystem"]), x, np.load("later.npy"), "packed where it was moved to")
    """
    )


def test_a_spawned_worker_gets_the_model_as_an_argument_and_gives_it_back(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    workshop.author(PACK)
    workshop.write(
        {
            "main.py": """
                import multiprocessing, sys
                from concurrent.futures import ProcessPoolExecutor
                import numpy as np

                def work(model):
                    assert "kit" not in sys.modules
                    model.fit(np.ones((8, 4)), np.zeros((8, 2)), epochs=1, verbose=0)
                    return model, model.predict(np.ones((8, 4)), verbose=0)

                if __name__ == "__main__":
                    from bundler import unbundle
                    model = unbundle("../hand_over/m.kbundle", allow=["filesystem"])
                    before = model.predict(np.ones((8, 4)), verbose=0)
                    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                        trained, answer = pool.submit(work, model).result(timeout=200)
                    assert np.allclose(before, np.load("../hand_over/y.npy"), atol=1e-6)
                    assert not np.allclose(answer, before, atol=1e-6)
                    assert np.allclose(trained.predict(np.ones((8, 4)), verbose=0), answer, atol=1e-6)
                    assert type(trained.layers[1]) is type(model.layers[1])
            """
        },
        folder="consumer",
    )
    workshop.consumer("""
        import os, subprocess, sys
        done = subprocess.run([sys.executable, "main.py"], capture_output=True, text=True, timeout=220,
                              env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
        assert done.returncode == 0, done.stderr
    """)


def test_copies_carry_the_code_too_and_clones_do_not(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    workshop.author(PACK)
    output = workshop.consumer(
        FRESH
        + LOAD
        + """
    import copy, gc, pickle, weakref
    twin = copy.copy(copy.deepcopy(model))
    assert twin is not model and twin.layers[1] is not model.layers[1]
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    check_same(pickle.loads(pickle.dumps(clone)), x, np.load("../hand_over/y.npy"), "where the bundle is loaded")
    for name, value in (("twin", twin), ("clone", clone), ("layer", type(model.layers[1]))):
        open(f"{name}.pickle", "wb").write(pickle.dumps(value))
    print(fresh('''
        import pickle, numpy as np
        for name in ("layer", "clone"):
            try:
                pickle.load(open(f"{name}.pickle", "rb"))
            except Exception as error:
                print(name, type(error).__name__, str(error)[-200:])
        model = pickle.load(open("twin.pickle", "rb"))
        assert np.allclose(model.predict(np.ones((8, 4)), verbose=0), np.load("../hand_over/y.npy"), atol=1e-6)
        clone = pickle.load(open("clone.pickle", "rb"))
        assert type(clone.layers[1]) is type(model.layers[1])
        print("both load beside it:", pickle.load(open("layer.pickle", "rb")).__name__)
    '''))
    # The reduction does not keep a model alive, and Keras saves the model without it.
    assert "__reduce_ex__" in vars(twin)
    alive = weakref.ref(twin)
    del twin
    gc.collect()
    assert alive() is None
    model.export("exported", verbose=False)
    model.save("saved.keras")
    """
    ).output
    assert "both load beside it: Gain" in output
    assert "clone TypeError" in output
    assert "layer ModuleNotFoundError No module named '_kbundle_" in output


def test_a_model_that_the_host_extended_moves(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    workshop.author(
        PACK
        + """
    bundle(keras.Sequential([keras.Input((4,)), Gain()]), "../hand_over/longer.kbundle")
    """
    )
    workshop.write(
        {"ours.py": "import keras\nclass Half(keras.layers.Layer):\n    def call(self, x):\n        return x / 2\n"},
        folder="host",
    )
    workshop.consumer(
        LOAD
        + """
    import pickle
    from ours import Half
    class Gain(keras.layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(), initializer="ones")
        def call(self, x):
            return x * self.w * 30
    model = unbundle("../hand_over/m.kbundle", allow=["filesystem"], custom_objects={"kit>Gain": Gain})
    expected = model.predict(x, verbose=0)
    back = pickle.loads(pickle.dumps(model))
    assert type(back.layers[1]) is Gain
    check_same(back, x, expected, "with an object of the caller's")

    # A layer of the host's in a model of the bundle's: the code of both is at hand.
    longer = unbundle("../hand_over/longer.kbundle", allow=["filesystem"])
    longer.add(Half())
    longer.add(keras.layers.Lambda(lambda t: t + 1))
    class Gain(keras.layers.Layer):
        # Of the same name as the bundle's, and in no module.
        def call(self, x):
            return x + 7
    longer.add(Gain())
    import cloudpickle
    back = cloudpickle.loads(cloudpickle.dumps(longer))
    assert type(back.layers[1]) is Half
    assert type(back.layers[0]) is type(longer.layers[0]) and type(back.layers[3]).__name__ == "Gain"
    check_same(back, x, longer.predict(x, verbose=0), "with a layer of the host's")
    """,
        path=(workshop.folder / "host",),
    )


def test_code_too_large_to_carry_is_found_by_path_and_digest(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    workshop.author(PACK)
    workshop.consumer(
        FRESH
        + """
    import pickle
    import bundler.limits, bundler.unpacking.unbundling
    from dataclasses import replace
    bundler.unpacking.unbundling.LIMITS = replace(bundler.limits.LIMITS, carried_code=10)
    model = unbundle("../hand_over/m.kbundle", allow=["filesystem"])
    x = np.ones((8, 4), "float32")
    content = pickle.dumps(model)
    assert b"class Gain" not in content
    open("m.pickle", "wb").write(content)
    load = '''
        import pickle, numpy as np
        model = pickle.load(open("m.pickle", "rb"))
        assert np.allclose(model.predict(np.ones((8, 4)), verbose=0), np.load("../hand_over/y.npy"), atol=1e-6)
    '''
    fresh(load)
    fails = '''
        import pickle
        from bundler import BundleError
        try:
            pickle.load(open("m.pickle", "rb"))
        except BundleError as error:
            print(error)
        else:
            raise AssertionError
    '''
    path = os.path.abspath("../hand_over/m.kbundle")
    bundle(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), "other.kbundle")
    os.rename(path, "away.kbundle")
    for prepare in (lambda: None, lambda: os.rename("other.kbundle", path)):
        prepare()
        text = fresh(fails)
        assert path in text and "sha256:" in text and "next step" in text, text
    # The process itself still has the code.
    check_same(pickle.loads(content), x, np.load("../hand_over/y.npy"), "in this process")
    """
    )


def test_refuses_code_that_was_changed_in_the_pickle(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    workshop.author(PACK)
    workshop.consumer(
        FRESH
        + LOAD
        + """
    import pickle
    content = pickle.dumps(model)
    assert content.count(b"ops.silu(x) * 2") == 1
    open("m.pickle", "wb").write(content.replace(b"ops.silu(x) * 2", b"ops.silu(x) * 9"))
    text = fresh('''import pickle; pickle.load(open("m.pickle", "rb"))''', check=False)
    assert "IntegrityError: code/kit/parts.py" in text, text
    """
    )


def test_consent_travels_with_the_pickle(workshop: Workshop) -> None:
    workshop.author("""
        Made = type("Made", (keras.layers.Layer,), {"call": lambda self, x: x * 3})
        model = keras.Sequential([keras.Input((4,)), Made()])
        bundle(model, "../hand_over/m.kbundle", by_value=[Made])
    """)
    workshop.consumer(
        FRESH
        + """
    import pickle
    model = unbundle("../hand_over/m.kbundle", allow=["opaque-code"])
    open("m.pickle", "wb").write(pickle.dumps(model))
    fresh('''
        import pickle, numpy as np
        model = pickle.load(open("m.pickle", "rb"))
        assert model.predict(np.ones((1, 4)), verbose=0)[0, 0] == 3
    ''')
    """
    )


def test_the_graph_of_a_tfsm_layer_moves_too(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    workshop.author("""
        from kit.parts import Gain
        inner = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(2)])
        inner.export("exported", verbose=False)
        inputs = keras.Input((4,))
        model = keras.Model(inputs, keras.layers.TFSMLayer("exported", call_endpoint="serve")(Gain()(inputs)))
        np.save("../hand_over/y.npy", model.predict(np.ones((8, 4)), verbose=0))
        bundle(model, "../hand_over/m.kbundle")
    """)
    workshop.consumer(
        FRESH
        + LOAD
        + """
    import pickle
    open("m.pickle", "wb").write(pickle.dumps(model))
    folder = model.layers[2].filepath
    assert os.path.isdir(folder)
    os.rename(folder, folder + "-away")
    fresh('''
        import pickle, numpy as np
        model = pickle.load(open("m.pickle", "rb"))
        assert np.allclose(model.predict(np.ones((8, 4)), verbose=0), np.load("../hand_over/y.npy"), atol=1e-6)
    ''')
    os.rename(folder + "-away", folder)
    """
    )


def test_a_model_that_came_back_by_an_adaptation_moves(workshop: Workshop) -> None:
    workshop.write(
        {
            "mine.py": """
                import keras
                class Mine(keras.layers.Layer):
                    def __init__(self, factor):
                        super().__init__()
                        self.factor = factor
                    def call(self, x):
                        return x * self.factor
            """
        }
    )
    workshop.author("""
        from mine import Mine
        model = keras.Sequential([keras.Input((4,)), Mine(3.0), keras.layers.Dense(2)])
        packed = bundle(model, "../hand_over/m.kbundle")
        assert packed.manifest.adaptations
        np.save("../hand_over/y.npy", model.predict(np.ones((8, 4)), verbose=0))
    """)
    workshop.consumer(
        FRESH
        + LOAD
        + """
    import copy, pickle
    y = np.load("../hand_over/y.npy")
    check_same(copy.deepcopy(model), x, y, "copied")
    open("m.pickle", "wb").write(pickle.dumps(model))
    fresh('''
        import pickle, numpy as np
        x, y = np.ones((8, 4), "float32"), np.load("../hand_over/y.npy")
        model = pickle.load(open("m.pickle", "rb"))
        assert np.allclose(model.predict(x, verbose=0), y, atol=1e-6)
        again = pickle.loads(pickle.dumps(model))
        assert np.allclose(again.predict(x, verbose=0), y, atol=1e-6)
    ''')
    """
    )


def test_a_model_that_a_builder_made_moves(workshop: Workshop) -> None:
    workshop.write(
        {
            "mine.py": """
                import keras
                class Both(keras.Model):
                    def __init__(self, parts):
                        super().__init__()
                        self.parts = parts["layers"]
                    def call(self, x):
                        return self.parts[1](self.parts[0](x))
                def make(width):
                    return Both({"layers": [keras.layers.Dense(width), keras.layers.Dense(2)]})
            """
        }
    )
    workshop.author("""
        from mine import make
        model = make(3)
        x = np.ones((8, 4), "float32")
        model(x)
        bundle(model, "../hand_over/m.kbundle", builder=make, builder_kwargs={"width": 3})
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer(
        FRESH
        + LOAD
        + """
    import pickle
    open("m.pickle", "wb").write(pickle.dumps(model))
    fresh('''
        import pickle, numpy as np
        model = pickle.load(open("m.pickle", "rb"))
        y = np.load("../hand_over/y.npy")
        assert np.allclose(model.predict(np.ones((8, 4)), verbose=0), y, atol=1e-6)
    ''')
    """
    )
