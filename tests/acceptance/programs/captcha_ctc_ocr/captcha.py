import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import sys
from collections import Counter

import numpy as np
import tensorflow as tf
import keras
from keras import layers

from bundler import bundle

keras.utils.set_random_seed(42)

# ---------------------------------------------------------------- captchas, drawn with 3x5 glyphs
GLYPHS = {
    "0": "111101101101111", "1": "010110010010111", "2": "111001111100111",
    "3": "111001111001111", "4": "101101111001001", "7": "111001010010010",
    "a": "010101111101101", "c": "111100100100111", "e": "111100111100111",
}
img_height, img_width = 10, 36
NUM_CHARS = 4


def draw(word, rng):
    canvas = np.zeros((img_height, img_width), "float32")
    x = int(rng.integers(1, 4))
    for ch in word:
        g = np.array(list(GLYPHS[ch]), "float32").reshape(5, 3)
        g = np.kron(g, np.ones((1, 2)))
        y = int(rng.integers(1, 5))
        canvas[y : y + 5, x : x + 6] = np.maximum(canvas[y : y + 5, x : x + 6], g)
        x += 7 + int(rng.integers(0, 2))
    canvas += rng.normal(0, 0.08, canvas.shape)
    return np.clip(canvas, 0, 1)


_rng = np.random.default_rng(0)
labels = ["".join(_rng.choice(list(GLYPHS), NUM_CHARS)) for _ in range(120)]
images = np.stack([draw(w, _rng) for w in labels])[..., None].astype("float32")

characters = sorted(set(char for label in labels for char in label))
max_length = max(len(label) for label in labels)
print("unique characters:", characters, Counter("".join(labels)).most_common(3))

# Mapping characters to integers, and back to the original characters
char_to_num = layers.StringLookup(vocabulary=list(characters), mask_token=None)
num_to_char = layers.StringLookup(
    vocabulary=char_to_num.get_vocabulary(), mask_token=None, invert=True
)


def encode_single_sample(img, label):
    # the time dimension must be the width of the image
    img = tf.transpose(img, perm=[1, 0, 2])
    label = char_to_num(tf.strings.unicode_split(label, input_encoding="UTF-8"))
    return {"image": img, "label": label}


def make_dataset(imgs, words, batch_size=16):
    ds = tf.data.Dataset.from_tensor_slices((imgs, words))
    return ds.map(encode_single_sample).batch(batch_size).prefetch(2)


train_dataset = make_dataset(images[:96], labels[:96])
validation_dataset = make_dataset(images[96:], labels[96:])


# ---------------------------------------------------------------- model
def ctc_batch_cost(y_true, y_pred, input_length, label_length):
    # tf's op wants blank to be some class: the last one, as in the old keras.backend function
    logits = tf.math.log(tf.transpose(y_pred, [1, 0, 2]) + keras.config.epsilon())
    loss = tf.nn.ctc_loss(
        labels=tf.cast(y_true, tf.int32),
        logits=logits,
        label_length=label_length,
        logit_length=input_length,
        logits_time_major=True,
        blank_index=-1,
    )
    return tf.expand_dims(loss, 1)


class CTCLayer(layers.Layer):
    def __init__(self, name=None):
        super().__init__(name=name)
        self.loss_fn = ctc_batch_cost

    def call(self, y_true, y_pred):
        # Compute the training-time loss value and add it to the layer
        batch_len = tf.shape(y_true)[0]
        input_length = tf.shape(y_pred)[1] * tf.ones((batch_len,), tf.int32)
        label_length = tf.shape(y_true)[1] * tf.ones((batch_len,), tf.int32)
        loss = self.loss_fn(y_true, y_pred, input_length, label_length)
        self.add_loss(tf.reduce_mean(loss))
        # At test time, just return the computed predictions
        return y_pred


def build_model():
    input_img = layers.Input(shape=(img_width, img_height, 1), name="image", dtype="float32")
    labels = layers.Input(name="label", shape=(None,), dtype="int64")

    x = layers.Conv2D(12, 3, activation="relu", kernel_initializer="he_normal", padding="same", name="Conv1")(input_img)
    x = layers.MaxPooling2D((1, 2), name="pool1")(x)
    x = layers.Conv2D(16, 3, activation="relu", kernel_initializer="he_normal", padding="same", name="Conv2")(x)
    x = layers.MaxPooling2D((2, 1), name="pool2")(x)

    new_shape = (img_width // 2, (img_height // 2) * 16)
    x = layers.Reshape(target_shape=new_shape, name="reshape")(x)
    x = layers.Dense(32, activation="relu", name="dense1")(x)
    x = layers.Bidirectional(layers.LSTM(24, return_sequences=True))(x)
    # +1 for the CTC blank
    x = layers.Dense(len(char_to_num.get_vocabulary()) + 1, activation="softmax", name="dense2")(x)

    output = CTCLayer(name="ctc_loss")(labels, x)
    model = keras.models.Model(inputs=[input_img, labels], outputs=output, name="ocr_model_v1")
    model.compile(optimizer=keras.optimizers.Adam(4e-3), jit_compile=False)
    return model


def decode_batch_predictions(pred):
    input_len = np.ones(pred.shape[0], "int32") * pred.shape[1]
    decoded, _ = tf.nn.ctc_greedy_decoder(np.log(pred + 1e-7).transpose(1, 0, 2), input_len)
    dense = tf.sparse.to_dense(decoded[0], default_value=0)
    return [
        tf.strings.reduce_join(num_to_char(res)).numpy().decode("utf-8").replace("[UNK]", "")
        for res in dense
    ]


model = build_model()
early_stopping = keras.callbacks.EarlyStopping(
    monitor="val_loss", patience=5, restore_best_weights=True
)
model.fit(
    train_dataset,
    validation_data=validation_dataset,
    epochs=4,
    callbacks=[early_stopping],
    verbose=2,
)

prediction_model = keras.models.Model(model.input[0], model.get_layer(name="dense2").output)
prediction_model.summary(print_fn=lambda *a, **k: None)
first = next(iter(validation_dataset))
print("decoded:", decode_batch_predictions(prediction_model.predict(first["image"], verbose=0))[:3])

x = {k: v.numpy()[:6] for k, v in first.items()}
y = model.predict(x, verbose=0)
bundle(model, sys.argv[1])

batch = {k: v.numpy() for k, v in next(iter(train_dataset)).items()}
model.train_on_batch(batch, batch["label"])  # the targets are not used, the loss is in the layer
np.savez(
    sys.argv[2],
    y=y,
    fy=batch["label"],
    after=model.predict(x, verbose=0),
    **{f"x:{k}": v for k, v in x.items()},
    **{f"fx:{k}": v for k, v in batch.items()},
)
