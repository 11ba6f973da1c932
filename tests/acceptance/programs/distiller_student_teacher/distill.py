import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import argparse

import keras
from keras import layers
from keras import ops
import numpy as np

from bundler import bundle

"""
## Construct `Distiller()` class
"""


class Distiller(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.teacher = teacher
        self.student = student

    def compile(
        self,
        optimizer,
        metrics,
        student_loss_fn,
        distillation_loss_fn,
        alpha=0.1,
        temperature=3,
    ):
        """Configure the distiller.

        Args:
            optimizer: Keras optimizer for the student weights
            metrics: Keras metrics for evaluation
            student_loss_fn: Loss between student predictions and ground truth
            distillation_loss_fn: Loss between soft student and soft teacher predictions
            alpha: weight to student_loss_fn and 1-alpha to distillation_loss_fn
            temperature: Temperature for softening probability distributions.
        """
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn = student_loss_fn
        self.distillation_loss_fn = distillation_loss_fn
        self.alpha = alpha
        self.temperature = temperature

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False, **kwargs):
        teacher_pred = self.teacher(x, training=False)
        student_loss = self.student_loss_fn(y, y_pred)

        distillation_loss = self.distillation_loss_fn(
            ops.softmax(teacher_pred / self.temperature, axis=1),
            ops.softmax(y_pred / self.temperature, axis=1),
        ) * (self.temperature**2)

        return self.alpha * student_loss + (1 - self.alpha) * distillation_loss

    def call(self, x):
        return self.student(x)


"""
## Create student and teacher models
"""


def make_net(widths, name):
    stack = [keras.Input(shape=(14, 14, 1))]
    for w in widths:
        stack += [
            layers.Conv2D(w, (3, 3), strides=(2, 2), padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
        ]
    stack += [layers.Flatten(), layers.Dense(5)]
    return keras.Sequential(stack, name=name)


"""
## Prepare the dataset: five textures
"""


def textures(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 5, n)
    yy, xx = np.mgrid[:14, :14] / 14.0
    waves = {
        0: lambda f: np.sin(2 * np.pi * f * xx),
        1: lambda f: np.sin(2 * np.pi * f * yy),
        2: lambda f: np.sin(2 * np.pi * f * (xx + yy)),
        3: lambda f: np.sin(2 * np.pi * f * xx) * np.sin(2 * np.pi * f * yy),
        4: lambda f: np.sin(2 * np.pi * f * np.hypot(xx - 0.5, yy - 0.5)),
    }
    x = np.stack([waves[int(c)](rng.uniform(2, 4)) for c in y])[..., None]
    return (x + rng.normal(0, 0.5, x.shape)).astype("float32"), y.astype("int64")


def freeze(model):
    model.trainable = False
    return model


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("bundle")
    ap.add_argument("numbers")
    ap.add_argument("--alpha", type=float, default=0.3)
    ap.add_argument("--temperature", type=float, default=4.0)
    args = ap.parse_args()

    keras.utils.set_random_seed(8)
    x_train, y_train = textures(320, 0)
    x_test, y_test = textures(64, 1)

    teacher = make_net([24, 32], "teacher")
    student = make_net([4, 6], "student")

    # Train teacher as usual
    teacher.compile(
        optimizer=keras.optimizers.Adam(3e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
    )
    teacher.fit(x_train, y_train, epochs=4, batch_size=32, verbose=2)

    # Initialize and compile distiller
    distiller = Distiller(student=student, teacher=freeze(teacher))
    distiller.compile(
        optimizer=keras.optimizers.Adam(3e-3),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
        student_loss_fn=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        distillation_loss_fn=keras.losses.KLDivergence(),
        alpha=args.alpha,
        temperature=args.temperature,
    )
    # Distill teacher to student
    distiller.fit(x_train, y_train, epochs=4, batch_size=32, verbose=2)
    print("student:", distiller.evaluate(x_test, y_test, verbose=0))

    probe = x_test[:8]
    y = distiller.predict(probe, verbose=0)

    bundle(distiller, args.bundle)

    fx, fy = x_train[:32], y_train[:32]
    distiller.train_on_batch(fx, fy)
    np.savez(args.numbers, x=probe, y=y, fx=fx, fy=fy, after=distiller.predict(probe, verbose=0))
