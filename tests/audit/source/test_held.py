"""How a finding is held: at load where no net would hold it, where it is used in all other cases."""

from __future__ import annotations

import pytest

from bundler.audit.finding import Held
from bundler.audit.source import SourceText, source_findings
from bundler.audit.source.attribute_names import INTERPRETER_NAMES, changes_code, is_interpreter_name
from tests.audit.source.hostile import HOSTILE
from tests.audit.source.test_across_modules import MISLEADING
from tests.audit.source.test_hostile import hard, refusals
from tests.audit.source.test_red_team import TRICKS as RED_TEAM
from tests.audit.source.test_second_reading import TRICKS as SECOND_READING

#: By rule: what reaches past both nets without being called in sight, or what no ordinary layer has.
HARD = {
    "super-of-an-array": "import numpy as np\nclass A(np.matrix):\n    def __new__(cls): return super(np.matrix, cls).__new__(cls)",
    "method-of-another-stored": "def f(layer, g):\n    layer.call = g",
    "resize-handed-on": "def f(a, g):\n    g(a.resize)",
    "reads-into-memory": "def f(s, a):\n    s.readinto(a)",
    "dataset-handed-on": "def f(store, g):\n    g(store.create_dataset)",
    "words-of-a-layer-stored": "def f(layer):\n    layer.input_vocabulary = '/etc/passwd'",
    "hidden-text": "x = '\u202e'",
    "does-not-parse": "def",
    "interpreter-name": "__builtins__['open']",
    "interpreter-name-imported": "from math import __loader__",
    "interpreter-attribute": "def f(x):\n    return x.__globals__",
    "interpreter-attribute-called": "def f(x):\n    return x.__subclasses__()",
    "interpreter-attribute-of-a-module": "import math\nmath.__spec__.loader",
    "interpreter-attribute-of-own-module": "import pack.m\npack.m.__loader__",
    "interpreter-text-in-getattr": "def f(x):\n    return getattr(x, '__glo' + 'bals__')",
    "interpreter-text-in-attrgetter": "import operator\noperator.attrgetter('f.__code__')",
    "interpreter-text-in-methodcaller": "import operator\noperator.methodcaller('__reduce_ex__', 2)",
    "interpreter-name-in-a-pattern": "def f(x):\n    match x:\n        case object(__closure__=c): return c",
    "frame": "def f(g):\n    return g.gi_frame",
    "frame-of-a-traceback": "def f(e):\n    return e.__traceback__.tb_frame",
    "code-object": "def f(x):\n    return x.co_consts",
    "memory": "def f(a):\n    return a.ctypes",
    "dict-of-another": "def f(x):\n    return x.__dict__",
    "bound-in-a-class": "class A:\n    __array_interface__ = {}",
    "bound-in-a-module": "__path__ = ['/']",
    "getattribute-defined": "class A:\n    def __getattribute__(self, n): pass",
    "class-stored": "def f(x, c):\n    x.__class__ = c",
    "annotations-stored": "def f(x):\n    x.__annotations__ = {}",
    "code-stored": "def f(x, c):\n    x.__code__ = c",
    "code-stored-by-text": "def f(x, c):\n    setattr(x, '__code__', c)",
    "match-args-computed": "class A:\n    __match_args__ = ('__glo' + 'bals__',)",
    "metaclass-called": "import abc\nabc.ABCMeta('A', (), {})",
    "class-of-a-class": "class A: pass\nA.__class__('B', (), {})",
    "class-handed-on": "def f(x, g):\n    return g(x.__class__)",
    "class-named": "def f(x):\n    t = x.__class__\n    return t",
    "class-called-as-type": "def f(x, n):\n    return x.__class__('A', (), n)",
    "class-called-with-stars": "def f(x, a):\n    return x.__class__(*a)",
    "class-of-own-class": "class A:\n    def f(self, g):\n        g(self.__class__.__class__)",
    "class-read-by-attrgetter": "import operator\noperator.attrgetter('__class__')",
    "class-read-by-a-pattern": "def f(x):\n    match x:\n        case object(__class__=c): return c",
    "class-compared-with-what-may-keep-it": "class A:\n    def __eq__(self, o): return o\n"
    "def f(x, y):\n    return x.__class__ == y",
    "class-looked-up-in-what-may-keep-it": "class A:\n    def __contains__(self, o): return o\n"
    "def f(x, y):\n    return x.__class__ in y",
    "pattern-by-position-out-of-sight": "def f(x, c):\n    match x:\n        case c(y): return y",
    "pattern-reads-a-power": "def f(x):\n    match x:\n        case object(tofile=t): return t",
    "foreign-class-stored-to": "from keras.layers import Dense\nDense.call = print",
    "foreign-class-stored-to-by-text": "import keras\nsetattr(keras.layers.Dense, 'call', print)",
    "foreign-function-stored-to": "import keras\nkeras.ops.abs.x = 1",
    "own-module-stored-to-from-outside": "import pack.m\npack.m.x = 1",
    "config-written-out": "import keras\nkeras.layers.deserialize({'class_name': 'Lambda', 'config': {}})",
    "config-of-an-unknown-name": "def f(n):\n    return {'class_name': n, 'config': {}} or {'class_name': 'x',"
    " 'module': n}",
    "deserialize-of-what-was-made": "import keras\nkeras.layers.deserialize(dict(class_name='x'))",
    "deserialize-handed-on": "import keras\nlist(map(keras.layers.deserialize, [{}]))",
    "safe-mode-chosen": "def f(x, c):\n    return x.from_config(c, safe_mode=False)",
    "lambda-from-config": "import keras\nkeras.layers.Lambda.from_config({})",
    "no-traceback": "import logging\ndef f(t):\n    logging.error('x', exc_info=t)",
    "format-of-a-computed-text": "def f(t, x):\n    return t.format(x)",
    "format-map-of-a-computed-text": "def f(t, x):\n    return t.format_map(x)",
    "format-field-with-a-dunder": "'{0.__class__}'.format(1)",
    "format-handed-on": "def f(t):\n    return t.format",
    "annotation-that-computes": "x: 'open(1)' = 1",
    "power-handed-on": "def f(model):\n    g = model.save\n    return g",
    "power-in-a-partial": "import functools\ndef f(x, p):\n    return functools.partial(x.tofile, p)",
    "power-by-its-call": "def f(model, g):\n    g(model.save.__call__)",
    "power-by-its-descriptor": "def f(model, g):\n    g(model.save.__get__(model))",
    "power-by-the-text-of-its-call": "def f(model, g):\n    g(getattr(model.save, '__call__'))",
    "power-by-a-computed-name-of-it": "def f(model, g, n):\n    g(getattr(model.save, n))",
    "power-of-a-requirement": "import spektral\ndef f(g):\n    g(spektral.models.Model.save)",
    "power-in-a-list": "def f(x):\n    return [x.load_weights]",
    "function-of-a-module-of-power-handed-on": "def f(x, g):\n    return g(x.symlink)",
    "raw-operation-handed-on": "def f(s):\n    call = s.backend.tf.raw_ops.ReadFile\n    return call",
    "raw-operation-claimed": "NAMES = 'WriteFile'\ndef f(x, g):\n    return g(x.WriteFile)",
    "autograph-read": "def f():\n    return ag__.converted_call",
    "autograph-bound": "def f(fscope): pass",
    "field-name-stored": "import dataclasses\ndef f(c):\n    dataclasses.fields(c)[0].name = 'x'",
    "dataclass-out-of-sight": "import dataclasses\ndef f(c):\n    return dataclasses.dataclass(c)",
    "wraps-with-a-choice": "import functools\ndef f(a, b, n):\n    functools.update_wrapper(a, b, n)",
    "shadows-the-lock": None,
}
#: What is a finding and does nothing by being named: the guard sees it when it is used.
SOFT = {
    "sink-called": "import os\nos.remove('x')",
    "sink-handed-on": "import os, threading\nthreading.Thread(target=os.remove)",
    "module-handed-on": "import os\ndef f(g):\n    g(os)",
    "name-in-no-list": "import tensorflow as tf\ntf.brand_new_name",
    "builtin": "eval('1')",
    "not-installed": "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None",
    "getattr-computed": "def f(x, n):\n    return getattr(x, f'conv{n}')",
    "setattr-computed": "def f(x, n):\n    setattr(x, n, 1)",
    "unknown-attribute": "def f(x):\n    return x.some_name_that_nobody_knows",
    "private-attribute": "def f(layer):\n    return layer._layers",
    "own-dunder": "def f(x):\n    return x.__activation_handled__",
    "own-dunder-stored": "def f(x):\n    x.__activation_handled__ = True",
    "own-dunder-defined": "class A:\n    __my_own__ = 1",
    "power-called": "def f(model):\n    model.save('/tmp/x')",
    "power-s-name": "def f(model):\n    return model.save.__name__ + getattr(model.load, '__qualname__')",
    "power-by-text": "def f(model):\n    return getattr(model, 'save')('/tmp/x')",
    "power-asked-for": "def f(model):\n    return model.signal is None",
    "value-of-a-power-s-name": "def f(x, g):\n    return g(x.prefix, x.globals)",
    "raw-operation-called": "def f(s):\n    return s.backend.tf.raw_ops.ReadFile(filename='x')",
    "type-with-a-namespace": "type('A', (), {})",
    "module-stored-to": "import keras\nkeras.backend.name_scope = print",
    "bases-of-own-class": "class A: pass\nA.__bases__ = (object,)",
    "metaclass": "class M(type): pass",
    "super-of-keras": "import keras\nclass A(keras.layers.Dense):\n    def build(self, s):\n        super(keras.layers.Dense, self).build(s)",
    "frame": "import sys\nx = sys._getframe(1).f_globals",
    "name-of-a-caller": "import inspect\nx = inspect.currentframe().f_back.f_code.co_name",
    "name-of-another-stored": "def f(layer, g):\n    layer.count_params = g",
    "vocabulary": "import keras\nkeras.layers.StringLookup(vocabulary='x')",
    "initializer-written-out": "C = {'class_name': 'VarianceScaling', 'config': {'scale': 2.0}}",
    "config-of-an-object": "import keras\ndef f(layer):\n"
    "    return keras.layers.deserialize(keras.layers.serialize(layer))",
}
#: No finding that is held at load, whatever else: how ordinary code uses the class of an object.
CLASSES = {
    "name": "def f(x):\n    return x.__class__.__name__",
    "compared": "def f(x, y):\n    return x.__class__ == y.__class__ or x.__class__ is y",
    "compared-in-eq": "class A:\n    def __eq__(self, o):\n        return self.__class__ == o.__class__",
    "isinstance": "def f(x, y):\n    return isinstance(x, y.__class__)",
    "from-config": "def f(x, c):\n    return x.__class__.from_config(c)",
    "own": "class A:\n    def f(self, *a):\n        t = self.__class__\n        return t(*a)",
    "shown": "def f(x):\n    print(x.__class__, '{}'.format(x.__class__), f'{x.__class__}', str(x.__class__))",
    "looked-up": "T = {}\ndef f(x):\n    return T.get(x.__class__) or x.__class__ in T",
    "of-type": "def f(x, g):\n    g(type(x))",
}


@pytest.mark.parametrize("name", [name for name, source in HARD.items() if source is not None])
def test_holds_at_load_what_no_net_would_hold(name: str) -> None:
    assert hard(HARD[name] or "")


@pytest.mark.parametrize("name", SOFT)
def test_holds_at_its_use_what_the_guard_sees(name: str) -> None:
    assert refusals(SOFT[name])
    assert hard(SOFT[name]) == []


@pytest.mark.parametrize("name", CLASSES)
def test_holds_nothing_at_load_for_ordinary_uses_of_a_class(name: str) -> None:
    assert hard(CLASSES[name]) == []


def test_holds_at_load_a_packed_module_that_is_also_locked() -> None:
    text = SourceText(name="spektral", member="m.py", text=b"", package=False)
    assert [finding.held for finding in source_findings([text], {"spektral": "spektral"})] == [Held.LOAD]


def test_the_hard_one_of_two_findings_of_a_line_is_kept() -> None:
    for source in ("def f(m, g):\n    m.save('x'), g(m.save)", "def f(m, g):\n    g(m.save), m.save('x')"):
        assert len(refusals(source)) == len(hard(source)) == 1


def test_how_many_hostile_modules_are_refused_before_they_are_loaded() -> None:
    sources = [*HOSTILE.values(), *RED_TEAM.values(), *SECOND_READING.values()]
    assert all(map(refusals, sources))
    # The rest is the guard's: tests/confined runs them.
    assert (len(sources), sum(bool(hard(source)) for source in sources)) == (349, 129)
    assert len(MISLEADING) == 9


@pytest.mark.parametrize("name", sorted(INTERPRETER_NAMES))
def test_an_interpreter_name_is_refused_spelled_out_however_it_is_used(name: str) -> None:
    assert is_interpreter_name(name)
    assert changes_code(name)
    for source in (f"def f(x):\n    return x.{name}", f"def f(x):\n    return getattr(x, '{name}')"):
        assert hard(source), source


def test_a_name_that_an_author_made_up_leads_nowhere() -> None:
    assert not is_interpreter_name("__activation_handled__")
    assert not is_interpreter_name("__call__")
    assert not changes_code("__doc__")
