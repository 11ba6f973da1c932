"""What a config of Keras names: older versions find a function, or anything else, in any module below ``keras``."""

from __future__ import annotations

_NAMED = (
    "import keras, functools\ndef _named(module, name, kind='function'):\n"
    "    return {'class_name': kind, 'config': name, 'module': module, 'registered_name': name}\n"
)
#: Expressions that find what a config names; `c` stands for that.
_FINDS = {
    "activation": "keras.layers.Dense(1, activation={c}).activation",
    "activations-get": "keras.activations.get({c})",
    "deserialize": "keras.saving.deserialize_keras_object({c})",
    "lambda": "keras.layers.Lambda.from_config({{'name': 'l', 'function': {c}}}).function",
    "from-config": "keras.layers.Dense.from_config({{'units': 1, 'activation': {c}}}).activation",
    "compile": "functools.reduce(lambda m, _: m.compile_from_config({{'loss': {c}}}) or m, [1],"
    " keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])).loss",
}
#: What is found, and what is done with it.
_USES = {
    "calls": ("keras.src.utils.file_utils", "makedirs", "f_('/tmp/work/made')"),
    "hands-on": (
        "keras.src.utils.file_utils",
        "makedirs",
        "class A:\n    __repr__ = functools.partial(f_, '/tmp/work/made')\na = A()",
    ),
    "reads-of-a-module": ("keras.src.utils.file_utils", "os", "x = f_.environ['KBUNDLE_CANARY_SECRET']"),
    "makes-of-a-class": (
        "keras.src.utils.module_utils",
        "LazyModule",
        "x = f_('os').environ['KBUNDLE_CANARY_SECRET']",
    ),
    "switches": ("keras.config", "enable_unsafe_deserialization", "f_()"),
    "sets": ("keras.config", "set_floatx", "f_('float16')"),
    "fetches": (
        "keras.datasets.mnist",
        "load_data",
        "class A:\n    __repr__ = functools.partial(f_, '/tmp/work/made')\na = A()",
    ),
}
CASES: dict[str, str] = {}
for _how, _find in _FINDS.items():
    for _use, (_module, _name, _act) in _USES.items():
        CASES[f"{_use}-by-{_how}"] = _NAMED + f"f_ = {_find.format(c=f'_named({_module!r}, {_name!r})')}\n{_act}"
