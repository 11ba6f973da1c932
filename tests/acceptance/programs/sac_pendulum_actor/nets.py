import numpy as np
import tensorflow as tf

LOG_STD = -20, 2


def mlp(sizes, activation, output_activation=None):
    return tf.keras.Sequential([
        tf.keras.layers.Dense(n, activation if i < len(sizes) - 1 else output_activation)
        for i, n in enumerate(sizes)])


class RunningNorm:
    """Welford; nothing here is a variable."""

    def __init__(self, shape, clip=5.0):
        self.n, self.clip = 0, clip
        self.mean, self.m2 = np.zeros(shape), np.zeros(shape)

    def update(self, obs):
        self.n += 1
        delta = obs - self.mean
        self.mean += delta / self.n
        self.m2 += delta * (obs - self.mean)

    @property
    def std(self):
        return np.sqrt(self.m2 / max(self.n - 1, 1)) + 1e-3

    def __call__(self, obs):
        z = (obs - self.mean.astype(np.float32)) / self.std.astype(np.float32)
        return tf.clip_by_value(z, -self.clip, self.clip)


class SquashedGaussianMixin:
    def squash(self, u):
        return tf.tanh(u) * self.space.scale + self.space.center

    def sample(self, obs):
        mean, log_std = self.dist(obs)
        u = mean + tf.exp(log_std) * tf.random.normal(tf.shape(mean))
        logp = -0.5 * (((u - mean) / tf.exp(log_std)) ** 2 + 2 * log_std + np.log(2 * np.pi))
        logp -= 2 * (np.log(2) - u - tf.nn.softplus(-2 * u)) + np.log(self.space.scale)
        return self.squash(u), tf.reduce_sum(logp, -1)


class Actor(SquashedGaussianMixin, tf.keras.Model):
    def __init__(self, space, hidden=(256, 256), activation=tf.nn.relu, obs_norm=None):
        super().__init__()
        self.space = space
        self.norm = obs_norm or (lambda o: o)
        self.trunk = mlp(list(hidden), activation, activation)
        self.mu = tf.keras.layers.Dense(len(space.low))
        self.log_std = tf.keras.layers.Dense(len(space.low))

    def dist(self, obs):
        h = self.trunk(self.norm(obs))
        return self.mu(h), tf.clip_by_value(self.log_std(h), *LOG_STD)

    def call(self, obs):
        return self.squash(self.dist(obs)[0])


class TwinQ(tf.keras.Model):
    def __init__(self, hidden, activation=tf.nn.relu, obs_norm=None):
        super().__init__()
        self.norm = obs_norm
        self.q = [mlp([*hidden, 1], activation) for _ in range(2)]

    def call(self, obs, act):
        x = tf.concat([self.norm(obs), act], -1)
        return [tf.squeeze(q(x), -1) for q in self.q]
