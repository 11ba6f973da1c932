"""Image similarity with a Siamese network and contrastive loss (tiny glyphs)."""
import random
import sys

import keras
import numpy as np
from keras import ops

from bundler import bundle

epochs = 10
batch_size = 16
margin = 1.5  # Margin for contrastive loss.
threshold = margin / 2

SEED = 31
random.seed(SEED)
keras.utils.set_random_seed(SEED)

GLYPHS = """
.##. #..# #### #..#
#..# .##. #... #..#
#..# .##. ###. ####
.##. #..# #... ...#
"""


def load_glyphs(n, rng):
    """n noisy 12x12 pictures of the four glyphs and their class."""
    rows = [r.split() for r in GLYPHS.strip().splitlines()]
    patterns = [np.array([[c == "#" for c in row[g]] for row in rows], "float32") for g in range(4)]
    y = rng.integers(0, 4, n)
    x = np.zeros((n, 12, 12), "float32")
    for i, label in enumerate(y):
        big = np.kron(patterns[label], np.ones((2, 2)))
        dy, dx = rng.integers(0, 5, 2)
        x[i, dy : dy + 8, dx : dx + 8] = big
    return np.clip(x + rng.normal(0, 0.1, x.shape), 0, 1).astype("float32"), y


def make_pairs(x, y):
    """Creates a list of pairs: one of the same class, one of another, for every image.

    Returns pairs of shape (2n, 2, h, w) and labels, 1 for "not the same".
    """
    num_classes = max(y) + 1
    digit_indices = [np.where(y == i)[0] for i in range(num_classes)]

    pairs = []
    labels = []
    for idx1 in range(len(x)):
        x1 = x[idx1]
        label1 = y[idx1]
        idx2 = random.choice(digit_indices[label1])
        pairs += [[x1, x[idx2]]]
        labels += [0]

        label2 = random.randint(0, num_classes - 1)
        while label2 == label1:
            label2 = random.randint(0, num_classes - 1)
        idx2 = random.choice(digit_indices[label2])
        pairs += [[x1, x[idx2]]]
        labels += [1]
    return np.array(pairs), np.array(labels).astype("float32")


def euclidean_distance(vects):
    """Find the Euclidean distance between two vectors, of shape (batch, 1)."""
    x, y = vects
    sum_square = ops.sum(ops.square(x - y), axis=1, keepdims=True)
    return ops.sqrt(ops.maximum(sum_square, keras.config.epsilon()))


def build_siamese():
    inp = keras.layers.Input((12, 12, 1))
    x = keras.layers.BatchNormalization()(inp)
    x = keras.layers.Conv2D(4, (3, 3), activation="tanh")(x)
    x = keras.layers.AveragePooling2D(pool_size=(2, 2))(x)
    x = keras.layers.Conv2D(16, (3, 3), activation="tanh")(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dense(10, activation="tanh")(x)
    embedding_network = keras.Model(inp, x)

    input_1 = keras.layers.Input((12, 12, 1))
    input_2 = keras.layers.Input((12, 12, 1))

    # As mentioned above, Siamese Network share weights between towers.
    tower_1 = embedding_network(input_1)
    tower_2 = embedding_network(input_2)

    merge_layer = keras.layers.Lambda(euclidean_distance, output_shape=(1,))([tower_1, tower_2])
    return keras.Model(inputs=[input_1, input_2], outputs=merge_layer)


def loss(margin=1):
    """Provides 'contrastive_loss' an enclosing scope with variable 'margin'."""

    def contrastive_loss(y_true, y_pred):
        square_pred = ops.square(y_pred)
        margin_square = ops.square(ops.maximum(margin - (y_pred), 0))
        return ops.mean((1 - y_true) * square_pred + (y_true) * margin_square)

    return contrastive_loss


def distance_accuracy(y_true, y_pred):
    return ops.mean(ops.cast(ops.equal(y_true > 0.5, y_pred > threshold), "float32"))


def plt_metric(history, metric, title, has_valid=True):
    """Plots the given 'metric' from 'history'."""
    import matplotlib.pyplot as plt

    plt.plot(history[metric])
    if has_valid:
        plt.plot(history["val_" + metric])
        plt.legend(["train", "validation"], loc="upper left")
    plt.title(title)
    plt.ylabel(metric)
    plt.xlabel("epoch")
    plt.show()


rng = np.random.default_rng(SEED)
x_train, y_train = load_glyphs(80, rng)
x_val, y_val = load_glyphs(20, rng)
x_test, y_test = load_glyphs(8, rng)
y_test[:4] = range(4)  # every class must be there to draw pairs from

pairs_train, labels_train = make_pairs(x_train, y_train)
pairs_val, labels_val = make_pairs(x_val, y_val)
pairs_test, labels_test = make_pairs(x_test, y_test)

x_train_1, x_train_2 = pairs_train[:, 0], pairs_train[:, 1]
x_val_1, x_val_2 = pairs_val[:, 0], pairs_val[:, 1]
x_test_1, x_test_2 = pairs_test[:, 0, ..., None], pairs_test[:, 1, ..., None]

siamese = build_siamese()
siamese.compile(loss=loss(margin=margin), optimizer="RMSprop", metrics=[distance_accuracy])
siamese.summary()

history = siamese.fit(
    [x_train_1[..., None], x_train_2[..., None]],
    labels_train[:, None],
    validation_data=([x_val_1[..., None], x_val_2[..., None]], labels_val[:, None]),
    batch_size=batch_size,
    epochs=epochs,
    verbose=2,
)
# plt_metric(history=history.history, metric="loss", title="Contrastive Loss")

predictions = siamese.predict([x_test_1, x_test_2], verbose=0)
print("same pairs:", predictions[::2].mean(), "others:", predictions[1::2].mean())

bundle(siamese, sys.argv[1])

fx0, fx1, fy = x_train_1[:16, ..., None], x_train_2[:16, ..., None], labels_train[:16, None]
siamese.train_on_batch([fx0, fx1], fy)
np.savez(sys.argv[2], x0=x_test_1, x1=x_test_2, y=predictions, fx0=fx0, fx1=fx1, fy=fy,
         after=siamese.predict([x_test_1, x_test_2], verbose=0))
