# -*- coding: utf-8 -*-
# Optimizer extensions.  Usage:
#   AdamGC = extend_with_gradient_centralization(keras.optimizers.Adam)
#   AdamGCL = extend_with_lookahead(AdamGC)
import re
from functools import wraps

import tensorflow as tf
from tensorflow import keras


def named(fmt):
    """Decorator: gives the made class a readable name."""

    def deco(func):
        @wraps(func)
        def new_func(base, name=None):
            cls = func(base)
            cls.__name__ = cls.__qualname__ = name or fmt % base.__name__
            return cls

        return new_func

    return deco


@named('%sGC')
def extend_with_gradient_centralization(BaseOptimizer):
    class NewOptimizer(BaseOptimizer):
        def apply(self, grads, trainable_variables=None):
            grads = [g - tf.reduce_mean(g, axis=list(range(len(g.shape) - 1)), keepdims=True)
                     if g is not None and len(g.shape) > 1 else g for g in grads]
            return super().apply(grads, trainable_variables)

    return NewOptimizer


@named('%sLookahead')
def extend_with_lookahead(BaseOptimizer):
    class NewOptimizer(BaseOptimizer):
        def __init__(self, *args, **kwargs):
            k, alpha = kwargs.pop('steps_per_slow_update', 5), kwargs.pop('slow_step_size', 0.5)
            super().__init__(*args, **kwargs)
            self.steps_per_slow_update, self.slow_step_size = k, alpha

        def build(self, var_list):
            if self.built:
                return
            super().build(var_list)
            self.slow_vars = [self.add_variable_from_reference(v, name='slow') for v in var_list]

        def update_step(self, gradient, variable, learning_rate):
            slow = self.slow_vars[self._get_variable_index(variable)]
            slow.assign(tf.where(tf.equal(self.iterations, 0), variable, slow.value))
            super().update_step(gradient, variable, learning_rate)
            k, alpha = self.steps_per_slow_update, self.slow_step_size
            sync = tf.equal(tf.math.floormod(self.iterations + 1, k), 0)
            merged = slow + alpha * (variable - slow)
            slow.assign(tf.where(sync, merged, slow.value))
            variable.assign(tf.where(sync, merged, variable))

    return NewOptimizer


@named('%sLRMult')
def extend_with_layer_lr(BaseOptimizer):
    """paramwise_lr_schedule = {regex: multiplier}"""

    class NewOptimizer(BaseOptimizer):
        def __init__(self, *args, paramwise_lr_schedule=None, **kwargs):
            super().__init__(*args, **kwargs)
            self.paramwise = {re.compile(k): v for k, v in (paramwise_lr_schedule or {}).items()}

        def update_step(self, gradient, variable, learning_rate):
            for regex, mult in self.paramwise.items():
                if regex.search(variable.name):
                    learning_rate = learning_rate * mult
            super().update_step(gradient, variable, learning_rate)

    return NewOptimizer


AdamGC = extend_with_gradient_centralization(keras.optimizers.Adam)
AdamGCLookahead = extend_with_lookahead(AdamGC)
