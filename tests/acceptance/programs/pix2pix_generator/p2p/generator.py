import tensorflow as tf

from . import networks
from .losses import *


class Translator(tf.keras.Model):
    """The generator; the discriminator is only along for training."""

    def __init__(self, opt, **kw):
        super().__init__(**kw)
        self.opt = opt
        self.netG = getattr(networks, opt.netG)(opt.ngf)
        self.netD = networks.patch_discriminator(opt.ndf)
        self.trackers = {k: tf.keras.metrics.Mean(name=k) for k in ("G_GAN", "G_L1", "D")}

    def call(self, x):
        return self.netG(x)

    def compile(self, g_opt, d_opt, gan_mode="lsgan", pixel_loss=l1, lambda_l1=100.0, **kw):
        super().compile(**kw)
        self.g_opt, self.d_opt = g_opt, d_opt
        self.real_loss, self.fake_loss, self.wish = gan_losses(gan_mode)
        self.pixel_loss, self.lambda_l1 = pixel_loss, lambda_l1

    @property
    def metrics(self):
        return list(self.trackers.values())

    def train_step(self, data):
        a, b, *_ = data
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fake = self(a, training=True)
            d_real, d_fake = self.netD([a, b], training=True), self.netD([a, fake], training=True)
            d_loss = 0.5 * (self.real_loss(d_real) + self.fake_loss(d_fake))
            gan, pix = self.wish(d_fake), self.pixel_loss(b, fake)
            g_loss = gan + self.lambda_l1 * pix
        g_vars, d_vars = self.netG.trainable_variables, self.netD.trainable_variables
        self.g_opt.apply_gradients(zip(g_tape.gradient(g_loss, g_vars), g_vars))
        self.d_opt.apply_gradients(zip(d_tape.gradient(d_loss, d_vars), d_vars))
        for k, v in zip(self.trackers, (gan, pix, d_loss)):
            self.trackers[k].update_state(v)
        return {k: m.result() for k, m in self.trackers.items()}
