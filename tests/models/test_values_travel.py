"""Arguments of the kinds that people have come back exactly, arrays in a file, and values that are set at run time."""

# ruff: noqa: E501 - the values of the author's script, in rows

from __future__ import annotations

import zipfile

import pytest

from tests.models.conftest import Workshop

KINDS = """
    import argparse, collections, datetime, decimal, enum, fractions, pathlib, types, typing
    from dataclasses import dataclass, field
    import keras
    import numpy as np
    import tensorflow as tf

    @dataclass
    class Opt:
        lr: float = 0.1
        tags: list = field(default_factory=list)

    @dataclass(frozen=True, slots=True)
    class Frozen:
        a: int = 1

    class Pair(typing.NamedTuple):
        a: int
        b: object

    class Mode(enum.Enum):
        A = 1

    class Flags(enum.IntFlag):
        A = 1
        B = 2

    class Word(str, enum.Enum):
        A = "a"

    class Table(dict):
        __slots__ = ()

    class Plain:
        def __init__(self, k):
            self.k = k

    class Norm(tf.Module):
        def __init__(self, start, name=None):
            super().__init__(name=name)
            self.mean = tf.Variable([start], trainable=False)

    def told(v):
        if isinstance(v, Norm):
            return f"Norm {v.name} {v.mean.numpy().tolist()} {len(v.variables)}"
        if isinstance(v, np.ndarray):
            return f"array {v.dtype} {v.shape} {float(v.astype('float64').sum())}"
        if isinstance(v, enum.Enum):
            return repr(v)
        if isinstance(v, pathlib.Path):
            return f"path {v}"
        if isinstance(v, dict):
            return f"{type(v).__name__} {[(told(k), told(x)) for k, x in v.items()]}"
        if isinstance(v, (list, tuple, set, frozenset, collections.deque)):
            return f"{type(v).__name__} {[told(x) for x in (sorted(v) if isinstance(v, (set, frozenset)) else v)]}"
        if isinstance(v, (argparse.Namespace, types.SimpleNamespace, Plain, Opt)):
            return f"{type(v).__name__} {told(vars(v))}"
        if hasattr(v, "toarray"):
            return f"{type(v).__name__} {v.dtype} {v.toarray().tolist()}"
        return f"{type(v).__name__} {v!r}"

    class Holds(keras.layers.Layer):
        def __init__(self, value, **options):
            super().__init__(**options)
            self.value = value
        def call(self, x):
            return x * 2
        def says(self):
            return told(self.value)

    class Says(Holds):
        def get_config(self):
            return {**super(Holds, self).get_config(), "value": self.value}

    class Net(keras.Model):
        def __init__(self, cfg, mode=Flags.A, **options):
            super().__init__(**options)
            self.cfg, self.mode = cfg, mode
            self.dense = keras.layers.Dense(cfg.units)
        def call(self, x):
            return self.dense(x) * (2 if self.mode & Flags.B else 1)
"""
MODEL = """
    import argparse, collections, datetime, decimal, fractions, pathlib, types
    import keras, numpy as np, tensorflow as tf
    import kinds as k
    changed = k.Plain(5)
    changed.more = [1]
    row = [1.0]
    values = [
        argparse.Namespace(lr=0.1, out=None, flags=["a"], t=(1, 2)), types.SimpleNamespace(x=types.SimpleNamespace(y=1)),
        k.Opt(0.5, ["a"]), k.Frozen(3), k.Pair(1, k.Pair(2, "c")), k.Mode.A, k.Flags.A | k.Flags.B, k.Word.A, changed,
        {"cfg": types.SimpleNamespace(m=k.Opt(1), s={1, 2}), "l": (k.Mode.A, np.ones(3))}, pathlib.Path("a/b"),
        tf.constant([1.0, 2.0]), tf.constant(["a"]), tf.float16, np.dtype("int8"), range(2, 9, 3), slice(1, None), {1, 2},
        frozenset("ab"), datetime.datetime(2020, 1, 2), fractions.Fraction(1, 3), decimal.Decimal("1.50"), 1 + 2j, b"ab",
        collections.deque([1, 2], 3), {1: "a", (1, 2): [3], None: 4.0}, np.arange(30000.0).reshape(300, 100),
        types.SimpleNamespace(a=row, b=row, d=collections.defaultdict(list, z=[1]), o=collections.OrderedDict(b=1, a=2)),
        [np.arange(3), np.arange(3)], np.float32(2.5), np.arange(3, dtype=">f4"),
        tf.sparse.from_dense([[0.0, 2.0], [3.0, 0.0]]), tf.ragged.constant([[1, 2], [3]]), k.Norm(3.0),
    ]
    def stack(cls):
        return keras.Sequential([keras.Input((3,)), *(cls(value) for value in values)])
"""


def test_carries_arguments_of_many_kinds(workshop: Workshop) -> None:
    workshop.write({"kinds.py": KINDS})
    workshop.author(
        MODEL
        + """
    import json
    for name in ("Holds", "Says"):
        model = stack(getattr(k, name))
        report = bundle(model, f"../hand_over/{name}.kbundle")
        assert report.audit.asked == (), report.audit.asked
        json.dump([layer.says() for layer in model.layers], open(f"../hand_over/{name}.json", "w"))
    net = k.Net(argparse.Namespace(units=5), k.Flags.A | k.Flags.B)
    y = net(np.ones((2, 3), "float32"))
    bundle(net, "../hand_over/Net.kbundle")
    np.save("../hand_over/y.npy", y)
    """
    )
    workshop.consumer(
        """
    import json
    for name in ("Holds", "Says"):
        model = unbundle(f"../hand_over/{name}.kbundle")
        for layer, said in zip(model.layers, json.load(open(f"../hand_over/{name}.json")), strict=True):
            assert layer.says() == said, (layer.says(), said)
        shared = next(l.value for l in model.layers if hasattr(l.value, "d") and hasattr(l.value, "o"))
        assert shared.a is shared.b
    net = unbundle("../hand_over/Net.kbundle")
    assert type(net.mode).__name__ == "Flags" and net.mode == 3 and net.cfg.units == 5
    import copy, pickle
    for again in (net, copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert again.mode == 3 and again.cfg.units == 5
        assert (np.asarray(again(np.ones((2, 3), "float32"))) == np.load("../hand_over/y.npy")).all()
    """
    )
    for name in ("Holds", "Says"):
        with (
            zipfile.ZipFile(workshop.hand_over / f"{name}.kbundle") as bundle,
            bundle.open("model/model.keras") as file,
        ):
            inner = zipfile.ZipFile(file)
            config = inner.read("config.json")
            assert len(config) < 100_000
            assert "assets/kbundle/arrays.npz" in inner.namelist()


def test_carries_a_sparse_matrix_and_a_table_and_requires_their_libraries(workshop: Workshop) -> None:
    pytest.importorskip("pandas")
    workshop.write({"kinds.py": KINDS})
    workshop.author(
        """
    import pandas
    from scipy import sparse
    import types, kinds as k
    table = pandas.DataFrame({"a": [1.5, 2.0], "b": ["x", None]}, index=["p", "q"])
    values = [sparse.csr_matrix([[1.0, 0.0], [0.0, 2.0]]), types.SimpleNamespace(t=table), sparse.coo_array([[0, 3]])]
    model = keras.Sequential([keras.Input((3,)), *map(k.Holds, values)])
    made = bundle(model, "../hand_over/a.kbundle", offline=True)
    names = {item.name for item in made.manifest.requirements.distributions}
    assert {"pandas", "scipy"} <= names, names
    loaded = unbundle("../hand_over/a.kbundle")
    first, second, third = (layer.value for layer in loaded.layers)
    assert type(first) is type(values[0]) and (first != values[0]).nnz == 0 and first.dtype == values[0].dtype
    assert second.t.equals(table) and type(third) is type(values[2]) and third.toarray().tolist() == [[0, 3]]
    """
    )


def test_sets_values_of_these_kinds_that_were_set_at_run_time(workshop: Workshop) -> None:
    workshop.write({
        "nets.py": """
            import typing
            import keras

            class Opt:
                def __init__(self, k):
                    self.k = k

            class Pair(typing.NamedTuple):
                a: float
                b: object

            args = None
            OPT = Opt(1.0)
            PAIR = Pair(1.0, None)
            TABLE = []
            WHEN = None
            MODE = None

            class Own(keras.layers.Layer):
                def call(self, x):
                    x = x * args.scale * OPT.k * PAIR.a * TABLE[4000] + WHEN.year
                    return x * MODE.k
        """
    })  # fmt: skip
    workshop.author(
        """
    import quick_proof
    import argparse, datetime, nets
    nets.args = argparse.Namespace(scale=2.0, out=None)
    nets.OPT.k = 3.0
    nets.PAIR = nets.Pair(5.0, "b")
    nets.TABLE = [i / 7 for i in range(5000)]
    nets.WHEN = datetime.date(2020, 1, 1)
    nets.MODE = nets.Opt(0.5)
    model = keras.Sequential([keras.Input((3,)), nets.Own()])
    np.save("../hand_over/y.npy", model.predict(np.ones((2, 3), "float32"), verbose=0))
    bundler.bundle(model, "../hand_over/a.kbundle", offline=True)
    """
    )
    workshop.consumer(
        """
    model = unbundle("../hand_over/a.kbundle")
    assert (model.predict(np.ones((2, 3), "float32"), verbose=0) == np.load("../hand_over/y.npy")).all()
    """
    )
