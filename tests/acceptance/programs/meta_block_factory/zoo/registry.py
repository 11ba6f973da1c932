import functools
import inspect

import keras

BLOCKS = {}


def block(name=None, package="zoo"):
    """Class decorator: registers with keras, and under a short name with us."""

    def deco(cls):
        short = name or cls.__name__.lower()
        cls = keras.saving.register_keras_serializable(package=package)(cls)
        cls.short_name = short
        BLOCKS[short] = cls
        return cls

    return deco


def auto_config(cls):
    """Records the constructor's arguments so that get_config comes for free."""
    init = cls.__init__
    sig = inspect.signature(init)

    @functools.wraps(init)
    def wrapped(self, *args, **kwargs):
        bound = sig.bind(self, *args, **kwargs)
        bound.apply_defaults()
        seen = dict(bound.arguments)
        seen.pop("self")
        extra = seen.pop("kwargs", {})
        init(self, *args, **kwargs)
        if type(self) is cls:
            self._init_args = {**seen, **{k: v for k, v in extra.items() if k not in ("name", "dtype", "trainable")}}

    def get_config(self):
        return {**keras.layers.Layer.get_config(self), **getattr(self, "_init_args", {})}

    wrapped.__signature__ = sig  # keras looks at the argument names in __new__
    cls.__init__ = wrapped
    cls.get_config = get_config
    return cls


def residual(call):
    """call -> x + call(x)"""

    @functools.wraps(call)
    def wrapper(self, x, *args, **kwargs):
        return x + call(self, x, *args, **kwargs)

    return wrapper


def prenorm(attr="norm"):
    def deco(call):
        @functools.wraps(call)
        def wrapper(self, x, *args, **kwargs):
            return call(self, getattr(self, attr)(x), *args, **kwargs)

        return wrapper

    return deco
