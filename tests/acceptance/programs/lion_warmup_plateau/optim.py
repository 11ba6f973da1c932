import math

import tensorflow as tf
from tensorflow import keras


class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, peak, warmup, total, floor=0.05):
        self.peak = peak
        self.warmup = warmup
        self.total = total
        self.floor = floor
        # lowered from outside, see LowerOnPlateau
        self.factor = tf.Variable(1.0, trainable=False, dtype=tf.float32)

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        ramp = (step + 1.0) / self.warmup
        progress = tf.clip_by_value((step - self.warmup) / (self.total - self.warmup), 0.0, 1.0)
        cosine = self.floor + (1.0 - self.floor) * 0.5 * (1.0 + tf.cos(math.pi * progress))
        return self.factor * self.peak * tf.where(step < self.warmup, ramp, cosine)

    def get_config(self):
        return {"peak": self.peak, "warmup": self.warmup, "total": self.total, "floor": self.floor}


def centralize(g):
    """Zero mean over all axes but the last."""
    if len(g.shape) > 1:
        g -= tf.reduce_mean(g, axis=list(range(len(g.shape) - 1)), keepdims=True)
    return g


class Lion(keras.optimizers.Optimizer):
    """Sign of an interpolated momentum, every `accumulate` steps."""

    def __init__(self, learning_rate=1e-4, beta_1=0.9, beta_2=0.99, wd=0.0, accumulate=1, gc=True, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.wd = wd
        self.accumulate = accumulate
        self.gc = gc

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.m = [self.add_variable_from_reference(v, name="m") for v in variables]
        self.acc = [self.add_variable_from_reference(v, name="acc") for v in variables]

    def update_step(self, grad, variable, learning_rate):
        i = self._get_variable_index(variable)
        m, acc = self.m[i], self.acc[i]
        lr = tf.cast(learning_rate, variable.dtype)
        if self.gc:
            grad = centralize(grad)

        acc.assign_add(grad / self.accumulate)
        ready = tf.cast((self.iterations + 1) % self.accumulate == 0, variable.dtype)

        update = tf.sign(self.beta_1 * m + (1.0 - self.beta_1) * acc)
        if len(variable.shape) > 1:
            update += self.wd * variable
        variable.assign_sub(ready * lr * update)
        m.assign(ready * (self.beta_2 * m + (1.0 - self.beta_2) * acc) + (1.0 - ready) * m)
        acc.assign((1.0 - ready) * acc)

    def get_config(self):
        config = super().get_config()
        config.update(
            beta_1=self.beta_1, beta_2=self.beta_2, wd=self.wd, accumulate=self.accumulate, gc=self.gc
        )
        return config


class LowerOnPlateau(keras.callbacks.Callback):
    def __init__(self, schedule, monitor="val_loss", patience=1, by=0.5, min_delta=5e-3):
        super().__init__()
        self.schedule, self.monitor = schedule, monitor
        self.patience, self.by, self.min_delta = patience, by, min_delta
        self.best, self.wait = float("inf"), 0

    def on_epoch_end(self, epoch, logs=None):
        value = logs[self.monitor]
        if value < self.best - self.min_delta:
            self.best, self.wait = value, 0
            return
        self.wait += 1
        if self.wait >= self.patience:
            self.schedule.factor.assign(self.schedule.factor * self.by)
            self.wait = 0
            print(f"epoch {epoch}: {self.monitor} stuck at {value:.4f}, factor {float(self.schedule.factor):.3f}")


class LogLR(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        opt = self.model.optimizer
        print(f"  lr after {int(opt.iterations)} steps: {float(opt.learning_rate):.6f}")
