"""Ordinary layer code needs no consent."""

import pytest

from bundler.audit.finding import Held
from bundler.audit.source import SourceText, source_findings
from bundler.audit.source.hidden_text import text_problems
from tests.audit.source.test_hostile import refusals

_STARRED = """
import keras
class Own(keras.layers.Layer):
    def __init__(self, n=1, **kwargs):
        super(Own, self).__init__(**kwargs)
        self.n = len([n])
    def get_config(self):
        return {**super().get_config(), "n": self.n}
"""
BENIGN = {
    "layer": """
import keras
from keras import layers, ops
@keras.saving.register_keras_serializable(package="mine")
class Scale(layers.Layer):
    def __init__(self, factor=1.0, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.activation = keras.activations.get(activation)
    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="kernel")
    def call(self, inputs, training=None):
        return self.activation(ops.multiply(inputs, self.kernel) * self.factor)
    def get_config(self):
        return {**super().get_config(), "factor": self.factor,
                "activation": keras.activations.serialize(self.activation)}
""",
    "tf": """
import tensorflow as tf
from tensorflow.keras import backend as K
class Attend(tf.keras.layers.Layer):
    def call(self, q, mask=None):
        s = tf.nn.softmax(tf.matmul(q, q, transpose_b=True) / tf.math.sqrt(tf.cast(tf.shape(q)[-1], q.dtype)))
        ta = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
        ta = ta.write(0, s)
        tf.print("shape", tf.shape(s), output_stream=None) if False else None
        tf.print("shape", tf.shape(s))
        return K.sum(s, axis=-1), ta.stack()
""",
    "wrapper": """
import keras
class Wrap(keras.layers.Wrapper):
    def call(self, x):
        return self.layer(x)
    def get_config(self):
        config = super(Wrap, self).get_config()
        config.update({"layer": keras.saving.serialize_keras_object(self.layer)})
        return config
    @classmethod
    def from_config(cls, config):
        config = config.copy()
        layer = keras.saving.deserialize_keras_object(config.pop("layer"))
        return cls(layer, **config)
""",
    "standard-library": """
import dataclasses, enum, functools, json, logging, math, os, re, sys, typing, warnings
from collections import OrderedDict, namedtuple
from collections.abc import Sequence
from typing import Any, Optional
logger = logging.getLogger(__name__)
HERE = os.path.join(os.path.dirname(os.path.abspath("x")) if False else "a", "b")
Point = namedtuple("Point", "x y")
class Mode(enum.Enum):
    ONE = 1
@dataclasses.dataclass(frozen=True)
class Options:
    units: int = 8
    name: Optional[str] = None
    def scaled(self) -> "Options":
        return dataclasses.replace(self, units=self.units * 2)
@functools.lru_cache(maxsize=None)
def area(p: "Point", modes: "Sequence[Mode] | None" = None) -> float:
    if sys.version_info < (3, 8) or not isinstance(p, (Point, type)):
        warnings.warn("old", stacklevel=2)
    logger.info("%s", json.dumps({"x": p.x}))
    return math.prod(p) if re.match(r"a", "b") else float(p.y)
def wrapped(f):
    @functools.wraps(f)
    def inner(*args: Any, **kwargs: Any):
        return f(*args, **kwargs)
    return inner
""".replace('os.path.dirname(os.path.abspath("x")) if False else ', ""),
    "backend-alias": "import numpy as np\nxp = np\ndef f(x):\n    return xp.sum(xp.asarray(x))",
    "optional-import": "try:\n    import torch\nexcept ImportError:\n    torch = None\ndef f(x):\n    return torch.nn.Linear(1, 1)(x) if torch is not None else x",
    "literal-getattr": "class A:\n    def f(self):\n        return [getattr(self, n) for n in ('kernel', 'bias')]\n    kernel = bias = 1",
    "own-save": "import keras\nclass A(keras.layers.Layer):\n    def export(self, x):\n        return x\n    def call(self, x):\n        return self.export(x)",
    "setattr-self": "class A:\n    def __init__(self, **kw):\n        for k, v in kw.items():\n            setattr(self, k, v)",
    "format": "def f(x):\n    return '{} of {name}'.format(x, name='a') + '%s' % x + f'{x:.2f}'",
    "non-ascii-text": "# größer - world\nX = 'naïve 世界 π'\nλ = 1\ndef größe(β): return β",
    "long-data": "X = [" + ", ".join(map(str, range(2000))) + "]",
    "match": "def f(x):\n    match x:\n        case {'a': y}: return y\n        case [1, *rest]: return rest\n        case int(): return 1",
    "print-to-stderr": "import sys\ndef f():\n    print('x', file=sys.stderr)",
    "keras-src": "from keras.src import backend, ops\nfrom keras.src.api_export import keras_export\nfrom keras.src.layers.layer import Layer\nclass A(Layer):\n    def call(self, x):\n        return backend.nn.relu(ops.abs(x))",
    "metaclass": "import abc\nclass A(metaclass=abc.ABCMeta):\n    @abc.abstractmethod\n    def f(self): ...\n    @property\n    def g(self): return 1\n    @g.setter\n    def g(self, v): self._g = v",
}


@pytest.mark.parametrize("name", BENIGN)
def test_asks_no_consent_of_ordinary_code(name):
    assert [finding.what for finding in refusals(BENIGN[name])] == []


@pytest.mark.parametrize(
    "module",
    [
        "keras.applications.mobilenet_v2",
        "keras.datasets",
        "pathlib",
        "os.path",
        "argparse",
        "glob",
        "shutil",
        "subprocess",
        "math",
        "keras.layers",
    ],
)
def test_a_star_import_brings_what_its_module_has(module):
    text = SourceText(name="m", member="code/m.py", text=f"from {module} import *{_STARRED}".encode(), package=False)
    assert [finding.what for finding in source_findings([text], {}) if finding.held is Held.LOAD] == []


COPIES = {
    "dict": "config = dict(config, units=3)",
    "spread": "config = {**config, 'units': 3}",
    "method": "config = config.copy()",
    "copy": "config = copy.copy(config)",
    "deepcopy": "config = copy.deepcopy(config)",
    "union": "config = config | {'units': 3}",
    "filtered": "config = {k: v for k, v in config.items() if k != 'units'}",
    "or": "config = config or custom_objects",
}
PARTS = {
    "pop": "inner = {load}(config.pop('inner'))",
    "get": "inner = {load}(config.get('inner'), custom_objects=custom_objects)",
    "get-or-none": "inner = {load}(config.get('inner', None))",
    "each-name": "for name in ('inner', 'outer'):\n            config[name] = {load}(config[name])",
    "each-item": "inner = [{load}(item) for item in config.pop('inners')]",
}
FROM_CONFIG = """
import copy, keras
load = keras.saving.deserialize_keras_object
class Mine(keras.layers.Layer):
    @classmethod
    def from_config(cls, config, custom_objects=None):
        {copied}
        {part}
        return cls(**config)
"""


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("load", ["load", "keras.saving.deserialize_keras_object"])
def test_a_copy_of_a_config_is_still_one_that_was_handed_in(copied, part, load):
    source = FROM_CONFIG.format(copied=COPIES[copied], part=PARTS[part].format(load=load))
    assert [finding.what for finding in refusals(source)] == []


@pytest.mark.parametrize(
    "text",
    ["\u26a0\ufe0f", "1\ufe0f\u20e3", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u2764\ufe0f\u200d\U0001f525"],
)
def test_accepts_an_emoji(text: str) -> None:
    assert not list(text_problems(f"print('{text} done')  # {text}"))


@pytest.mark.parametrize(
    "text", ["\u26a0\ufe0f\ufe0f", "a\ufe0f", "\u26a0\u200dx", "\u26a0\u200d\u200d\u26a0", "1\ufe0f", "\U000e0041"]
)
def test_refuses_what_only_looks_like_a_part_of_an_emoji(text: str) -> None:
    assert list(text_problems(f"print('{text} done')"))
