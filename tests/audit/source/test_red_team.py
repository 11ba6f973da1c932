"""Modules that did what the audit is to find, each run to see that it does, and once came out clean."""

import pytest

from tests.audit.source.test_hostile import refusals

TRICKS = {
    "sig-from-callable": 'import inspect\nNAMES = "from_callable"\ndef f(x): pass\nf.__annotations__ = {"x": "__import__(\'os\').system(\'id\')"}\n[inspect.Signature][0].from_callable(f, eval_str=True)',
    "forwardref-evaluate": "import typing\nNAMES = \"_evaluate\"\ntyping.List[\"__import__('os').system('id')\"].__args__[0]._evaluate({}, {}, frozenset())",
    "logging-style": 'import logging, random\nr = logging.makeLogRecord({"msg": random.Random})\nprint(logging.Formatter("{msg.__init__.__globals__[_os].environ[MARK]}", style="{").format(r))',
    "format-mixed": 'import random, math\ns = "{0.__init__.__globals__[_os].environ[MARK]}"\ns = s or math.pi\nprint(s.format(random.Random))',
    "format-strsub": 'import random\nclass S(str): pass\nprint(S("{0.__init__.__globals__[_os].environ[MARK]}").format(random.Random))',
    "format-self": 'import random\nclass S(str):\n    def g(self, o):\n        return self.format(o)\nprint(S("{0.__init__.__globals__[_os].environ[MARK]}").g(random.Random))',
    "format-super": 'import random\nclass S(str):\n    def g(self, o):\n        return super().format(o)\nprint(S("{0.__init__.__globals__[_os].environ[MARK]}").g(random.Random))',
    "format-getattr": 'import random\nprint(getattr("{0.__init__.__globals__[_os].environ[MARK]}", "format")(random.Random))',
    "format-match": 'import random\nmatch "{0.__init__.__globals__[_os].environ[MARK]}":\n    case str(format=f):\n        print(f(random.Random))',
    "format-methodcaller": 'import random, operator\nprint(operator.methodcaller("format", random.Random)("{0.__init__.__globals__[_os].environ[MARK]}"))',
    "format-alias": 'import random\ns = ["{0.__init__.__globals__[_os].environ[MARK]}"][0]\nf = s.format\nprint(f(random.Random))',
    "match-args-meta": 'class M(type):\n    def __instancecheck__(c, o): return True\nA = M("A", (), {"__match_args__": ("__glo" + "bals__",)})\ndef f(): pass\nmatch f:\n    case A(g):\n        b = g["__builtins__"]\n        b["open"]("x", "w")',
    "match-args-getattr": 'class M(type):\n    def __instancecheck__(c, o): return True\n    def __getattr__(c, n): return ("__glo" + "bals__",)\nclass A(metaclass=M): pass\ndef f(): pass\nmatch f:\n    case A(g):\n        g["__builtins__"]["open"]("x", "w")',
    "dataclass-annotations": "import dataclasses\n@dataclasses.dataclass(init=False, repr=False)\nclass A:\n    __annotations__ = {\"x, __import__('os').system('id')\": int}\n    x = 1\nA() == A()",
    "dataclass-annotations-store": "import dataclasses\nclass A:\n    x = 1\nA.__annotations__ = {\"x, __import__('os').system('id')\": int}\nA = dataclasses.dataclass(init=False, repr=False)(A)\nA() == A()",
    "dataclass-metaclass": 'import dataclasses\nclass M(type): pass\nA = dataclasses.dataclass(init=False, repr=False)(M("A", (), {"x": 1, "__annotations__": {"x, __import__(\'os\').system(\'id\')": int}}))\nA() == A()',
    "dataclass-field-name": "import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int = 1\ndataclasses.fields(A)[0].name = \"x, __import__('os').system('id')\"\n@dataclasses.dataclass(init=False, repr=False)\nclass B(A):\n    pass\nB() == B()",
    "dataclass-initsub": 'import dataclasses\nclass Base:\n    x = 1\n    def __init_subclass__(cls, **k):\n        setattr(cls, "".join(["__anno", "tations__"]), {"x, __import__(\'os\').system(\'id\')": int})\n@dataclasses.dataclass(init=False, repr=False)\nclass A(Base): pass\nA() == A()',
    "traceback-format-list": 'import traceback\nprint(traceback.format_list([("/etc/passwd", 1, "f", None)]))',
    "traceback-fake-tb": 'import traceback\nclass Code:\n    co_filename = "/etc/passwd"\n    co_name = co_qualname = "f"\n    def co_positions(self): return []\nclass Frame:\n    f_code = Code(); f_globals = {}; f_locals = {}; f_back = None; f_lineno = 1\nclass TB:\n    tb_frame = Frame(); tb_next = None; tb_lineno = 1; tb_lasti = -1\nprint(traceback.format_tb(TB()))',
    "traceback-fake-stack": 'import traceback\nclass Code:\n    co_filename = "/etc/passwd"\n    co_name = co_qualname = "f"\n    def co_positions(self): return []\nclass Frame:\n    f_code = Code(); f_globals = {}; f_locals = {}; f_back = None; f_lineno = 1\nprint(traceback.format_stack(Frame()))',
    "traceback-fake-exc": 'import traceback\nclass Code:\n    co_filename = "/etc/passwd"\n    co_name = co_qualname = "f"\n    def co_positions(self): return []\nclass Frame:\n    f_code = Code(); f_globals = {}; f_locals = {}; f_back = None; f_lineno = 1\nclass TB:\n    tb_frame = Frame(); tb_next = None; tb_lineno = 1; tb_lasti = -1\nprint(traceback.format_exception(ValueError, ValueError(), TB()))',
    "logging-fake-exc": 'import logging\nclass Code:\n    co_filename = "/etc/passwd"\n    co_name = co_qualname = "f"\n    def co_positions(self): return []\nclass Frame:\n    f_code = Code(); f_globals = {}; f_locals = {}; f_back = None; f_lineno = 1\nclass TB:\n    tb_frame = Frame(); tb_next = None; tb_lineno = 1; tb_lasti = -1\nclass H(logging.Handler):\n    def emit(self, r): print(self.format(r))\nlg = logging.getLogger("x"); lg.addHandler(H())\nlg.error("x", exc_info=(ValueError, ValueError(), TB()))',
    "traceback-getattribute": 'import traceback\nclass Code:\n    co_filename = "/etc/passwd"\n    co_name = co_qualname = "f"\n    def co_positions(self): return []\nclass Frame:\n    f_code = Code(); f_globals = {}; f_locals = {}; f_back = None; f_lineno = 1\nclass TB:\n    tb_frame = Frame(); tb_next = None; tb_lineno = 1; tb_lasti = -1\nclass E(Exception):\n    def __getattribute__(self, n):\n        return TB() if n.endswith("back__") else None\ntry:\n    raise ValueError from E()\nexcept ValueError:\n    print(traceback.format_exc())',
    "enum-convert": 'import enum\nNAMES = "_convert_"\nE = [enum.Enum][0]._convert_("X", "posix", lambda n: n == "system")\nlist(E)[0].value("id")',
    "reduce-in-meta": 'class M(type): pass\nimport copy\nA = M("A", (), {"__reduce_ex__": lambda s, p: (print, ("x?",))})',
    "lambda-from-config": 'import keras, base64\nCODE = "4wAA"\ncfg = {"name": "l", "function": dict(class_name="__lambda__", config=dict(code=CODE, defaults=None, closure=None))}\nlayer = keras.layers.Lambda.from_config(cfg, safe_mode=False)\nlayer.function(1)',
    "lambda-from-config-pos": 'import keras, base64\nCODE = "4wAA"\ncfg = {"name": "l", "function": dict(class_name="__lambda__", config=dict(code=CODE, defaults=None, closure=None))}\nlayer = keras.layers.Lambda.from_config(cfg, None, False)\nlayer.function(1)',
    "lambda-subclass-super": 'import keras, base64\nCODE = "4wAA"\nclass L(keras.layers.Lambda):\n    @classmethod\n    def from_config(cls, config, custom_objects=None, safe_mode=None):\n        return super().from_config(config, None, False)\ncfg = {"name": "l", "function": dict(class_name="__lambda__", config=dict(code=CODE, defaults=None, closure=None))}\nlayer = L.from_config(cfg)\nlayer.function(1)',
    "lookup-type": 'import keras\nL = type(keras.layers.StringLookup())\nprint(L(vocabulary="/etc/passwd").get_vocabulary())',
    "lookup-class": 'import keras\nprint(keras.layers.StringLookup().__class__(vocabulary="/etc/passwd").get_vocabulary())',
    "lookup-class-from-config": 'import keras\nprint(keras.layers.StringLookup().__class__.from_config({"vocabulary": "/etc/passwd"}).get_vocabulary())',
    "lookup-own-subclass-instance": 'import keras\nclass A(keras.layers.StringLookup): pass\nprint(A.from_config({"vocabulary": "/etc/passwd"}).get_vocabulary())',
    "lookup-own-super": 'import keras\nclass A(keras.layers.StringLookup):\n    def __init__(self, v):\n        super().__init__(vocabulary=v)\nprint(A("/etc/passwd").get_vocabulary())',
    "lookup-init-again": 'import keras\nl = keras.layers.StringLookup()\nl.__init__(vocabulary="/etc/passwd")\nprint(l.get_vocabulary())',
    "set-vocab-alias": 'import keras\nf = keras.layers.StringLookup().set_vocabulary\nl = keras.layers.StringLookup()\ng = l.set_vocabulary\ng("/etc/passwd")\nprint(l.get_vocabulary())',
    "set-vocab-getattr": 'import keras\nl = keras.layers.StringLookup()\ngetattr(l, "set_vocabulary")("/etc/passwd")\nprint(l.get_vocabulary())',
    "textvec": 'import keras\nl = keras.layers.TextVectorization().__class__(vocabulary="/etc/passwd")\nprint(l.get_vocabulary())',
    "cache-alias": 'import tensorflow as tf, os\nc = tf.data.Dataset.range(1).cache\nfor _ in c("x"): pass\nprint("x?")',
    "cache-class": 'import tensorflow as tf\nd = tf.data.Dataset.cache(tf.data.Dataset.range(1), "x")\nfor _ in d: pass',
    "cache-getattr": 'import tensorflow as tf\nfor _ in getattr(tf.data.Dataset.range(1), "cache")("x"): pass',
    "graph-internal": 'import tensorflow as tf\nNAMES = "_create_op_internal as_graph_element outputs"\n@tf.function\ndef f():\n    x = tf.constant("/etc/passwd")\n    g = [x.graph][0]\n    return g._create_op_internal("ReadFile", [x], [tf.string]).outputs[0]\nprint(f())',
    "cache-fname-kw": 'import tensorflow as tf\nimport functools\nd = functools.partial(tf.data.Dataset.cache, filename="x")\nfor _ in d(tf.data.Dataset.range(1)): pass',
}


@pytest.mark.parametrize("name", TRICKS)
def test_refuses_a_trick_that_once_came_through(name):
    assert refusals(TRICKS[name])
