from typing import Callable, Dict, Protocol

import keras
from keras import ops


class MetricFn(Protocol):
    def __call__(self, y, f, **kw): ...


METRICS: Dict[str, MetricFn] = {}
MEDIAN = {"index": 1}   # set by run.py


def metric(fn: Callable = None, *, name=None):
    def deco(f):
        METRICS[name or f.__name__] = f
        return f
    return deco(fn) if fn else deco


@metric
def smape(y, f):
    m = f[..., MEDIAN["index"]]
    return 200 * ops.mean(ops.abs(y - m) / (ops.abs(y) + ops.abs(m) + 1e-3), -1)


@metric
def mase(y, f, scale=1.0):
    return ops.mean(ops.abs(y - f[..., MEDIAN["index"]]), -1) / scale


@metric(name="pinball")
def _pinball(y, f, arg=0.5, quantiles=()):
    e = y - f[..., list(quantiles).index(arg)]
    return ops.mean(ops.maximum(arg * e, (arg - 1) * e), -1)


class _Streaming(keras.metrics.Metric):
    fn = None
    kwargs = {}

    def __init__(self):
        super().__init__(name=type(self).__name__.lower())
        self.total, self.count = (self.add_weight((), "zeros", name=n) for n in ("total", "count"))

    def update_state(self, y_true, y_pred, sample_weight=None):
        v = type(self).fn(y_true, y_pred, **self.kwargs)
        self.total.assign_add(ops.sum(v))
        self.count.assign_add(ops.cast(ops.shape(v)[0], "float32"))

    def result(self):
        return self.total / ops.maximum(self.count, 1.0)


def resolve(spec: str, **context):
    name, _, arg = spec.partition("@")
    kwargs = dict(context.get(name, {}), **({"arg": float(arg)} if arg else {}))
    cls = type(name.upper() + arg.replace(".", ""), (_Streaming,), {"fn": staticmethod(METRICS[name]), "kwargs": kwargs})
    return cls()
