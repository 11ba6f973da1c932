"""Classes that Keras alone does not bring back travel by a recorded adaptation, or are refused with a remedy."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import pytest

from tests.models.conftest import Workshop

HEAD = """
import dataclasses
import enum
import functools
import keras
import numpy as np
from keras import layers, ops
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A module of the author's, how the model is made from it, and what the manifest must say."""

    code: str
    make: str
    x: str = "np.random.default_rng(0).normal(size=(5, 4)).astype('float32')"
    kinds: tuple[str, ...]
    after: str = ""


CASES = {
    "layer_without_get_config": Case(
        code="""
        class Scale(layers.Layer):
            def __init__(self, factor):
                super().__init__()
                self.factor = factor
            def build(self, shape):
                self.w = self.add_weight(shape=(shape[-1],), initializer="ones")
            def call(self, x):
                return x * self.w * self.factor
        """,
        make="keras.Sequential([keras.Input((4,)), mine.Scale(3), layers.Dense(2)])",
        kinds=("surplus_arguments",),
    ),
    "get_config_without_name": Case(
        code="""
        class Scale(layers.Layer):
            def __init__(self, factor):
                super().__init__()
                self.factor = factor
            def build(self, shape):
                self.w = self.add_weight(shape=(shape[-1],), initializer="ones")
            def call(self, x):
                return x * self.w * self.factor
            def get_config(self):
                return {**super().get_config(), "factor": self.factor}
        """,
        make="keras.Sequential([keras.Input((4,)), mine.Scale(3), mine.Scale(2)])",
        kinds=("surplus_arguments",),
        after="model.layers[1].trainable = False",
    ),
    "arguments_that_are_not_plain": Case(
        code="""
        def bend(x):
            return ops.tanh(x)

        class Block(layers.Layer):
            def __init__(self, inner, table, fn, dims, *, act=layers.LeakyReLU):
                super().__init__()
                self.inner = inner
                self.table = table
                self.fn = fn
                self.dims = dims
                self.act = act()
                self.act_type = act
            def call(self, x):
                assert isinstance(self.dims, tuple)
                return self.act(self.fn(self.inner(x) + ops.convert_to_tensor(self.table)))
        """,
        make="""keras.Sequential([keras.Input((4,)), mine.Block(
            layers.Dense(3), np.arange(3, dtype="float32"), mine.bend, (1, 2), act=layers.ReLU)])""",
        kinds=("constructor_arguments", "surplus_arguments"),
    ),
    "variadic_arguments": Case(
        code="""
        class Chain(layers.Layer):
            def __init__(self, *parts, **kwargs):
                super().__init__(**kwargs)
                self.parts = list(parts)
            def call(self, x):
                for part in self.parts:
                    x = part(x)
                return x
        """,
        make="keras.Sequential([keras.Input((4,)), mine.Chain(layers.Dense(3), layers.ReLU(), layers.Dense(2))])",
        kinds=("constructor_arguments",),
    ),
    "other_keywords_that_are_kept": Case(
        code="""
        class Cross(layers.Layer):
            def __init__(self, rank):
                super().__init__()
                self.down = layers.Dense(rank)
            def build(self, shape):
                self.up = layers.Dense(shape[-1])
            def call(self, x):
                return x * self.up(self.down(x)) + x
        class Net(keras.Model):
            def __init__(self, **options):
                super().__init__()
                self.options = options
                self.cross = [Cross(options["rank"]), Cross(2)]
                self.bins = layers.Discretization(num_bins=3)
                self.bins.adapt(np.arange(9.0))
            def call(self, x):
                for part in self.cross:
                    x = part(x)
                return x + ops.cast(self.bins(x), x.dtype)
        """,
        make="mine.Net(rank=3)",
        kinds=("constructor_arguments", "surplus_arguments"),
        after="model.compile('sgd', 'mse')",
    ),
    "raw_objects_in_get_config": Case(
        code="""
        class Wrap(layers.Layer):
            def __init__(self, inner, shape, table, **kwargs):
                super().__init__(**kwargs)
                self.inner, self.shape_, self.table = inner, shape, table
            def call(self, x):
                assert isinstance(self.shape_, tuple)
                return self.inner(x) * ops.sum(self.table)
            def get_config(self):
                return {**super().get_config(), "inner": self.inner, "shape": self.shape_, "table": self.table}
        """,
        make="keras.Sequential([keras.Input((4,)), mine.Wrap(layers.Dense(3), (1, 2), np.ones(3, 'float32'))])",
        kinds=("restored_values",),
    ),
    "enum_partial_class_and_plain_object_in_get_config": Case(
        code="""
        class Mode(enum.Enum):
            ADD = "add"
            MUL = "mul"

        @dataclasses.dataclass(frozen=True)
        class Options:
            size: int
            rate: float = 0.5

        class Plain:
            def __init__(self, gain):
                self.gain = gain

        def power(x, n):
            return x ** n

        class Mixed(layers.Layer):
            def __init__(self, mode, options, plain, fn, norm, **kwargs):
                super().__init__(**kwargs)
                self.mode, self.options, self.plain, self.fn, self.norm = mode, options, plain, fn, norm
                self.dense = layers.Dense(options.size)
                self.normed = norm()
            def call(self, x):
                x = self.normed(self.fn(self.dense(x)))
                return x + self.plain.gain if self.mode is Mode.ADD else x * self.plain.gain
            def get_config(self):
                return {**super().get_config(), "mode": self.mode, "options": self.options, "plain": self.plain,
                        "fn": self.fn, "norm": self.norm}
        """,
        make="""keras.Sequential([keras.Input((4,)), mine.Mixed(mine.Mode.MUL, mine.Options(3), mine.Plain(4.0),
            functools.partial(mine.power, n=2), layers.LayerNormalization)])""",
        kinds=("restored_values",),
    ),
    "subclassed_model_with_required_arguments": Case(
        code="""
        class Net(keras.Model):
            def __init__(self, hidden, outputs, rate):
                super().__init__()
                self.hidden = layers.Dense(hidden, activation="relu")
                self.drop = layers.Dropout(rate)
                self.out = layers.Dense(outputs)
            def call(self, x, training=False):
                return self.out(self.drop(self.hidden(x), training=training))
        """,
        make="mine.Net(7, 2, 0.3)",
        kinds=("constructor_arguments", "surplus_arguments"),
        after="model.compile('adam', 'mse'); model.fit(x, np.zeros((5, 2)), verbose=0)",
    ),
    "subclassed_model_with_layers_and_models": Case(
        code="""
        class Both(keras.Model):
            def __init__(self, encoder, head, scales, name=None):
                super().__init__(name=name)
                self.encoder = encoder
                self.head = head
                self.scales = [s for s in scales]
            def call(self, x):
                return self.head(self.encoder(x)) * sum(self.scales)
        """,
        make="""mine.Both(
            keras.Sequential([keras.Input((4,)), layers.Dense(3)]), layers.Dense(2), [1, 2], name="both")""",
        kinds=("constructor_arguments", "surplus_arguments"),
    ),
    "subclassed_model_with_defaults_that_keras_forgets": Case(
        code="""
        class Net(keras.Model):
            def __init__(self, units=32, rate=0.1):
                super().__init__()
                self.units = units
                self.rate = rate
                self.d = layers.Dense(units)
            def call(self, x):
                return self.d(x)
        """,
        make="mine.Net(units=6, rate=0.7)",
        kinds=("constructor_arguments", "surplus_arguments"),
    ),
    "functional_subclass_with_its_own_arguments": Case(
        code="""
        class Graph(keras.Model):
            def __init__(self, inputs, outputs, weight, **kwargs):
                super().__init__(inputs=inputs, outputs=outputs, **kwargs)
                self.weight = weight
            def train_step(self, data):
                return super().train_step(data)
        """,
        make="(lambda i: mine.Graph(i, layers.Dense(2)(layers.Dense(3)(i)), 0.25, name='graph'))(keras.Input((4,)))",
        kinds=("constructor_arguments", "functional_graph", "surplus_arguments"),
    ),
    "functional_subclass_that_makes_its_graph": Case(
        code="""
        class Graph(keras.Model):
            def __init__(self, units, size=4):
                inputs = keras.Input((size,))
                outputs = layers.Dense(units)(inputs)
                super().__init__(inputs=inputs, outputs=outputs)
                self.units = units
                self.size = size
        """,
        make="mine.Graph(3)",
        kinds=("constructor_arguments", "surplus_arguments"),
    ),
    "positional_arguments_after_named_ones": Case(
        code="""
        class Pooled(layers.Layer):
            def __init__(self, units, rate=2.0, *sizes, act=None):
                super().__init__()
                self.units, self.rate, self.sizes, self.act = units, rate, sizes, act
                self.parts = [layers.Dense(units) for _ in sizes]
            def build(self, shape):
                for part in self.parts:
                    part.build(shape)
            def call(self, x):
                return self.rate * sum(size * part(x) for size, part in zip(self.sizes, self.parts))
        """,
        make="keras.Sequential([keras.Input((4,)), mine.Pooled(3, 0.5, 1, 2, act='relu')])",
        kinds=("constructor_arguments", "surplus_arguments"),
    ),
    "argument_that_a_derived_class_gives_its_base": Case(
        code="""
        class Base(layers.Layer):
            def __init__(self, blocks, units, rate=0.5, **kwargs):
                super().__init__(**kwargs)
                self.blocks, self.units, self.rate = blocks, units, rate
                self.dense = layers.Dense(units)
            def build(self, shape):
                self.dense.build(shape)
            def call(self, x):
                return self.dense(x) * self.rate * len(self.blocks)
            def get_config(self):
                return {"name": self.name, "blocks": self.blocks, "units": self.units, "rate": self.rate}
            @classmethod
            def from_config(cls, config):
                return cls(**config)

        class Small(Base):
            def __init__(self, *, units, name=None, **kwargs):
                super().__init__(blocks="ab", units=units, name=name, **kwargs)
        """,
        make="keras.Sequential([keras.Input((4,)), mine.Small(units=3, rate=0.25), layers.Dense(2)])",
        kinds=("surplus_arguments",),
    ),
    "object_that_get_config_tells_as_a_dictionary": Case(
        code="""
        class Wiring:
            def __init__(self, units):
                self.units = units
                self.built = None
            def build(self):
                self.built = np.arange(self.units) % 2.0
                return self.built
            def get_config(self):
                return {"neurons": self.units}

        class Wired(layers.Layer):
            def __init__(self, wiring, rate=0.5, **kwargs):
                super().__init__(**kwargs)
                self.wiring = wiring
                self.rate = rate
            def build(self, shape):
                self.mask = self.wiring.build()
            def call(self, x):
                return x * self.mask * self.rate
            def get_config(self):
                return {**super().get_config(), "wiring": self.wiring.get_config(), "rate": self.rate}
        """,
        make="keras.Sequential([keras.Input((4,)), mine.Wired(mine.Wiring(4)), layers.Dense(2)])",
        kinds=("constructor_arguments", "restored_shapes", "surplus_arguments"),
    ),
    "model_without_weights_over_random_parts": Case(
        code="""
        class Augmented(keras.Model):
            def __init__(self, shape, noisy):
                super().__init__()
                self.scale = 2.0 if noisy % 2 else 1.0
                self.parts = keras.Sequential([layers.Input(shape), layers.Dropout(0.2), layers.GaussianNoise(0.1)])
            def call(self, x, training=False):
                return self.parts(x, training=training) * self.scale
        """,
        make="keras.Sequential([keras.Input((4,)), mine.Augmented((4,), 3), layers.Dense(2)])",
        kinds=("attributes",),
    ),
    "functional_subclass_that_builds_a_weight_of_its_own": Case(
        code="""
        class Graph(keras.Model):
            def __init__(self, units, seed):
                inputs = keras.Input((4,))
                super().__init__(inputs, layers.Dense(units)(inputs))
                self.factor = seed % 7
            def build(self, shape=None):
                self.scale = self.add_weight(shape=(), initializer="ones", trainable=False, name="scale")
                super().build(shape)
            def train_step(self, data):
                self.scale.assign_add(self.factor)
                return super().train_step(data)
        """,
        make="mine.Graph(3, 17)",
        kinds=("attributes",),
    ),
    "sequential_subclass_that_adds_its_layers": Case(
        code="""
        class Stack(keras.Sequential):
            def __init__(self, units, **kwargs):
                super().__init__([layers.Dense(units, activation="relu"), layers.Dense(2)], **kwargs)
        """,
        make="mine.Stack(5)",
        kinds=("constructor_arguments", "surplus_arguments"),
    ),
    "schedule_and_initializer_without_get_config": Case(
        code="""
        class Warmup(keras.optimizers.schedules.LearningRateSchedule):
            def __init__(self, d_model, steps=4000):
                super().__init__()
                self.d_model = ops.cast(d_model, "float32")
                self.steps = steps
            def __call__(self, step):
                step = ops.cast(step, "float32")
                return ops.rsqrt(self.d_model) * ops.minimum(ops.rsqrt(step + 1), step * self.steps ** -1.5)

        class Ramp(keras.initializers.Initializer):
            def __init__(self, top):
                self.top = top
            def __call__(self, shape, dtype=None, **kwargs):
                return ops.ones(shape) * self.top
        """,
        make="keras.Sequential([keras.Input((4,)), layers.Dense(2, kernel_initializer=mine.Ramp(3.0))])",
        kinds=("constructor_arguments",),
        after="model.compile(keras.optimizers.Adam(mine.Warmup(64, steps=10)), 'mse');"
        "model.fit(x, np.zeros((5, 2)), verbose=0)",
    ),
    "loss_and_metric_without_get_config": Case(
        code="""
        class Focal(keras.losses.Loss):
            def __init__(self, gamma, alpha=0.25):
                super().__init__()
                self.gamma, self.alpha = gamma, alpha
            def call(self, y, p):
                return self.alpha * ops.mean(ops.abs(y - p) ** self.gamma, axis=-1)

        class Count(keras.metrics.Metric):
            def __init__(self, limit, name="count"):
                super().__init__(name=name)
                self.limit = limit
                self.total = self.add_variable((), "zeros")
            def update_state(self, y, p, sample_weight=None):
                self.total.assign_add(ops.sum(ops.cast(p > self.limit, "float32")))
            def result(self):
                return self.total
        """,
        make="keras.Sequential([keras.Input((4,)), layers.Dense(2)])",
        kinds=("constructor_arguments", "surplus_arguments"),
        after="model.compile('adam', mine.Focal(2.0, alpha=0.9), metrics=[mine.Count(0.1)]);"
        "model.fit(x, np.zeros((5, 2)), verbose=0)",
    ),
    "sublayers_that_build_leaves_unbuilt": Case(
        code="""
        class Net(keras.Model):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.a = layers.Dense(3)
                self.b = layers.Dense(2)
            def build(self, shape):
                self.scale = self.add_weight(shape=(), initializer="ones")
            def call(self, x):
                return self.b(self.a(x)) * self.scale
            def get_config(self):
                return super().get_config()
        """,
        make="mine.Net()",
        kinds=("built_by_call",),
    ),
    "own_train_step_and_compile": Case(
        code="""
        class Gan(keras.Model):
            def __init__(self, generator, critic):
                super().__init__()
                self.generator = generator
                self.critic = critic
            def compile(self, g_optimizer, c_optimizer, loss_fn, **kwargs):
                super().compile(**kwargs)
                self.g_optimizer = g_optimizer
                self.c_optimizer = c_optimizer
                self.loss_fn = loss_fn
            def call(self, x):
                return self.critic(self.generator(x))
            def train_step(self, data):
                import tensorflow as tf
                x, y = data
                with tf.GradientTape() as tape:
                    loss = self.loss_fn(y, self(x))
                weights = self.trainable_weights
                self.g_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
                return {"loss": loss}
        """,
        make="mine.Gan(keras.Sequential([keras.Input((4,)), layers.Dense(3)]), keras.Sequential([keras.Input((3,)), "
        "layers.Dense(2)]))",
        kinds=("compile_arguments", "constructor_arguments", "surplus_arguments"),
        after="model.compile(keras.optimizers.Adam(0.01), keras.optimizers.SGD(0.5), keras.losses.MeanSquaredError());"
        "model.fit(x, np.zeros((5, 2)), verbose=0)",
    ),
}

CASES |= {
    "arguments_that_are_gone": Case(
        code="""
        class Schedule:
            def __init__(self, start, stop, steps):
                self.betas = np.linspace(start, stop, steps)
            def __call__(self, x):
                return x * float(self.betas[0])

        class Tree(layers.Layer):
            def __init__(self, depth, rate):
                super().__init__()
                self.leaves = 2 ** depth
                self.mask = np.random.default_rng(0).uniform(size=4) > rate
                self.pi = self.add_weight(shape=(self.leaves, 2), initializer="random_normal")
                self.decide = layers.Dense(self.leaves)
            def build(self, shape):
                self.extra = self.add_weight(shape=(), initializer="ones", trainable=False)
                self.decide.build(shape)
            def call(self, x):
                x = x * ops.convert_to_tensor(self.mask.astype("float32"))
                return ops.matmul(self.decide(x), self.pi) * self.extra

        class Forest(keras.Model):
            def __init__(self, count, depth, rate, schedule):
                super().__init__()
                self.trees = [Tree(depth, rate + 0.01 * number) for number in range(count)]
                self.first = self.trees[0]
                self.schedule = schedule
            def call(self, x):
                return self.schedule(sum(tree(x) for tree in self.trees))
        """,
        make="mine.Forest(3, 2, 0.3, mine.Schedule(0.5, 1.0, 4))",
        kinds=("attributes", "surplus_arguments"),
        after="model.compile('adam', 'mse'); model.fit(x, np.zeros((5, 2)), verbose=0)",
    ),
    "a_graph_made_from_arguments_that_are_gone": Case(
        code="""
        class Graph(keras.Model):
            def __init__(self, sizes, rho):
                inputs = keras.Input((4,))
                x = inputs
                for size in sizes:
                    x = layers.Dense(size)(x)
                self_last = layers.Dense(2, name="last")
                super().__init__(inputs, self_last(x))
                self.last = self_last
                self.rho = rho * 2 if rho else 0.0
        """,
        make="mine.Graph([3, 5], 0.1)",
        kinds=("attributes",),
    ),
    "a_partial_function_as_loss": Case(
        code="""
        def power(y, p, n):
            return ops.mean(ops.abs(y - p) ** n, axis=-1)

        class Net(layers.Layer):
            def call(self, x):
                return x * 2
        """,
        make="keras.Sequential([keras.Input((4,)), mine.Net(), layers.Dense(2)])",
        kinds=(),
        after="model.compile('adam', functools.partial(mine.power, n=3)); model.fit(x, np.zeros((5, 2)), verbose=0)",
    ),
    "build_with_several_arguments": Case(
        code="""
        class Two(layers.Layer):
            def __init__(self, units):
                super().__init__()
                self.units = units
            def build(self, a_shape, b_shape):
                self.a = self.add_weight(shape=(a_shape[-1], self.units))
                self.b = self.add_weight(shape=(b_shape[-1], self.units))
            def call(self, a, b):
                return ops.matmul(a, self.a) + ops.matmul(b, self.b)

        def graph():
            inputs = keras.Input((4,))
            return keras.Model(inputs, Two(3)(inputs, layers.Dense(2)(inputs)))
        """,
        make="mine.graph()",
        kinds=("surplus_arguments",),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_travels_by_an_adaptation(workshop: Workshop, name: str) -> None:
    case = CASES[name]
    workshop.write({"mine.py": HEAD + textwrap.dedent(case.code)})
    workshop.author(
        f"""
        import functools, mine
        from adapting import *
        from keras import layers
        x = {case.x}
        model = {case.make.strip()}
        model(x)
        {case.after}
        packed = hand_over(model, x)
        kinds = sorted({{item.kind for item in packed.manifest.adaptations}})
        assert kinds == {sorted(case.kinds)}, packed.manifest.adaptations
        """
    )
    workshop.consumer(
        """
        from adapting import *
        model, x = receive()
        train(model, x)
        """
    )


def test_refuses_what_no_file_can_hold_and_says_which_line_to_change(workshop: Workshop) -> None:
    workshop.write(
        {
            "mine.py": HEAD
            + textwrap.dedent(
                """
                class Net(keras.Model):
                    def __init__(self, units, source):
                        super().__init__()
                        self.rows = (row for row in source)
                        self.first = layers.Dense(hash(str(units)) % 7 + 1)
                    def call(self, x):
                        return self.first(x)
                """
            )
        }
    )
    finished = workshop.author(
        """
        import mine
        model = mine.Net(6, [1, 2])
        model(np.ones((2, 4), "float32"))
        try:
            bundle(model, "m.kbundle")
        except SourceError as error:
            print("REFUSED", error)
            assert len(error.problems) == 3, error.problems
        """
    )
    words = ("store self.units = units in Net.__init__ (mine.py:", "store self.source", "'rows'", "generator")
    for word in (*words, 'fallback="inference"), which was tried and works'):
        assert word in finished.output, finished.output


def test_refuses_an_adaptation_that_this_version_does_not_know() -> None:
    from bundler.errors import UnsupportedVersion
    from bundler.keras_io.adapt import check_kinds
    from bundler.manifest import Adaptation

    with pytest.raises(UnsupportedVersion, match="does not know how to bring this class back") as caught:
        check_kinds([Adaptation(kind="telepathy", module="m", qualname="C")])
    assert caught.value.place == "manifest.json: adaptations[0].kind"


def test_inspect_shows_what_loading_does(workshop: Workshop) -> None:
    case = CASES["layer_without_get_config"]
    workshop.write({"mine.py": HEAD + textwrap.dedent(case.code)})
    finished = workshop.author(
        f"""
        import mine
        from keras import layers
        from bundler.cli.main import main
        bundle({case.make}, "m.kbundle")
        main(["inspect", "m.kbundle"])
        """
    )
    assert "Adaptations: 1" in finished.output
    assert "mine.Scale" in finished.output
    assert "surplus arguments  trainable, dtype" in finished.output


def test_what_is_patched_while_saving_is_gone_afterwards(workshop: Workshop) -> None:
    case = CASES["own_train_step_and_compile"]
    workshop.write({"mine.py": HEAD + textwrap.dedent(case.code)})
    workshop.author(
        f"""
        import mine
        from keras import layers
        x = {case.x}
        model = {case.make}
        model(x)
        {case.after}
        bundle(model, "m.kbundle")
        for part in (model, model.generator, model.critic):
            assert not {{"get_config", "get_compile_config", "compile_from_config"}} & set(vars(part))
        loaded = unbundle("m.kbundle", compile=False)
        assert not loaded.compiled
        assert "compile_from_config" not in vars(loaded)
        """
    )


def test_arrays_in_a_config_keep_their_byte_order(workshop: Workshop) -> None:
    workshop.author(
        """
        import json, ml_dtypes
        from bundler.keras_io.adapt.decoding import decode
        from bundler.keras_io.adapt.value_encoding import encode
        from bundler.values import Unsayable
        for dtype in (">f4", "<f4", ">i8", "bool", ">U3", "S3", ">c8", "<M8[ns]", "bfloat16", "float8_e4m3fn"):
            array = np.array([1, 0, 1]).astype(dtype)
            came, one = decode(json.loads(json.dumps(encode([array, array[1]], lambda _: None))), None)
            assert came.dtype == array.dtype and (came == array).all() and one == array[1], (dtype, came, one)
        try:
            encode(np.zeros(2, "i4,f4"), lambda _: None)
        except Unsayable as error:
            assert "records" in str(error)
        else:
            raise AssertionError("not refused")
        """
    )


def test_the_shapes_of_a_call_are_read_in_one_way(workshop: Workshop) -> None:
    workshop.author("""
        from bundler.keras_io.adapt.build_by_call import call_signature

        class Recorded(keras.Model):
            def get_build_config(self):
                return self.said
            def call(self, query, value=None):
                return query

        model = Recorded()
        spec = {"shape": [2, 3], "dtype": "float32"}
        for said, expected in [
            # An argument that was not given, a loaded model's build config, and what no call could be made of.
            ({"shapes_dict": {"query_shape": (2, 3), "value_shape": None}}, {"inputs": spec}),
            ({"shapes_dict": {"query_shape": (2, 3), "value_shape": (2, 3)}},
             {"arguments": {"query": spec, "value": spec}}),
            ({"input_shape": {"input_shape": [2, 3]}}, {"inputs": spec}),
            ({"input_shape": [(2, 3), None]}, None), ({"input_shape": "x"}, None), (None, None),
        ]:
            model.said = said
            assert call_signature(model) == expected, said
    """)


def test_a_constructor_may_ask_a_lookup_layer_for_its_size(workshop: Workshop) -> None:
    workshop.write(
        {
            "towers.py": """
                import keras

                class Tower(keras.layers.Layer):
                    def __init__(self, lookups, text, **options):
                        super().__init__(**options)
                        self.lookups, self.text = lookups, text
                        self.names = sorted(lookups)
                        sizes = [lookups[name].vocabulary_size() for name in self.names]
                        self.tables = [keras.layers.Embedding(size, 3) for size in sizes]
                        self.words = keras.layers.Embedding(text.vocabulary_size(), 3)

                    def call(self, inputs):
                        of_text = keras.ops.mean(self.words(self.text(inputs["text"])), axis=1)
                        for name, table in zip(self.names, self.tables):
                            of_text = of_text + table(self.lookups[name](inputs[name]))
                        return of_text

                class Ranking(keras.Model):
                    def __init__(self, lookups, text):
                        super().__init__()
                        self.tower = Tower(lookups, text)
                        self.top = keras.layers.Dense(1)

                    def call(self, inputs):
                        return self.top(self.tower(inputs))
            """
        }
    )
    script = """
        import tensorflow as tf
        x = {
            "city": tf.constant(["Ulm", "Bonn", "Rome", "Kiel"]),
            "year": tf.constant([3, 5, 8, 8], tf.int64),
            "text": tf.constant(["a b", "b c", "d", "nothing new"]),
        }
    """
    workshop.author(
        script
        + """
        from adapting import *
        import towers
        lookups = {"city": keras.layers.StringLookup(), "year": keras.layers.IntegerLookup()}
        for name, lookup in lookups.items():
            lookup.adapt(x[name][:3])
        text = keras.layers.TextVectorization()
        text.adapt(x["text"])
        model = towers.Ranking(lookups, text)
        model.compile("adam", "mse")
        model.fit(x, np.ones((4, 1)), verbose=0)
        bundle(model, FOLDER / "ranking.kbundle")
        np.save(FOLDER / "y.npy", model.predict(x, verbose=0))
        """
    )
    workshop.consumer(
        script
        + """
        model = unbundle("../hand_over/ranking.kbundle")
        assert np.abs(model.predict(x, verbose=0) - np.load("../hand_over/y.npy")).max() < 1e-6
        lookup = model.tower.lookups["city"]
        assert "vocabulary_size" not in vars(lookup) and lookup.vocabulary_size() == 4
        lookup.adapt(["one", "two"])
        """
    )
