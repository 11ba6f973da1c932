"""Part 2 of the tutorial: contrastive training of images and captions.

Exercise 1: print the temperature after every epoch.  Does it go up or down?
Exercise 2: replace the label-aware targets by the identity matrix (the real CLIP).
"""
import argparse

import keras
import numpy as np
import tensorflow as tf
from bundler import bundle

from towers import *
from towers import ImageTower, TextTower

COLORS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}
SHAPES = ["square", "bar", "frame"]
TEMPLATES = ["a {c} {s}", "one {c} {s} here", "photo of the {c} {s}"]


class Tokenizer:
    def __init__(self, max_len=6):
        self.max_len = max_len
        self.index = {}

    def __len__(self):
        return len(self.index) + 1

    def fit(self, texts):
        for w in sorted({w for t in texts for w in t.split()}):
            self.index[w] = len(self.index) + 1
        return self

    def __call__(self, texts):
        out = np.zeros((len(texts), self.max_len), "int32")
        for i, t in enumerate(texts):
            ids = [self.index[w] for w in t.split()][: self.max_len]
            out[i, : len(ids)] = ids
        return out


# --- data -------------------------------------------------------------------------------
def draw(color, shape, rng, size=16):
    img = rng.uniform(0, 0.2, (size, size, 3))
    r, c = rng.integers(1, 6, 2)
    block = img[r : r + 8, c : c + 8]
    if shape == "square":
        block[:] = COLORS[color]
    elif shape == "bar":
        block[3:5] = COLORS[color]
    else:
        block[:] = COLORS[color]
        block[2:-2, 2:-2] = 0
    return img


def sample(n, seed):
    rng = np.random.default_rng(seed)
    images, texts, classes = [], [], []
    for _ in range(n):
        c, s = rng.choice(list(COLORS)), rng.choice(SHAPES)
        images.append(draw(c, s, rng))
        texts.append(rng.choice(TEMPLATES).format(c=c, s=s))
        classes.append(list(COLORS).index(c) * 3 + SHAPES.index(s))
    return np.array(images, "float32"), texts, np.array(classes, "int32")


# --- the learnable temperature ----------------------------------------------------------
class MaxValue(keras.constraints.Constraint):
    """CLIP clips the logit scale so that training stays stable."""

    def __init__(self, limit):
        self.limit = limit

    def __call__(self, w):
        return tf.minimum(w, self.limit)


class Clip(keras.Model):
    def __init__(self, image_tower, text_tower, tokenizer=None, init_temperature=0.07, **kwargs):
        super().__init__(**kwargs)
        self.image_tower = image_tower
        self.text_tower = text_tower
        self.tokenizer = tokenizer
        self.logit_scale = self.add_weight(
            name="logit_scale",
            shape=(),
            initializer=keras.initializers.Constant(np.log(1 / init_temperature)),
            constraint=MaxValue(np.log(100.0)),
        )

    @property
    def temperature(self):
        return float(np.exp(-self.logit_scale.numpy()))

    def compile(self, optimizer, agreement=0.9, **kwargs):
        super().compile(optimizer=optimizer, **kwargs)
        self.agreement = agreement
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.acc_tracker = keras.metrics.Mean(name="match_acc")

    @property
    def metrics(self):
        return [self.loss_tracker, self.acc_tracker]

    def call(self, inputs, training=None):
        images, ids = inputs
        return self.image_tower(images, training=training), self.text_tower(ids, training=training)

    def _loss(self, inputs, classes, training):
        zi, zt = self(inputs, training=training)
        logits = tf.exp(self.logit_scale) * tf.matmul(zi, zt, transpose_b=True)
        # captions of the same class are also right answers, so we share the probability
        same = tf.cast(classes[:, None] == classes[None, :], tf.float32)
        soft = same / tf.reduce_sum(same, axis=1, keepdims=True)
        target = self.agreement * soft + (1 - self.agreement) * tf.eye(tf.shape(zi)[0])
        rows = tf.nn.softmax_cross_entropy_with_logits(target, logits)
        cols = tf.nn.softmax_cross_entropy_with_logits(target, tf.transpose(logits))
        hit = tf.gather(classes, tf.argmax(logits, axis=1)) == classes
        return tf.reduce_mean(rows + cols) / 2, tf.cast(hit, tf.float32)

    def train_step(self, data):
        inputs, classes, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss, hit = self._loss(inputs, classes, training=True)
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        self.loss_tracker.update_state(loss)
        self.acc_tracker.update_state(hit)
        return {m.name: m.result() for m in self.metrics}

    def test_step(self, data):
        inputs, classes, _ = keras.utils.unpack_x_y_sample_weight(data)
        loss, hit = self._loss(inputs, classes, training=False)
        self.loss_tracker.update_state(loss)
        self.acc_tracker.update_state(hit)
        return {m.name: m.result() for m in self.metrics}


class LinearWarmup(keras.callbacks.Callback):
    def __init__(self, peak, steps):
        super().__init__()
        self.peak, self.steps, self.seen = peak, steps, 0

    def on_train_batch_begin(self, batch, logs=None):
        self.seen += 1
        self.model.optimizer.learning_rate = self.peak * min(1.0, self.seen / self.steps)


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--out")
    ap.add_argument("--npz")
    args = ap.parse_args()

    keras.utils.set_random_seed(3)
    images, texts, classes = sample(256, seed=0)
    tok = Tokenizer().fit(texts)
    ids = tok(texts)

    clip = Clip(ImageTower(name="image"), TextTower(len(tok), name="text"), tokenizer=tok, name="clip")
    clip.compile(keras.optimizers.Adam(1e-3))
    clip.fit([images, ids], classes, batch_size=32, epochs=3, verbose=2, callbacks=[LinearWarmup(5e-3, 10)])
    vi, vt, vc = sample(64, seed=1)
    print("validation:", clip.evaluate([vi, tok(vt)], vc, verbose=0, return_dict=True))
    print("temperature is now %.4f" % clip.temperature)

    bundle(clip, args.out)

    x0, t, _ = sample(10, seed=2)
    x1 = tok(t)
    y0, y1 = clip.predict([x0, x1], verbose=0)
    fx0, t, fy = sample(16, seed=4)
    fx1 = tok(t)
    clip.train_on_batch([fx0, fx1], fy)
    after0, after1 = clip.predict([x0, x1], verbose=0)
    np.savez(args.npz, x0=x0, x1=x1, y0=y0, y1=y1, fx0=fx0, fx1=fx1, fy=fy, after0=after0, after1=after1)
