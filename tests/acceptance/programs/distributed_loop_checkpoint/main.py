"""Segmentation of synthetic cells with a custom distributed loop.

  python main.py --strategy mirrored --model_dir /tmp/run1
"""
import os
import time

import numpy as np
import tensorflow as tf
from absl import app, flags, logging

from bundler import bundle
from unet import UNet

FLAGS = flags.FLAGS
flags.DEFINE_string("model_dir", None, "where checkpoints go")
flags.DEFINE_string("bundle", None, "packed model")
flags.DEFINE_string("numbers", None, "reference numbers")
flags.DEFINE_enum("strategy", "one", ["one", "mirrored"], "distribution strategy")
flags.DEFINE_integer("global_batch", 16, "")
flags.DEFINE_integer("accum_steps", 2, "micro batches for one update")
flags.DEFINE_integer("epochs", 2, "")
flags.DEFINE_float("lr", 5e-3, "")
flags.DEFINE_integer("seed", 4242, "")

IMG = 16


def get_strategy():
    if FLAGS.strategy == "mirrored":
        return tf.distribute.MirroredStrategy(["/cpu:0"])
    return tf.distribute.OneDeviceStrategy("/cpu:0")


def cells(n, seed):
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[0:IMG, 0:IMG]
    for _ in range(n):
        mask = np.zeros((IMG, IMG), bool)
        for _ in range(rng.integers(1, 4)):
            cy, cx = rng.uniform(2, IMG - 2, 2)
            mask |= np.hypot(yy - cy, xx - cx) < rng.uniform(1.5, 3.5)
        img = 0.3 + 0.5 * mask + rng.normal(0, 0.1, mask.shape)
        yield img.astype("float32")[..., None], mask.astype("float32")[..., None]


def make_dataset(n, seed, training):
    ds = tf.data.Dataset.from_generator(
        lambda: cells(n, seed),
        output_signature=(
            tf.TensorSpec((IMG, IMG, 1), tf.float32),
            tf.TensorSpec((IMG, IMG, 1), tf.float32),
        ),
    ).cache()
    if training:
        ds = ds.shuffle(n, seed=FLAGS.seed, reshuffle_each_iteration=True)
    options = tf.data.Options()
    options.deterministic = True
    return ds.batch(FLAGS.global_batch, drop_remainder=True).with_options(options).prefetch(2)


def dice(y_true, y_prob):
    inter = tf.reduce_sum(y_true * y_prob, axis=[1, 2, 3])
    total = tf.reduce_sum(y_true + y_prob, axis=[1, 2, 3])
    return (2.0 * inter + 1.0) / (total + 1.0)


class Trainer:
    def __init__(self, strategy):
        self.strategy = strategy
        with strategy.scope():
            self.model = UNet(widths=(6, 10))
            self.model(tf.zeros((1, IMG, IMG, 1)))
            self.optimizer = tf.keras.optimizers.SGD(FLAGS.lr * 10, momentum=0.9, nesterov=True)
            self.optimizer.build(self.model.trainable_variables)
            self.bce = tf.keras.losses.BinaryCrossentropy(reduction="none")
            self.train_loss = tf.keras.metrics.Mean("train_loss")
            self.val_dice = tf.keras.metrics.Mean("val_dice")
        self.epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.checkpoint = tf.train.Checkpoint(model=self.model, epoch=self.epoch)

    def compute_loss(self, y, prob):
        per_pixel = tf.reduce_mean(self.bce(y, prob), axis=[1, 2])
        per_example = per_pixel + 1.0 - dice(y, prob)
        return tf.nn.compute_average_loss(per_example, global_batch_size=FLAGS.global_batch)

    def train_step(self, batch):
        x, y = batch
        xs = tf.split(x, FLAGS.accum_steps)
        ys = tf.split(y, FLAGS.accum_steps)
        variables = self.model.trainable_variables
        total, accum = 0.0, [tf.zeros(v.shape) for v in variables]
        for xm, ym in zip(xs, ys):
            with tf.GradientTape() as tape:
                loss = self.compute_loss(ym, self.model(xm, training=True))
            accum = [a + g for a, g in zip(accum, tape.gradient(loss, variables))]
            total += loss
        self.optimizer.apply_gradients(zip(accum, variables))
        return total

    @tf.function
    def distributed_train_step(self, batch):
        per_replica = self.strategy.run(self.train_step, args=(batch,))
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)

    @tf.function
    def distributed_test_step(self, batch):
        def step(b):
            x, y = b
            self.val_dice.update_state(dice(y, self.model(x, training=False)))

        self.strategy.run(step, args=(batch,))

    def fit(self, train, val, manager):
        train = self.strategy.experimental_distribute_dataset(train)
        val = self.strategy.experimental_distribute_dataset(val)
        while self.epoch < FLAGS.epochs:
            t0 = time.time()
            for batch in train:
                self.train_loss.update_state(self.distributed_train_step(batch))
            for batch in val:
                self.distributed_test_step(batch)
            self.epoch.assign_add(1)
            manager.save(checkpoint_number=self.epoch)
            logging.info(
                "epoch %d loss %.4f dice %.4f (%.1fs)",
                int(self.epoch), self.train_loss.result(), self.val_dice.result(), time.time() - t0,
            )
            self.train_loss.reset_state()
            self.val_dice.reset_state()


def main(_):
    logging.set_verbosity(logging.INFO)
    tf.keras.utils.set_random_seed(FLAGS.seed)
    strategy = get_strategy()
    logging.info("replicas: %d", strategy.num_replicas_in_sync)

    trainer = Trainer(strategy)
    manager = tf.train.CheckpointManager(
        trainer.checkpoint, os.path.join(FLAGS.model_dir, "ckpt"), max_to_keep=2
    )
    trainer.fit(make_dataset(96, 1, True), make_dataset(32, 2, False), manager)

    # the model that ships comes from the checkpoint, not from the loop
    final = UNet(widths=(6, 10))
    final(tf.zeros((1, IMG, IMG, 1)))
    status = tf.train.Checkpoint(model=final).restore(manager.latest_checkpoint)
    status.expect_partial().assert_existing_objects_matched()

    x = np.stack([img for img, _ in cells(5, 3)])
    y = final.predict(x, verbose=0)
    np.testing.assert_allclose(y, trainer.model(x, training=False), atol=1e-5)
    bundle(final, FLAGS.bundle)
    np.savez(FLAGS.numbers, x=x, y=y)


if __name__ == "__main__":
    flags.mark_flags_as_required(["model_dir", "bundle", "numbers"])
    app.run(main)
