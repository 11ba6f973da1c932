"""Tricks against the audit's own rules: what is permitted on the bundle's own objects, and what foreign code hands out."""

import pytest

from tests.audit.source.test_hostile import refusals

TRICKS = {
    "getattr-by-its-call": "getattr.__call__(print, '__self__')",
    "getattr-by-descriptor": "getattr.__get__(print)",
    "super-getattribute": "import keras\nclass M(keras.Model):\n    def f(self, n):\n"
    "        return super().__getattribute__(n)('/tmp/x')",
    "super-of-another": "import keras\nclass M(keras.Model):\n    def f(self, o, n):\n"
    "        super(M, o).__setattr__(n, 1)\n        super(M, o).save('x')",
    "object-getattribute": "object.__getattribute__(print, '__self__')",
    "object-setattr-on-another": "import keras\ndef f(o):\n    object.__setattr__(keras.layers.Dense, 'call', 1)",
    "self-store-handed-a-class": "import keras\nclass A:\n    def f(self, g):\n        self.call = g\n"
    "A.f(keras.layers.Dense, None)",
    "self-setattr-handed-a-class": "import keras\nclass A:\n    def f(self, n, g):\n        setattr(self, n, g)\n"
    "A.f(keras.layers.Dense, 'call', None)",
    "self-dict-of-another": "import warnings\nclass A:\n    def f(self):\n        return self.__dict__\n"
    "A.f(warnings.catch_warnings())",
    "property-shadowed": "import keras\nproperty = lambda f: f(keras.Model())\nclass A:\n    def save(self, p): pass\n"
    "    @property\n    def f(self):\n        self.save('/tmp/x')",
    "mixed-bases": "import keras\nclass A:\n    def save(self, p): pass\n    def f(self):\n        self.save('/tmp/x')\n"
    "class B(keras.Model, A): pass\nB().f()",
    "method-deleted": "import keras\nclass A(keras.Model):\n    def save(self, p): pass\n    def f(self):\n"
    "        self.save('/tmp/x')\n    del save",
    "stream-file-class": "import sys\ntype([sys.stdout][0].buffer.raw)('/etc/passwd')",
    "stream-raw": "import logging\nclass A:\n    raw = stream = None\ntype([logging.StreamHandler()][0].stream.buffer.raw)",
    "exception-object": "import keras\ntry:\n    keras.layers.FlaxLayers\nexcept AttributeError as e:\n    e.obj",
    "exception-object-listed": "import numpy as np\nclass A:\n    obj = None\ntry:\n    np.row_stack\n"
    "except AttributeError as e:\n    e.obj.x",
    "graph-create-op": "import tensorflow as tf\ndef f(x):\n    return x.graph.create_op('ReadFile', [x], [tf.string])",
    "operation-class": "import tensorflow as tf\ntf.Operation",
    "lazy-module": "from keras.src.utils.module_utils import LazyModule\nLazyModule('subprocess').run(['id'])",
    "lazy-gfile": "from keras.src.utils.module_utils import gfile\ngfile.exists('/etc')",
    "keras-src-vocabulary": "from keras.src.layers.preprocessing.string_lookup import StringLookup as S\nS(vocabulary='/x')",
    "set-vocabulary": "import keras\ndef f(layer):\n    layer.set_vocabulary('/etc/passwd')",
    "format-handed-on": "list(map('{0.__globals__}'.format, [print]))",
    "str-format": "str.format('{0.__globals__}', print)",
    "config-written-out": "import keras\nkeras.activations.get({'module': 'keras.utils', 'class_name': 'function',"
    " 'config': 'get_file', 'registered_name': 'function'})",
    "memory-by-strides": "import numpy as np\nnp.lib.stride_tricks.as_strided(np.zeros(1), (1000,), (8,))",
    "memory-by-interface": "class A:\n    __array_interface__ = {'data': (1, False)}",
    "metaclass-call": "import abc\nabc.ABCMeta('A', (), {'__reduce__': print})",
    "text-signature": "class A:\n    __text_signature__ = '(x=os.system)'",
    "checkpoint-column": "import tensorflow as tf\ntf.feature_column.embedding_column(None, 1, ckpt_to_load_from='/x')",
    "extension-type": "import tensorflow as tf\nclass A(tf.experimental.ExtensionType):\n    x: 'tf.Tensor'",
    "soft-module-of-requirement": "from spektral.utils import types\ntypes.FunctionType",
    "soft-keras-of-requirement": "from spektral.utils import keras as k\nk.utils.get_file('x', 'http://x')",
    "numpy-of-requirement": "from spektral.utils import np\nnp.load('x')",
    "property-of-self": "import keras\nclass A(keras.Model):\n    def f(self):\n        self.load_weights('/x')",
    "unknown-name-of-object": "def f(x):\n    return x.some_name_that_nobody_knows",
    "global-state": "import tensorflow as tf\ntf.random.set_seed(1)",
    "comprehension-over-modules": "import os, math\n[m.getcwd() for m in (os, math)]",
    "generator-of-sinks": "any(f('1') for f in [eval])",
    "conditional-sink": "f = len if __name__ else eval\nf('1')",
    "sink-by-or": "f = None or eval",
    "nested-attribute-store": "import keras\nkeras.ops.abs = None",
    "del-foreign": "import keras\ndel keras.ops.abs",
    "augmented-foreign": "import keras\nkeras.x += 1",
    "for-target-foreign": "import keras\nfor keras.ops.abs in [1]: pass",
    "with-target-foreign": "import keras\ndef f(c):\n    with c as keras.ops.abs: pass",
    "starred-call": "def f(a, k):\n    setattr(*a, **k)",
    "type-starred": "def f(a):\n    return type(*a)",
    "async-sink": "async def f():\n    await open('x')\n    async with open('x') as g: pass",
    "except-star": "try:\n    pass\nexcept* eval as e:\n    pass",
    "match-value": "import os\ndef f(x):\n    match x:\n        case os.environ: pass",
    "assert-sink": "assert eval('1')",
    "f-string-sink": 'x = f\'{eval("1")!r:{open("x")}}\'',
    "decorator-factory": "@(lambda f: eval)('x')\ndef g(): pass",
    "slice-sink": "x = [1][eval('0'):open('x')]",
    "default-in-lambda": "(lambda x=eval: x)()('1')",
    "keyword-sink": "sorted([], key=eval)",
    "class-keyword": "class A(metaclass=eval): pass",
    "return-annotation": "def f() -> eval('1'): pass",
    "variable-annotation": "x: eval('1')",
    "global-annotation-string": "x: 'eval(1)' = 1",
}


@pytest.mark.parametrize("name", TRICKS)
def test_refuses_a_trick_against_the_rules(name):
    assert refusals(TRICKS[name])
