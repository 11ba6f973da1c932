import sys

import keras
import numpy as np
from keras import layers, ops

from bundler import bundle
from layers_zoo import *
from layers_zoo import EqualizedUpConv, PartialConv, SpectralNorm, WSDense

SIZE = 16
W_HOLE, W_VALID, W_TV = 6.0, 1.0, 0.1
out_path, numbers_path = sys.argv[1:3]

keras.utils.set_random_seed(99)
rng = np.random.default_rng(99)


def blobs(n):
    yy, xx = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    imgs = np.zeros((n, SIZE, SIZE, 3), "float32")
    for i in range(n):
        for _ in range(3):
            cy, cx, s = rng.uniform(0, 1, 3)
            blob = np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / (0.02 + 0.05 * s))
            imgs[i] += blob[..., None] * rng.uniform(0, 1, 3)
    return np.clip(imgs, 0, 1)


def holes(n):
    m = np.ones((n, SIZE, SIZE, 1), "float32")
    for i in range(n):
        y, x = rng.integers(2, SIZE - 7, 2)
        h, w = rng.integers(3, 6, 2)
        m[i, y : y + h, x : x + w] = 0
    return m


def gray(x):
    return ops.mean(x, axis=-1, keepdims=True)


def inpainting_loss(y_true, y_pred):
    """y_true is the image with the mask glued on as 4th channel."""
    img, mask = y_true[..., :3], y_true[..., 3:]
    err = ops.abs(img - y_pred)
    hole = ops.mean(err * (1 - mask))
    valid = ops.mean(err * mask)
    comp = mask * img + (1 - mask) * y_pred
    tv = ops.mean(ops.abs(comp[:, 1:] - comp[:, :-1])) + ops.mean(ops.abs(comp[:, :, 1:] - comp[:, :, :-1]))
    return W_HOLE * hole + W_VALID * valid + W_TV * tv


def hole_mae(y_true, y_pred):
    mask = y_true[..., 3:]
    return ops.sum(ops.abs(y_true[..., :3] - y_pred) * (1 - mask)) / (3 * ops.sum(1 - mask))


def build_model():
    img = layers.Input((SIZE, SIZE, 3), name="masked_img")
    mask = layers.Input((SIZE, SIZE, 1), name="mask")

    e1, m1 = PartialConv(12, 5, activation="relu", name="enc1")([img, mask])
    e2, m2 = PartialConv(16, 3, 2, activation="relu", name="enc2")([e1, m1])
    e3, m3 = PartialConv(24, strides=2, name="enc3", activation=ops.silu)([e2, m2])

    # a global "style" vector scales the bottleneck
    style = layers.GlobalAveragePooling2D()(e3)
    style = layers.LeakyReLU(negative_slope=0.2)(WSDense(16)(style))
    style = WSDense(24, gain=1)(style)
    z = layers.Multiply()([e3, layers.Reshape((1, 1, 24))(style)])
    z = layers.Add()([z, e3])

    d2 = EqualizedUpConv(16, lrmul=0.5)(z)
    d2 = SpectralNorm(layers.Conv2D(16, 3, padding="same", activation="relu"))(
        layers.Concatenate()([d2, e2])
    )
    d1 = EqualizedUpConv(12, gain=1.5, leak=0.1)(d2)
    d1 = layers.Concatenate()([d1, e1, img])
    rgb = SpectralNorm(layers.Conv2D(3, 3, padding="same"), iters=2, name="to_rgb")(d1)
    rgb = layers.Activation("sigmoid")(rgb)
    return keras.Model([img, mask], rgb, name="pconv_unet")


images, masks = blobs(96), holes(96)
inputs = [images * masks, masks]
targets = np.concatenate([images, masks], -1)

model = build_model()
model.compile(
    optimizer=keras.optimizers.Adam(2e-3, beta_1=0.5, clipvalue=0.5),
    loss=inpainting_loss,
    metrics=[hole_mae],
)
model.fit(inputs, targets, batch_size=16, epochs=3, verbose=2)

x0, x1 = inputs[0][:5], inputs[1][:5]
y = model.predict([x0, x1], verbose=0)
bundle(model, out_path)

batch = [a[32:48] for a in inputs]
model.train_on_batch(batch, targets[32:48])
np.savez(
    numbers_path,
    x0=x0, x1=x1, y=y,
    fx0=batch[0], fx1=batch[1], fy=targets[32:48],
    after=model.predict([x0, x1], verbose=0),
)
