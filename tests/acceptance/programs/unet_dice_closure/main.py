import os
import shutil
import sys
import tempfile

import numpy as np
import tensorflow as tf
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt

from bundler import bundle
from losses import *
from unet import build_unet

""" Hyperparameters """
H = 32
W = 32
batch_size = 8
lr = 1e-2
num_epochs = 4


def seeding():
    tf.keras.utils.set_random_seed(42)


def create_dir(path):
    if not os.path.exists(path):
        os.makedirs(path)


def load_data(n=48):
    """ Ellipses ("nuclei") on a noisy background. """
    images, masks = [], []
    yy, xx = np.mgrid[:H, :W]
    for _ in range(n):
        mask = np.zeros((H, W), np.float32)
        for _ in range(np.random.randint(1, 4)):
            cy, cx = np.random.randint(6, 26, 2)
            a, b = np.random.uniform(3, 7, 2)
            mask = np.maximum(mask, (((yy - cy) / a) ** 2 + ((xx - cx) / b) ** 2 < 1).astype(np.float32))
        tint = np.random.uniform(0.4, 0.8, 3)
        image = 0.2 + mask[..., None] * tint + np.random.normal(0, 0.1, (H, W, 3))
        images.append(np.clip(image, 0, 1).astype(np.float32))
        masks.append(mask[..., None])
    x, y = np.array(images), np.array(masks)
    return (x[:32], y[:32]), (x[32:40], y[32:40]), (x[40:], y[40:])


class SavePredictions(tf.keras.callbacks.Callback):
    def __init__(self, x, y, folder):
        super().__init__()
        self.x, self.y, self.folder = x, y, folder

    def on_train_end(self, logs=None):
        p = self.model.predict(self.x, verbose=0)
        line = np.ones((H, 2, 3))
        for i in range(2):
            cat = np.concatenate([self.x[i], line, np.tile(self.y[i], 3), line, np.tile(p[i] > 0.5, 3)], axis=1)
            plt.imsave(os.path.join(self.folder, f"{i}.png"), np.clip(cat, 0, 1))


if __name__ == "__main__":
    seeding()
    work = tempfile.mkdtemp()
    create_dir(os.path.join(work, "results"))

    (train_x, train_y), (valid_x, valid_y), (test_x, test_y) = load_data()

    model = build_unet((H, W, 3))
    model.compile(
        loss=bce_dice_loss(bce_weight=0.4, smooth=1.0),
        optimizer=tf.keras.optimizers.Adam(lr),
        metrics=[BinaryIoU(threshold=0.45), dice_coef],
        jit_compile=False,
    )

    callbacks = [
        tf.keras.callbacks.ModelCheckpoint(os.path.join(work, "best.weights.h5"), monitor="val_loss",
                                           save_best_only=True, save_weights_only=True),
        tf.keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.1, patience=1, min_lr=1e-5),
        tf.keras.callbacks.CSVLogger(os.path.join(work, "log.csv")),
        SavePredictions(valid_x, valid_y, os.path.join(work, "results")),
    ]
    model.fit(train_x, train_y, batch_size=batch_size, epochs=num_epochs, validation_data=(valid_x, valid_y),
              callbacks=callbacks, verbose=2)

    model.load_weights(os.path.join(work, "best.weights.h5"))
    shutil.rmtree(work)

    y_pred = model.predict(test_x, batch_size=batch_size, verbose=0)
    bundle(model, sys.argv[1])

    fx, fy = train_x[:batch_size], train_y[:batch_size]
    model.train_on_batch(fx, fy)
    after = model.predict(test_x, batch_size=batch_size, verbose=0)
    np.savez(sys.argv[2], x=test_x, y=y_pred, fx=fx, fy=fy, after=after)
