import argparse

import numpy as np
import tensorflow as tf
from tensorflow import keras

from bundler import bundle
from losses import make_perceptual_loss
from nets import TransformNet, texture_classifier

SIZE = 16
STYLE_LAYERS = ["block1_conv2", "block2_conv1"]
CONTENT_LAYER = "block2_conv2"


def checker(rng, n):
    k = rng.integers(2, 5, n)
    yy, xx = np.mgrid[0:SIZE, 0:SIZE]
    return np.stack([((yy // q + xx // q) % 2).astype(float) for q in k])


def waves(rng, n):
    f = rng.uniform(0.4, 1.4, (n, 1, 1))
    return 0.5 + 0.5 * np.sin(np.arange(SIZE)[None, None] * f) * np.ones((n, SIZE, 1))


def noise(rng, n):
    return rng.uniform(0, 1, (n, SIZE, SIZE))


def textures(seed, n_each):
    rng = np.random.default_rng(seed)
    gray = np.concatenate([make(rng, n_each) for make in (checker, waves, noise)])
    tint = rng.uniform(0.3, 1.0, (len(gray), 1, 1, 3))
    labels = np.repeat(np.arange(3), n_each)
    order = rng.permutation(len(gray))
    return (gray[..., None] * tint).astype("float32")[order], labels[order]


def plot_pairs(before, after, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(2, len(before), figsize=(2 * len(before), 4))
    for i in range(len(before)):
        axes[0, i].imshow(before[i])
        axes[1, i].imshow(np.clip(after[i], 0, 1))
    plt.savefig(path)


def main(opt):
    tf.keras.utils.set_random_seed(opt.seed)
    imgs, labels = textures(opt.seed, 40)

    vgg = texture_classifier(SIZE, 3)
    vgg.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    vgg.fit(imgs, labels, epochs=2, batch_size=24, verbose=0)
    outputs = {n: vgg.get_layer(n).output for n in STYLE_LAYERS + [CONTENT_LAYER]}
    extractor = keras.Model(vgg.input, outputs, name="extractor")

    style_image = tf.constant(imgs[labels == 0][0])
    content = imgs[labels != 0]

    net = TransformNet()
    net.compile(
        optimizer=keras.optimizers.Adam(opt.lr),
        loss=make_perceptual_loss(
            extractor, style_image, CONTENT_LAYER,
            style_weight=opt.style_weight, tv_weight=1e-2,
        ),
        jit_compile=False,
    )
    ds = tf.data.Dataset.from_tensor_slices((content, content)).shuffle(80, seed=3).batch(8).repeat()
    net.fit(ds, steps_per_epoch=opt.steps, epochs=2, verbose=2)

    x = content[:4]
    y = net.predict(x, verbose=0)
    if opt.plot:
        plot_pairs(x, y, opt.plot)
    bundle(net, opt.bundle)

    batch = content[8:16]
    net.train_on_batch(batch, batch)
    np.savez(opt.numbers, x=x, y=y, fx=batch, fy=batch, after=net.predict(x, verbose=0))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("numbers")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--style-weight", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--plot", default=None)
    main(parser.parse_args())
