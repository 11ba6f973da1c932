"""What lives in scripts and functions, and lambdas everywhere, travel as source; no bundle holds bytecode."""

from __future__ import annotations

import zipfile

from tests.models.conftest import Workshop

_PACK = """
        x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
        np.savez("../hand_over/data.npz", x=x, y=model.predict(x, verbose=0))
        packed = bundle(model, "../hand_over/m.kbundle")
"""
_LOAD = """
data = np.load("../hand_over/data.npz")
model = unbundle("../hand_over/m.kbundle")
lifecycle(model, data["x"], data["y"])
"""


def _generated(workshop: Workshop) -> str:
    with zipfile.ZipFile(workshop.hand_over / "m.kbundle") as bundle:
        with bundle.open("model/model.keras") as file, zipfile.ZipFile(file) as model:
            assert b"__lambda__" not in model.read("config.json")
        return "".join(bundle.read(name).decode() for name in bundle.namelist() if name.startswith("code/"))


def test_everything_that_a_script_defines(workshop: Workshop) -> None:
    workshop.author(
        """
        from keras import ops
        init = keras.initializers.HeNormal(seed=3)
        STRENGTH = 0.01
        act = keras.activations.get("gelu")

        @keras.saving.register_keras_serializable()
        class Scale(keras.layers.Layer):
            def __init__(self, units, **kwargs):
                super().__init__(**kwargs)
                self.units = units
                self.inner = Inner()
            def build(self, shape):
                self.w = self.add_weight(shape=(shape[-1], self.units), initializer=init, regularizer=l4)
            def call(self, x):
                return act(self.inner(ops.matmul(x, self.w)))
            def get_config(self):
                return {**super().get_config(), "units": self.units}
        class Inner(keras.layers.Layer):
            def call(self, x):
                return bend(x)
        def bend(x):
            return ops.tanh(x) * 2
        def l4(w):
            return STRENGTH * ops.sum(w ** 4)
        @keras.saving.register_keras_serializable(package=__name__)
        def my_loss(y, p):
            return ops.mean(ops.abs(y - p), axis=-1)
        class Peak(keras.metrics.Mean):
            def update_state(self, y, p, sample_weight=None):
                super().update_state(ops.max(p))
        class Halving(keras.optimizers.schedules.LearningRateSchedule):
            def __init__(self, start):
                self.start = start
            def __call__(self, step):
                return self.start / (1 + ops.cast(step, "float32"))
            def get_config(self):
                return {"start": self.start}
        class Tower(keras.Model):
            def __init__(self, depth=2, **kwargs):
                super().__init__(**kwargs)
                self.depth = depth
                self.blocks = [Scale(4) for _ in range(depth)]
                self.head = keras.layers.Dense(2, activation=bend)
            def call(self, x):
                for block in self.blocks:
                    x = block(x)
                return self.head(x)
            def get_config(self):
                return {"depth": self.depth}
        model = Tower()
        model(np.zeros((1, 4), "float32"))
        model.compile(keras.optimizers.SGD(Halving(0.1)), loss=my_loss, metrics=[Peak(), my_loss])
        """
        + _PACK
        + """
        keys = {item.qualname: item.key for item in packed.manifest.objects}
        assert keys["Scale"] == "Custom>Scale" and keys["my_loss"] == "__main__>my_loss", keys
        assert "Inner" in keys
        """
    )
    workshop.consumer(_LOAD + "assert type(model.loss).__name__ == 'function' and model.metrics[1].metrics\n")
    assert "model.compile" not in _generated(workshop)


def test_lambdas_wherever_keras_takes_a_function(workshop: Workshop) -> None:
    workshop.author(
        """
        import tensorflow as tf
        from keras import ops
        factor = 3.0
        def powers(n):
            return lambda t, k=n + 1: ops.concatenate([t ** n, t ** k, t * factor], axis=-1)
        i = keras.Input((4,))
        h, g = keras.layers.Lambda(lambda t: t + 1, name="up")(i), keras.layers.Lambda(lambda t: t - 1, name="down")(i)
        h = keras.layers.Lambda(
            powers(2), output_shape=lambda shape: (shape[0], 12), mask=lambda inputs, mask: None, name="powers")(h)
        h = keras.layers.Lambda(lambda t, by: t * by, arguments={"by": 0.5})(h)
        h = keras.layers.Dense(
            3, activation=lambda t: tf.nn.relu(t) * 0.5, kernel_regularizer=lambda w: 0.01 * ops.sum(w ** 2),
            kernel_initializer=lambda shape, dtype=None: ops.ones(shape, dtype), kernel_constraint=lambda w: w)(h)
        h = keras.layers.Concatenate()([h, g, keras.layers.Activation(lambda t: ops.sin(
            t  # a comment
        ))(i)])
        model = keras.Model(i, {"a": keras.layers.Dense(2, name="a")(h), "b": keras.layers.Dense(1, name="b")(h)})
        model.compile(
            "sgd",
            loss={"a": lambda y, p: ops.mean(ops.abs(y - p), axis=-1), "b": lambda y, p: ops.mean((y - p) ** 2, -1)},
            metrics={"a": [lambda y, p: ops.max(p) * 1.5], "b": ["mae"]})
        x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
        y = {"a": np.ones((8, 2)), "b": np.ones((8, 1))}
        expected = model.predict(x, verbose=0)
        values = model.evaluate(x, y, verbose=0)
        np.savez("../hand_over/data.npz", x=x, values=values, **expected)
        bundle(model, "../hand_over/m.kbundle")
        """
    )
    workshop.consumer(
        """
        data = np.load("../hand_over/data.npz")
        model = unbundle("../hand_over/m.kbundle")
        found = model.predict(data["x"], verbose=0)
        assert np.abs(found["a"] - data["a"]).max() < 1e-6 and np.abs(found["b"] - data["b"]).max() < 1e-6
        y = {"a": np.ones((8, 2)), "b": np.ones((8, 1))}
        assert np.allclose(model.evaluate(data["x"], y, verbose=0), data["values"], atol=1e-5)
        model.fit(data["x"], y, verbose=0)
        """
    )
    text = _generated(workshop)
    for name in ("up", "down", "kernel_regularizer", "kernel_constraint", "loss_a", "loss_b", "output_shape", "mask"):
        assert f"def {name}(" in text
    assert "factor = 3.0" in text
    assert "lambda" not in text.replace("lambda_function", "")


def test_a_lambda_that_standardizes_text(workshop: Workshop) -> None:
    workshop.author(
        """
        import tensorflow as tf
        layer = keras.layers.TextVectorization(
            max_tokens=20, output_sequence_length=3, standardize=lambda s: tf.strings.upper(s),
            split=lambda s: tf.strings.split(s, "-"))
        layer.adapt(["a-b", "b-c"])
        model = keras.Sequential([keras.Input((1,), dtype="string"), layer])
        print(model(tf.constant([["B-a-x"]])).numpy().tolist())
        assert layer.get_vocabulary() == ["", "[UNK]", "B", "C", "A"]
        bundle(model, "../hand_over/m.kbundle")
        """
    )
    workshop.consumer(
        """
        import tensorflow as tf
        model = unbundle("../hand_over/m.kbundle")
        assert model(tf.constant([["B-a-x"]])).numpy().tolist() == [[2, 4, 1]]
        """
    )
    assert "def standardize(s):\n    return tf.strings.upper(s)\n" in _generated(workshop)


def test_two_closures_and_two_classes_of_one_factory(workshop: Workshop) -> None:
    workshop.write(
        {
            "pkg/__init__.py": "",
            "pkg/parts.py": """
                import keras
                from keras import ops
                TABLE = {"one": object()}
                def helper(x):
                    return x * len(TABLE)
                def scaled(by):
                    def scale(x):
                        return helper(x) * by
                    return scale
                def make(power):
                    class Power(keras.layers.Layer):
                        def call(self, x):
                            return ops.sign(x) * ops.abs(x) ** power
                    return Power()
                squash = lambda x: ops.tanh(helper(x))
            """,
        }
    )
    workshop.author(
        """
        from pkg.parts import make, scaled, squash
        model = keras.Sequential([
            keras.Input((4,)), make(2), keras.layers.Dense(3, activation=scaled(2.0)), make(3),
            keras.layers.Dense(3, activation=scaled(0.5)), keras.layers.Dense(2, activation=squash)])
        """
        + _PACK
        + """
        assert type(model.layers[0]).__module__ == "pkg.parts" and scaled(1).__name__ == "scale"
        assert squash.__name__ == "<lambda>"
        """
    )
    workshop.consumer(_LOAD)
    text = _generated(workshop)
    assert "from pkg.parts import helper" in text


def test_a_class_of_an_older_cell_is_the_one_that_the_model_holds(workshop: Workshop) -> None:
    workshop.author(
        """
        import linecache
        def cell(number, text):
            name = f"/tmp/ipykernel_7/{1000000 + number}.py"
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
            exec(compile(text, name, "exec"), globals())
        text = "class Scale(keras.layers.Layer):\\n    def call(self, x):\\n        return x * {}\\n"
        cell(1, text.format(3))
        model = keras.Sequential([keras.Input((4,)), Scale(), keras.layers.Dense(2)])
        cell(2, text.format(7))
        model.add(Scale())
        """
        + _PACK
    )
    workshop.consumer(_LOAD)
    text = _generated(workshop)
    assert "return x * 3" in text
    assert "return x * 7" in text


def test_refuses_every_object_without_source_at_once(workshop: Workshop) -> None:
    workshop.write({"keeper.py": ""})
    finished = workshop.author(
        """
        import keeper
        table = (row for row in [1.0, 2.0])
        class Uses(keras.layers.Layer):
            def call(self, x):
                return x * next(table)
        Made = type("Made", (keras.layers.Layer,), {"call": lambda self, x: x})
        elsewhere = type("Elsewhere", (keras.layers.Layer,), {"call": lambda self, x: x, "__module__": "keeper"})
        half = eval("lambda t: t / 2")
        def weigh(by):
            return lambda t: t * next(by)
        model = keras.Sequential([
            keras.Input((4,)), Uses(), Made(), elsewhere(), keras.layers.Lambda(half),
            keras.layers.Lambda(weigh(table))])
        try:
            bundle(model, "../hand_over/m.kbundle")
        except BundleError as error:
            text = str(error)
        print(text)
        assert "the class Uses uses 'table', a generator" in text
        assert "the class Made has no class statement" in text
        assert "the lambda has no source" in text
        assert "the layer Elsewhere is not an attribute of the module keeper" in text
        assert "the lambda uses 'by', a generator" in text
        """
    )
    assert "script_0" not in finished.output
    assert not (workshop.hand_over / "m.kbundle").exists()


def test_refuses_a_module_that_imports_from_the_script(workshop: Workshop) -> None:
    workshop.write({"late.py": "def factor():\n    from __main__ import FACTOR\n    return FACTOR\n"})
    workshop.author(
        """
        import late
        FACTOR = 2.0
        class Scale(keras.layers.Layer):
            def call(self, x):
                return x * late.factor()
        model = keras.Sequential([keras.Input((4,)), Scale()])
        try:
            bundle(model, "../hand_over/m.kbundle")
        except SourceError as error:
            assert "late.py:2) -> __main__: the running script is not a module" in str(error), error
            assert "move FACTOR to a module" in str(error), error
        else:
            raise AssertionError
        """
    )


def test_the_same_script_gives_the_same_bundle(workshop: Workshop) -> None:
    script = """
        class Scale(keras.layers.Layer):
            def call(self, x):
                return x * 2
        def make(k):
            return lambda t: t * k
        model = keras.Sequential([keras.Input((4,)), Scale(), *(keras.layers.Lambda(make(k)) for k in range(3))])
        print(bundle(model, "../hand_over/{}.kbundle").digest)
    """
    assert workshop.author(script.format("a")).output == workshop.author(script.format("b")).output
