import math

import tensorflow as tf


class WarmupCosine(tf.keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, ocfg, total_steps):
        self.ocfg = ocfg
        self.total_steps = total_steps

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        w = float(self.ocfg.warmup)
        progress = tf.clip_by_value((step - w) / max(1.0, self.total_steps - w), 0.0, 1.0)
        cosine = 0.5 * (1.0 + tf.cos(math.pi * progress)) + 0.1
        return self.ocfg.peak_lr * tf.where(step < w, (step + 1.0) / w, cosine)


def build_optimizer(cfg, steps_per_epoch):
    o = cfg.optim
    opt = tf.keras.optimizers.AdamW(
        WarmupCosine(o, cfg.train.epochs * steps_per_epoch), weight_decay=o.weight_decay, global_clipnorm=o.clip
    )
    opt.exclude_from_weight_decay(var_names=["bias", "gain", "gamma"])
    return opt
