# Fine-tune a MobileNetV2 on two kinds of stripes (stand-in for my leaf photos).
import sys

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow.keras.applications import MobileNetV2
from tensorflow.keras.applications.mobilenet_v2 import preprocess_input

from bundler import bundle

SEED = 3
IMG_SIZE = (32, 32)
IMG_SHAPE = IMG_SIZE + (3,)
BATCH_SIZE = 16
CLASS_NAMES = ["blight", "healthy", "rust"]
BASE_LR = 1e-2
CUT_AT = "block_6_project_BN"  # on 32x32 images the later blocks see next to nothing
UNFREEZE_FROM = "block_5_expand"  # this layer and all after it

tf.keras.utils.set_random_seed(SEED)


def make_images(n, seed):
    rng = np.random.RandomState(seed)
    labels = rng.randint(0, len(CLASS_NAMES), n)
    grid = np.linspace(0, 6.28, IMG_SIZE[0])
    images = np.empty((n,) + IMG_SHAPE, "float32")
    for i, label in enumerate(labels):
        phase = rng.rand() * 6.28
        wave = np.sin((2 + 3 * label) * grid + phase)
        pattern = wave[:, None] if label == 1 else wave[None, :]
        pattern = np.broadcast_to(pattern, IMG_SIZE)[..., None]
        tint = rng.uniform(0.5, 1.0, 3)
        images[i] = 127.5 + 90 * pattern * tint + rng.randn(*IMG_SHAPE) * 12
    return images.clip(0, 255), keras.utils.to_categorical(labels, len(CLASS_NAMES))


def smoothed_focal(gamma=2.0, smoothing=0.1):
    """Categorical focal loss on smoothed labels."""

    def loss(y_true, y_pred):
        y_pred = tf.clip_by_value(y_pred, 1e-6, 1.0)
        k = tf.cast(tf.shape(y_true)[-1], y_pred.dtype)
        y_true = y_true * (1.0 - smoothing) + smoothing / k
        ce = -y_true * tf.math.log(y_pred)
        return tf.reduce_sum(tf.pow(1.0 - y_pred, gamma) * ce, axis=-1)

    return loss


class MacroRecall(keras.metrics.Metric):
    """Recall averaged over the classes."""

    def __init__(self, num_classes, name="macro_recall"):
        super().__init__(name=name)
        self.num_classes = num_classes
        self.hits = self.add_weight(name="hits", shape=(num_classes,), initializer="zeros")
        self.total = self.add_weight(name="total", shape=(num_classes,), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = tf.cast(y_true, tf.float32)
        pred = tf.one_hot(tf.argmax(y_pred, -1), self.num_classes)
        self.hits.assign_add(tf.reduce_sum(y_true * pred, axis=0))
        self.total.assign_add(tf.reduce_sum(y_true, axis=0))

    def result(self):
        return tf.reduce_mean(tf.math.divide_no_nan(self.hits, self.total))

    def reset_state(self):
        self.hits.assign(tf.zeros_like(self.hits))
        self.total.assign(tf.zeros_like(self.total))


def settle_batchnorms(base, images, passes=4):
    """Without pretrained weights the BatchNorms know nothing yet: show them some images."""
    for layer in base.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.3
    for _ in range(passes):
        base(preprocess_input(images.copy()), training=True)


def build_model(images):
    # weights="imagenet" on the real thing
    full = MobileNetV2(input_shape=IMG_SHAPE, include_top=False, weights=None, alpha=0.35)
    base = keras.Model(full.input, full.get_layer(CUT_AT).output, name="backbone")
    settle_batchnorms(base, images)
    base.trainable = False

    inputs = keras.Input(shape=IMG_SHAPE)
    x = preprocess_input(inputs)
    x = base(x, training=False)  # keep the BatchNorms in inference mode
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.BatchNormalization(momentum=0.8, name="head_bn")(x)
    x = layers.Dense(16, activation="swish", kernel_regularizer=keras.regularizers.L2(1e-4))(x)
    outputs = layers.Dense(len(CLASS_NAMES), activation="softmax", name="probs")(x)
    return keras.Model(inputs, outputs, name="leafnet"), base


def compile_model(model, lr):
    model.compile(
        optimizer=keras.optimizers.RMSprop(learning_rate=lr),
        loss=smoothed_focal(gamma=1.5),
        metrics=["accuracy", MacroRecall(len(CLASS_NAMES))],
        jit_compile=False,
    )


def report(model, note):
    n_train = len(model.trainable_weights)
    print(f"{note}: {n_train} trainable tensors of {len(model.weights)}")


if __name__ == "__main__":
    out, numbers = sys.argv[1], sys.argv[2]
    x_train, y_train = make_images(64, 0)
    x_val, y_val = make_images(6, 1)

    model, base_model = build_model(x_train)
    compile_model(model, BASE_LR)
    report(model, "feature extraction")
    history = model.fit(x_train, y_train, batch_size=BATCH_SIZE, epochs=6, verbose=2)

    # ---- fine tuning
    base_model.trainable = True
    names = [layer.name for layer in base_model.layers]
    for layer in base_model.layers[: names.index(UNFREEZE_FROM)]:
        layer.trainable = False
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    compile_model(model, BASE_LR / 10)
    report(model, "fine tuning")
    fine = model.fit(
        x_train, y_train, batch_size=BATCH_SIZE, epochs=10, initial_epoch=history.epoch[-1] + 1, verbose=2
    )

    y = model.predict(x_val, verbose=0)
    bundle(model, out)
    fx, fy = x_train[:8], y_train[:8]
    model.train_on_batch(fx, fy)
    np.savez(numbers, x=x_val, y=y, fx=fx, fy=fy, after=model.predict(x_val, verbose=0))
