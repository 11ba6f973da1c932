"""Every kind of custom object travels: registered or not, nested, inherited, made inside other objects."""

from __future__ import annotations

import textwrap

from tests.models.conftest import Workshop

ZOO = {
    "zoo/__init__.py": "",
    "zoo/bases.py": """
        import keras

        class Sized:
            def size_of(self, x):
                return x.shape[-1]

        class Base(Sized, keras.layers.Layer):
            pass
    """,
    "zoo/parts.py": """
        import keras
        from keras import ops
        from zoo.bases import Base

        def bend(x):
            return ops.tanh(x) * 1.5

        @keras.saving.register_keras_serializable(package="zoo", name="wave")
        def wave_function(x):
            return ops.sin(x)

        def my_loss(y, p):
            return ops.mean(ops.square(y - p), axis=-1) * 2

        def my_metric(y, p):
            return ops.mean(ops.abs(y - p), axis=-1)

        class Hinge(keras.losses.Loss):
            def __init__(self, margin=1.0, **kwargs):
                super().__init__(**kwargs)
                self.margin = margin
            def call(self, y, p):
                return ops.maximum(self.margin - y * p, 0)
            def get_config(self):
                return {**super().get_config(), "margin": self.margin}

        class Peak(keras.metrics.Metric):
            def __init__(self, name="peak", **kwargs):
                super().__init__(name=name, **kwargs)
                self.value = self.add_variable((), initializer="zeros")
            def update_state(self, y, p, sample_weight=None):
                self.value.assign(ops.maximum(self.value, ops.max(p)))
            def result(self):
                return self.value

        class Halving(keras.optimizers.schedules.LearningRateSchedule):
            def __init__(self, start):
                self.start = start
            def __call__(self, step):
                return self.start / (1 + ops.cast(step, "float32"))
            def get_config(self):
                return {"start": self.start}

        class SlowSGD(keras.optimizers.SGD):
            pass

        class Ramp(keras.initializers.Initializer):
            def __init__(self, top=1.0):
                self.top = top
            def __call__(self, shape, dtype=None, **kwargs):
                size = 1
                for n in shape:
                    size *= n
                return ops.reshape(ops.linspace(0.0, self.top, size), shape)
            def get_config(self):
                return {"top": self.top}

        class L4(keras.regularizers.Regularizer):
            def __init__(self, strength):
                self.strength = strength
            def __call__(self, w):
                return self.strength * ops.sum(w ** 4)
            def get_config(self):
                return {"strength": self.strength}

        class Clip(keras.constraints.Constraint):
            def __init__(self, top):
                self.top = top
            def __call__(self, w):
                return ops.clip(w, -self.top, self.top)
            def get_config(self):
                return {"top": self.top}

        class PlusCell(keras.layers.Layer):
            def __init__(self, units, **kwargs):
                super().__init__(**kwargs)
                self.units = units
                self.state_size = units
            def build(self, shape):
                self.w = self.add_weight(shape=(shape[-1], self.units))
            def call(self, x, states):
                out = ops.matmul(x, self.w) + states[0] * 0.5
                return out, [out]
            def get_config(self):
                return {**super().get_config(), "units": self.units}

        class Shape:
            def __init__(self, factor):
                self.factor = factor
            def get_config(self):
                return {"factor": self.factor}
            @classmethod
            def from_config(cls, config):
                return cls(**config)

        class Inner(keras.layers.Layer):
            def build(self, shape):
                self.bias = self.add_weight(shape=(shape[-1],), initializer="ones")
            def call(self, x):
                return x + self.bias
            def compute_output_shape(self, shape):
                return shape

        class Outer(Base):
            def __init__(self, shape, layer=None, activation=None, **kwargs):
                super().__init__(**kwargs)
                self.shape_object = shape
                self.layer = layer
                self.activation = keras.activations.get(activation)
                self.inner = Inner()
            def build(self, shape):
                self.inner.build(shape)
                if self.layer is not None and not self.layer.built:
                    self.layer.build(shape)
            def call(self, x):
                x = self.inner(x) * self.shape_object.factor * self.size_of(x)
                if self.layer is not None:
                    x = self.layer(x)
                return self.activation(x)
            def get_config(self):
                save = keras.saving.serialize_keras_object
                return {
                    **super().get_config(),
                    "shape": save(self.shape_object),
                    "layer": save(self.layer),
                    "activation": keras.activations.serialize(self.activation),
                }
            @classmethod
            def from_config(cls, config):
                load = keras.saving.deserialize_keras_object
                config = dict(config)
                for name in ("shape", "layer"):
                    config[name] = load(config[name])
                return cls(**config)

        class Steps(keras.quantizers.Quantizer):
            def __init__(self, steps=4):
                super().__init__(output_dtype="float32")
                self.steps = steps
            def __call__(self, x):
                return ops.round(x * self.steps) / self.steps
            def get_config(self):
                return {"steps": self.steps}

        class Stepped(keras.layers.Layer):
            def __init__(self, quantizer, **kwargs):
                super().__init__(**kwargs)
                self.quantizer = keras.quantizers.get(quantizer)
            def call(self, x):
                return self.quantizer(x)
            def get_config(self):
                return {**super().get_config(), "quantizer": keras.quantizers.serialize(self.quantizer)}

        class Twice(keras.Operation):
            def call(self, x):
                return x * 2
            def compute_output_spec(self, x):
                return keras.KerasTensor(x.shape, x.dtype)

        class Float(keras.dtype_policies.DTypePolicy):
            def __init__(self, name="float32", **kwargs):
                super().__init__(name, **kwargs)
            def get_config(self):
                return {"name": self.name}

        @keras.saving.register_keras_serializable()
        class Net(keras.Model):
            def __init__(self, units, head=None, **kwargs):
                super().__init__(**kwargs)
                self.units = units
                self.first = keras.layers.Dense(units, activation=bend)
                self.head = head or keras.layers.Dense(2)
            def call(self, x):
                return self.head(self.first(x))
            def get_config(self):
                return {
                    **super().get_config(),
                    "units": self.units,
                    "head": keras.saving.serialize_keras_object(self.head),
                }
            @classmethod
            def from_config(cls, config):
                config = dict(config)
                config["head"] = keras.saving.deserialize_keras_object(config["head"])
                return cls(**config)
    """,
}

FUNCTIONAL = """
    from zoo.parts import *
    i = keras.Input((4,), name="features")
    h = keras.layers.Dense(4, activation=bend, kernel_initializer=Ramp(0.5), kernel_regularizer=L4(1e-3),
                           kernel_constraint=Clip(0.4), dtype=Float())(i)
    h = Outer(Shape(0.5), layer=Inner(), activation=wave_function)(h)
    h = Twice()(Stepped(Steps(8))(h))
    r = keras.layers.Reshape((2, 2))(h)
    r = keras.layers.RNN(PlusCell(3))(r)
    r = keras.layers.TimeDistributed(Inner())(keras.layers.Reshape((3, 1))(r))
    o = keras.layers.Dense(2)(keras.layers.Flatten()(r))
    model = keras.Model(i, o)
    model.compile(SlowSGD(Halving(1e-2)), loss=my_loss, metrics=[my_metric, Peak()])
    x = np.linspace(-1, 1, 24, dtype="float32").reshape(6, 4)
    model.fit(x, np.zeros((6, 2)), verbose=0)
"""


def test_objects_of_every_kind_travel(workshop: Workshop) -> None:
    workshop.write(ZOO)
    workshop.author(
        textwrap.dedent(FUNCTIONAL)
        + textwrap.dedent("""
        packed = bundle(model, "../hand_over/m.kbundle")
        kinds = {item.qualname: item.kind for item in packed.manifest.objects}
        expected = {
            "bend": "function", "wave_function": "function", "my_loss": "function", "my_metric": "function",
            "Peak": "metric", "Halving": "schedule", "SlowSGD": "optimizer", "Ramp": "initializer",
            "L4": "regularizer", "Clip": "constraint", "PlusCell": "cell", "Shape": "object", "Inner": "layer",
            "Outer": "layer", "Float": "dtype_policy", "Steps": "quantizer", "Stepped": "layer", "Twice": "operation",
        }
        assert kinds == expected, kinds
        assert [module.name for module in packed.manifest.modules] == ["zoo", "zoo.bases", "zoo.parts"]
        wave, = [item for item in packed.manifest.objects if item.qualname == "wave_function"]
        assert wave.key == "zoo>wave"
        np.savez("../hand_over/y.npz", y=model.predict(x, verbose=0), step=int(model.optimizer.iterations))
        """)
    )
    workshop.consumer("""
        x = np.linspace(-1, 1, 24, dtype="float32").reshape(6, 4)
        saved = np.load("../hand_over/y.npz")
        model = unbundle("../hand_over/m.kbundle")
        assert int(model.optimizer.iterations) == saved["step"]
        assert type(model.optimizer).__name__ == "SlowSGD"
        lifecycle(model, x, saved["y"])
        plain = unbundle("../hand_over/m.kbundle", compile=False)
        assert not plain.compiled
    """)


def test_a_loss_class_and_a_subclassed_model_travel(workshop: Workshop) -> None:
    workshop.write(ZOO)
    workshop.author("""
        from zoo.parts import *
        model = Net(5, head=Outer(Shape(2.0)))
        x = np.linspace(-1, 1, 24, dtype="float32").reshape(6, 4)
        model(x)
        model.compile("adam", loss=Hinge(0.5))
        model.fit(x, np.ones((6, 5)), verbose=0)
        packed = bundle(model, "../hand_over/m.kbundle")
        assert packed.manifest.payload.class_name == "Net"
        assert packed.manifest.payload.inputs is None
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer("""
        x = np.linspace(-1, 1, 24, dtype="float32").reshape(6, 4)
        model = unbundle("../hand_over/m.kbundle")
        assert type(model.loss).__name__ == "Hinge" and model.loss.margin == 0.5
        lifecycle(model, x, np.load("../hand_over/y.npy"))
    """)


def test_names_of_registered_functions_in_strings_travel(workshop: Workshop) -> None:
    workshop.write(
        {
            "named.py": """
                import keras

                @keras.saving.register_keras_serializable(package="named")
                def triple(x):
                    return x * 3

                @keras.saving.register_keras_serializable(package="named")
                def gap(y, p):
                    return keras.ops.mean(keras.ops.abs(y - p), axis=-1)

                @keras.saving.register_keras_serializable(package="named")
                class ByName(keras.layers.Layer):
                    def __init__(self, act="named>triple", **kwargs):
                        super().__init__(**kwargs)
                        self.act = act
                        self.function = keras.saving.get_registered_object(act)
                    def call(self, x):
                        return self.function(x)
                    def get_config(self):
                        return {**super().get_config(), "act": self.act}
            """
        }
    )
    workshop.author("""
        from named import ByName
        model = keras.Sequential([keras.Input((3,)), ByName(), keras.layers.Dense(1)])
        model.compile("sgd", loss="named>gap")
        x = np.ones((4, 3), "float32")
        bundle(model, "../hand_over/m.kbundle")
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer("""
        @keras.saving.register_keras_serializable(package="named")
        def triple(x):
            return x * 1000
        model = unbundle("../hand_over/m.kbundle")
        lifecycle(model, np.ones((4, 3), "float32"), np.load("../hand_over/y.npy"))
    """)


def test_assets_and_shared_layers_travel(workshop: Workshop) -> None:
    workshop.write(
        {
            "text.py": """
                import keras
                import tensorflow as tf

                @keras.saving.register_keras_serializable(package="text")
                def shout(strings):
                    return tf.strings.upper(strings)

                class Mean(keras.layers.Layer):
                    def call(self, x):
                        return keras.ops.mean(keras.ops.cast(x, "float32"), axis=-1, keepdims=True)
            """
        }
    )
    workshop.author("""
        from text import Mean, shout
        import tensorflow as tf
        vectorize = keras.layers.TextVectorization(standardize=shout, output_sequence_length=4)
        vectorize.adapt(["one two three", "two three four"])
        shared = keras.layers.Dense(2)
        i = keras.Input((1,), dtype="string")
        h = Mean()(vectorize(i))
        model = keras.Model(i, keras.layers.Add()([shared(h), shared(h)]))
        x = tf.constant([["one two"], ["four"]])
        packed = bundle(model, "../hand_over/m.kbundle")
        assert packed.manifest.payload.inputs[0].datatype == "BYTES"
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer("""
        import tensorflow as tf
        x = tf.constant([["one two"], ["four"]])
        check_same(unbundle("../hand_over/m.kbundle"), x, np.load("../hand_over/y.npy"), "predict")
    """)


def test_a_model_without_custom_code_travels(workshop: Workshop) -> None:
    workshop.author("""
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        packed = bundle(model, "../hand_over/m.kbundle")
        assert not packed.manifest.objects and not packed.manifest.modules
        np.save("../hand_over/y.npy", model.predict(np.ones((4, 3)), verbose=0))
    """)
    workshop.consumer("""
        lifecycle(unbundle("../hand_over/m.kbundle"), np.ones((4, 3)), np.load("../hand_over/y.npy"))
    """)


def test_custom_objects_of_the_caller_replace_those_of_the_bundle(workshop: Workshop) -> None:
    workshop.write(
        {"gain.py": "import keras\nclass Gain(keras.layers.Layer):\n    def call(self, x):\n        return x * 2\n"}
    )
    workshop.author("""
        from gain import Gain
        bundle(keras.Sequential([keras.Input((3,)), Gain()]), "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        class Mine(keras.layers.Layer):
            def call(self, x):
                return x * 7
        x = np.ones((1, 3), "float32")
        model = unbundle("../hand_over/m.kbundle", custom_objects={"Gain": Mine})
        assert type(model.layers[0]) is Mine
        check_same(model, x, x * 7, "replaced")
        check_same(unbundle("../hand_over/m.kbundle"), x, x * 2, "own")
    """)
