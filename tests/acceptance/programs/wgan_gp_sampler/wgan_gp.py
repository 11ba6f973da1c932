#!/usr/bin/env python
# coding: utf-8

# In[1]:


import sys
import numpy as np
import tensorflow as tf
import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as plt
from tensorflow import keras
from tensorflow.keras import *
from tensorflow.keras.layers import *
from bundler import bundle
np.random.seed(7); tf.random.set_seed(7)

noise_dim = 12
BATCH_SIZE = 16
n_critic = 2
GP_WEIGHT = 10.0
gain = np.sqrt(2)
PSI = 0.7


# In[2]:  fake "fashion": filled rectangles and discs


def make_data(n=96):
    g = np.linspace(-1, 1, 16)
    yy, xx = np.meshgrid(g, g)
    imgs = []
    for i in range(n):
        cx, cy = np.random.uniform(-.3, .3, 2)
        r = np.random.uniform(.3, .6)
        if i % 2: im = ((xx-cx)**2 + (yy-cy)**2 < r*r)
        else:     im = (np.abs(xx-cx) < r) & (np.abs(yy-cy) < r*.7)
        imgs.append(im * 2. - 1.)
    return np.array(imgs, 'float32')[..., None]

train_images = make_data()


# In[3]:


class PixelNorm(Layer):
    def call(self, x):
        return x * tf.math.rsqrt(tf.reduce_mean(x**2, axis=-1, keepdims=True) + 1e-8)

# equalized learning rate: runtime scaling by He's constant
class EqDense(Layer):
    def __init__(self, units, gain=gain, lrmul=1, **kw):
        super(EqDense, self).__init__(**kw)
        self.units, self.gain, self.lrmul = units, gain, lrmul

    def build(self, s):
        self.w = self.add_weight(shape=(s[-1], self.units), initializer=initializers.RandomNormal(0, 1/self.lrmul), name='w')
        self.b = self.add_weight(shape=(self.units,), initializer='zeros', name='b')
        self.scale = float(self.gain / np.sqrt(s[-1]))

    def call(self, x):
        return tf.matmul(x, self.w * (self.scale * self.lrmul)) + self.b * self.lrmul

class EqConv(Layer):
    def __init__(self, f, k=3, gain=gain, **kw):
        super(EqConv, self).__init__(**kw)
        self.f = f; self.k = k; self.gain = gain

    def build(self, s):
        fan_in = self.k * self.k * s[-1]
        self.kernel = self.add_weight(shape=(self.k, self.k, s[-1], self.f), initializer=initializers.RandomNormal(0, 1), name='k')
        self.b = self.add_weight(shape=(self.f,), initializer='zeros', name='b')
        self.c = float(self.gain / np.sqrt(fan_in))

    def call(self, x):
        return tf.nn.conv2d(x, self.kernel * self.c, strides=1, padding='SAME') + self.b


act = lambda x: tf.nn.leaky_relu(x, .2)

class AdaIN(Layer):
    def build(self, shapes):
        c = shapes[0][-1]
        self.style = EqDense(c * 2, gain=1.)
        self.style.build(shapes[1])
    def call(self, inputs):
        x, w = inputs
        ys, yb = tf.split(self.style(w), 2, axis=-1)
        mu, var = tf.nn.moments(x, [1, 2], keepdims=True)
        x = (x - mu) * tf.math.rsqrt(var + 1e-5)
        return x * (ys[:, None, None] + 1) + yb[:, None, None]


# In[4]:


def get_mapping():
    z = Input((noise_dim,))
    h = PixelNorm()(z)
    for i in range(2):
        h = EqDense(16, lrmul=.1)(h)
        h = Activation(act)(h)
    return Model(z, h, name='mapping')

def get_synthesis():
    w = Input((16,))
    x = EqDense(4*4*16)(w)
    x = Reshape((4, 4, 16))(x)
    for f in [12, 8]:
        x = EqConv(f * 4)(x)
        x = Lambda(lambda t: tf.nn.depth_to_space(t, 2))(x)
        x = Lambda(act)(x)
        x = AdaIN()([x, w])
    x = EqConv(1, k=1, gain=1)(x)
    return Model(w, Activation('tanh')(x), name='synthesis')

def get_critic():
    img = Input((16, 16, 1))
    x = EqConv(8)(img)
    x = Lambda(act)(x)
    x = AveragePooling2D(2)(x)
    x = EqConv(16)(x)
    x = Lambda(act)(x)
    x = AveragePooling2D(2)(x)
    # minibatch stddev
    x = Lambda(lambda t: tf.concat([t, tf.zeros_like(t[..., :1]) + tf.reduce_mean(tf.math.reduce_std(t, 0))], -1))(x)
    x = Flatten()(x)
    return Model(img, EqDense(1, gain=1)(x), name='critic')

g_map, g_syn, critic = get_mapping(), get_synthesis(), get_critic()
z = Input((noise_dim,))
generator = Model(z, g_syn(g_map(z)), name='generator')
critic.summary()


# In[5]:


class WGAN(keras.Model):
    def __init__(self, discriminator, generator, latent_dim, discriminator_extra_steps=3, gp_weight=10.0):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = latent_dim
        self.d_steps = discriminator_extra_steps
        self.gp_weight = gp_weight

    def compile(self, d_optimizer, g_optimizer, d_loss_fn, g_loss_fn, **kw):
        super().compile(**kw)
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        self.d_loss_fn = d_loss_fn
        self.g_loss_fn = g_loss_fn

    def gradient_penalty(self, batch_size, real_images, fake_images):
        alpha = tf.random.uniform([batch_size, 1, 1, 1], 0.0, 1.0)
        interpolated = real_images + alpha * (fake_images - real_images)
        with tf.GradientTape() as gp_tape:
            gp_tape.watch(interpolated)
            pred = self.discriminator(interpolated, training=True)
        grads = gp_tape.gradient(pred, [interpolated])[0]
        norm = tf.sqrt(tf.reduce_sum(tf.square(grads), axis=[1, 2, 3]) + 1e-12)
        return tf.reduce_mean((norm - 1.0) ** 2)

    def train_step(self, real_images):
        if isinstance(real_images, tuple):
            real_images = real_images[0]
        bs = tf.shape(real_images)[0]
        for i in range(self.d_steps):
            noise = tf.random.normal((bs, self.latent_dim))
            with tf.GradientTape() as tape:
                fake = self.generator(noise, training=True)
                d_cost = self.d_loss_fn(self.discriminator(real_images, training=True), self.discriminator(fake, training=True))
                d_loss = d_cost + self.gradient_penalty(bs, real_images, fake) * self.gp_weight
            d_grad = tape.gradient(d_loss, self.discriminator.trainable_variables)
            self.d_optimizer.apply_gradients(zip(d_grad, self.discriminator.trainable_variables))
        with tf.GradientTape() as tape:
            g_loss = self.g_loss_fn(self.discriminator(self.generator(tf.random.normal((bs, self.latent_dim)), training=True), training=True))
        gen_grad = tape.gradient(g_loss, self.generator.trainable_variables)
        self.g_optimizer.apply_gradients(zip(gen_grad, self.generator.trainable_variables))
        return {"d_loss": d_loss, "g_loss": g_loss}


def discriminator_loss(real_img, fake_img):
    return tf.reduce_mean(fake_img) - tf.reduce_mean(real_img)

def generator_loss(fake_img):
    return -tf.reduce_mean(fake_img)

class GANMonitor(keras.callbacks.Callback):
    def __init__(self, num_img=6, latent_dim=128):
        self.num_img = num_img
        self.seed = tf.random.normal((num_img, latent_dim))
    def on_epoch_end(self, epoch, logs=None):
        out = self.model.generator(self.seed) * .5 + .5
        fig, ax = plt.subplots(1, self.num_img)
        for a, im in zip(ax, out):
            a.imshow(im[..., 0], cmap='gray'); a.axis('off')
        plt.close(fig)

wgan = WGAN(critic, generator, noise_dim, discriminator_extra_steps=n_critic, gp_weight=GP_WEIGHT)
wgan.compile(d_optimizer=optimizers.Adam(2e-3, beta_1=0., beta_2=.9), g_optimizer=optimizers.Adam(2e-3, beta_1=0., beta_2=.9),
             d_loss_fn=discriminator_loss, g_loss_fn=generator_loss, jit_compile=False)
wgan.fit(train_images, batch_size=BATCH_SIZE, epochs=3, callbacks=[GANMonitor(4, noise_dim)], verbose=2)


# In[6]:  truncation trick


w_avg = g_map.predict(np.random.normal(size=(256, noise_dim)).astype('float32'), verbose=0).mean(0)
z = Input((noise_dim,))
w = g_map(z)
w = Lambda(lambda w: w_avg + PSI * (w - w_avg))(w)
sampler = Model(z, Lambda(lambda im: tf.clip_by_value((im + 1) * 127.5, 0, 255))(g_syn(w)))

x = np.random.normal(size=(10, noise_dim)).astype('float32')
y = sampler.predict(x, verbose=0)
print(y.shape, y.min(), y.max())
bundle(sampler, sys.argv[1])
np.savez(sys.argv[2], x=x, y=y)
