"""Knowledge distillation: a Distiller that takes two models, and whose compile takes two losses and two numbers."""

import keras
import numpy as np
from keras import layers, ops


class Distillation(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.teacher = teacher
        self.student = student

    def compile(self, optimizer, metrics, hard_loss_fn, soft_loss_fn, alpha=0.1, temperature=3):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.hard_loss_fn = hard_loss_fn
        self.soft_loss_fn = soft_loss_fn
        self.alpha = alpha
        self.temperature = temperature

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False, **kwargs):
        taught = self.teacher(x, training=False)
        student_loss = self.hard_loss_fn(y, y_pred)
        soft = self.soft_loss_fn(
            ops.softmax(taught / self.temperature, axis=1), ops.softmax(y_pred / self.temperature, axis=1)
        ) * (self.temperature**2)
        return self.alpha * student_loss + (1 - self.alpha) * soft

    def call(self, x):
        return self.student(x)


def networks():
    teacher = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(6, 3), layers.Flatten(), layers.Dense(3)], name="teacher"
    )
    student = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)], name="student"
    )
    return student, teacher


def untrained():
    student, teacher = networks()
    distiller = Distillation(student=student, teacher=teacher)
    distiller.compile(
        optimizer=keras.optimizers.Adam(),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
        hard_loss_fn=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        soft_loss_fn=keras.losses.KLDivergence(),
        alpha=0.2,
        temperature=10,
    )
    return distiller


def inputs():
    return np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")


def training_data():
    return inputs(), np.array([0, 1, 2, 0])


def make():
    distiller = untrained()
    distiller.fit(*training_data(), epochs=1, verbose=0)
    return distiller


BUILDER = ("untrained", {})
