from dataclasses import dataclass

import tensorflow as tf

from .layers import Prunable


@dataclass
class PolySparsity:
    final: float
    begin: int = 4
    end: int = 24

    def __contains__(self, step):
        return self.begin <= step <= self.end and step % 4 == 0

    def __call__(self, step):
        return self.final * (1 - (1 - (step - self.begin) / (self.end - self.begin)) ** 3)


class UpdateMasks(tf.keras.callbacks.Callback):
    def __init__(self, schedule, skip=()):
        super().__init__()
        self.schedule, self.skip, self.step, self.log = schedule, skip, 0, []

    def on_train_batch_begin(self, batch, logs=None):
        if self.step in self.schedule:
            for layer in (l for l in Prunable.instances if l.name not in self.skip):
                layer.refresh(self.schedule(self.step))
            self.log.append([round(l.sparsity, 2) for l in Prunable.instances])
        self.step += 1


class MaskedSGD(tf.keras.optimizers.SGD):
    """Dead weights stay dead."""
    def __init__(self, masks, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.masks = masks      # callable: variable -> mask or None

    def build(self, variables):
        super().build(variables)
        self._found = [self.masks(v) for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        m = self._found[self._get_variable_index(variable)]
        super().update_step(gradient if m is None else gradient * m, variable, learning_rate)
        if m is not None:
            self.assign(variable, variable * m)
