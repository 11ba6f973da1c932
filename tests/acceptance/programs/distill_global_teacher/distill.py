import sys
from functools import partial

import numpy as np
import tensorflow as tf

import zoo
from bundler import bundle

tf.keras.utils.set_random_seed(17)

T0, T1 = 6.0, 2.0
ALPHA = 0.3
N_CLASSES = 4


def gratings(n):
    yy, xx = np.mgrid[:16, :16] / 16.
    lab = np.random.randint(0, N_CLASSES, n)
    ang = lab * np.pi / N_CLASSES
    ph = np.random.uniform(0, 2 * np.pi, n)
    k = 2 * np.pi * 3
    im = np.sin(k * (np.cos(ang)[:, None, None] * xx + np.sin(ang)[:, None, None] * yy) + ph[:, None, None])
    im = im + np.random.normal(0, .3, im.shape)
    return im[..., None].astype('float32'), lab.astype('int64')


x_train, y_train = gratings(192)
x_test, y_test = gratings(40)


# -------- teacher
def train_teacher():
    t = zoo.net(16, 3, N_CLASSES, name="teacher")
    t.compile(tf.keras.optimizers.Adam(5e-3), tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
              metrics=["accuracy"], jit_compile=False)
    t.fit(x_train, y_train, batch_size=32, epochs=5, verbose=2)
    return zoo.set_teacher(t)


teacher = train_teacher()
hint = tf.keras.Model(teacher.input, teacher.get_layer("stage2").output)


# -------- losses
def attention_map(f, p=2):
    f = tf.reduce_mean(tf.abs(f) ** p, axis=-1)
    return tf.math.l2_normalize(tf.reshape(f, [tf.shape(f)[0], -1]), axis=1)


def at_loss(fs, ft, p, weight):
    ft = tf.image.resize(ft, tf.shape(fs)[1:3])
    return weight * tf.reduce_mean(tf.square(attention_map(fs, p) - attention_map(ft, p)))


def temperature(step, total=40):
    frac = tf.minimum(tf.cast(step, tf.float32) / total, 1.)
    return T0 + (T1 - T0) * frac


def make_student_class(teacher, feature_loss, alpha):
    kl = tf.keras.losses.KLDivergence()

    class Student(tf.keras.Model):

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.distill_tracker = tf.keras.metrics.Mean(name="distill")

        def train_step(self, data):
            x, y, sw = tf.keras.utils.unpack_x_y_sample_weight(data)
            soft = teacher(x, training=False)
            t = temperature(self.optimizer.iterations)
            with tf.GradientTape() as tape:
                feats = self.tap(x, training=True)
                logits = feats["logits"]
                hard_loss = self.compute_loss(x, y, logits, sw)
                soft_loss = kl(tf.nn.softmax(soft / t), tf.nn.softmax(logits / t)) * t ** 2
                loss = alpha * hard_loss + (1 - alpha) * soft_loss + feature_loss(feats["stage"], hint(x, training=False))
            grads = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
            self.distill_tracker.update_state(soft_loss)
            return self.compute_metrics(x, y, logits, sw)

        @property
        def tap(self):
            if not hasattr(self, "_tap_model"):
                outs = {"stage": self.get_layer("stage1").output, "logits": self.output}
                object.__setattr__(self, "_tap_model", tf.keras.Model(self.input, outs))
            return self._tap_model

        def predict_step(self, data):
            x, _, _ = tf.keras.utils.unpack_x_y_sample_weight(data)
            # report agreement with the teacher in the last column
            p = tf.nn.softmax(self(x, training=False))
            q = tf.nn.softmax(zoo.get_teacher()(x, training=False))
            return tf.concat([p, tf.reduce_sum(tf.sqrt(p * q), -1, keepdims=True)], -1)

    return Student


class WarmRestart(tf.keras.callbacks.Callback):
    """Restarts the momentum of SGD's learning rate every `period` epochs."""

    def __init__(self, base, period):
        super().__init__()
        self.f = lambda e: base * .5 * (1 + np.cos(np.pi * (e % period) / period))

    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate.assign(self.f(epoch))


Student = make_student_class(teacher, partial(at_loss, p=2, weight=50.), ALPHA)
student = zoo.net(6, 2, N_CLASSES, cls=Student, act=zoo.hswish, name="student")
student.compile(
    optimizer=tf.keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, global_clipnorm=5.),
    loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[tf.keras.metrics.SparseCategoricalAccuracy("acc"), tf.keras.metrics.SparseTopKCategoricalAccuracy(2, "top2")],
    jit_compile=False,
)
student.fit(x_train, y_train, batch_size=32, epochs=5, callbacks=[WarmRestart(.1, 3)],
            validation_data=(x_test, y_test), verbose=2)
print("teacher params", teacher.count_params(), "student params", student.count_params())

y = student.predict(x_test, verbose=0)
print("acc", (y[:, :N_CLASSES].argmax(-1) == y_test).mean(), "agreement", y[:, -1].mean())
bundle(student, sys.argv[1])

fx, fy = x_train[:32], y_train[:32]
student.train_on_batch(fx, fy)
np.savez(sys.argv[2], x=x_test, y=y, fx=fx, fy=fy, after=student.predict(x_test, verbose=0))
