import sys

import keras
import numpy as np
import tensorflow as tf
from sklearn.neighbors import KNeighborsClassifier

from bundler import bundle
from byol import BYOL, cosine_momentum

SIZE, N_CLASSES, BATCH, EPOCHS, SEED = 16, 3, 32, 3, 4


def blobs(n, seed):
    """One, two or three bright spots."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, N_CLASSES, n)
    yy, xx = np.mgrid[:SIZE, :SIZE]
    images = np.zeros((n, SIZE, SIZE, 1), "float32")
    for i, label in enumerate(labels):
        for _ in range(label + 1):
            cy, cx = rng.uniform(3, SIZE - 3, 2)
            images[i, ..., 0] += np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 4.0)
    return images, labels.astype("int32")


def random_view(image, seed):
    s = tf.random.split(seed, 4)
    image = tf.image.stateless_random_flip_left_right(image, s[0])
    image = tf.image.rot90(image, tf.random.stateless_uniform((), s[1], 0, 4, tf.int32))
    image = tf.image.stateless_random_crop(image, (SIZE - 3, SIZE - 3, 1), s[2])
    image = tf.image.resize(image, (SIZE, SIZE))
    return image + 0.05 * tf.random.stateless_normal(image.shape, s[3])


def two_views(counter, data):
    image, label = data
    seeds = tf.stack([tf.stack([counter, 2 * counter]), tf.stack([counter, 2 * counter + 1])])
    return tf.stack([random_view(image, seeds[0]), random_view(image, seeds[1])]), label


class KNNEvaluator(keras.callbacks.Callback):
    def __init__(self, train, test, k=5):
        super().__init__()
        self.train, self.test = train, test
        self.knn = KNeighborsClassifier(k)

    def on_train_end(self, logs=None):
        embed = lambda images: keras.ops.convert_to_numpy(self.model.encoder(images))
        self.knn.fit(embed(self.train[0]), self.train[1])
        print("kNN accuracy:", self.knn.score(embed(self.test[0]), self.test[1]))


def main(out, numbers):
    keras.utils.set_random_seed(SEED)
    train, test = blobs(192, 0), blobs(48, 1)
    pairs = (
        tf.data.Dataset.from_tensor_slices(train)
        .shuffle(192, seed=SEED)
        .enumerate(start=100)
        .map(two_views)
        .batch(BATCH, drop_remainder=True)
    )
    total_steps = EPOCHS * (len(train[0]) // BATCH)

    model = BYOL(SIZE, 24, 12, N_CLASSES, cosine_momentum(0.9, 4.0 * total_steps))
    model.compile(
        byol_optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
        probe_optimizer=keras.optimizers.Adam(1e-2),
        jit_compile=False,
    )
    model.fit(pairs, epochs=EPOCHS, callbacks=[KNNEvaluator(train, test)], verbose=2)

    x = test[0][:8]
    y = model.predict(x, verbose=0)
    bundle(model, out)
    fx, fy = (t.numpy() for t in next(iter(pairs.take(1))))
    model.train_on_batch(fx, fy)
    np.savez(numbers, x=x, y=y, fx=fx, fy=fy, after=model.predict(x, verbose=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
