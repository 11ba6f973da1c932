import numpy as np
import tensorflow as tf

from pde import derivatives

LB = np.array([0.0, -1.0], dtype="float32")
UB = np.array([0.5, 1.0], dtype="float32")


@tf.custom_gradient
def soft_limit(g):
    """Identity whose gradient is squashed: keeps single residuals from running away."""

    def grad(upstream):
        return tf.tanh(upstream * 50.0) / 50.0

    return tf.identity(g), grad


class AdaptiveTanh(tf.keras.layers.Layer):
    """tanh(n * a * x) with a learned slope."""

    def __init__(self, n=2.0):
        super().__init__()
        self.n = n
        self.a = self.add_weight(name="a", shape=(), initializer=tf.keras.initializers.Constant(1 / n))

    def call(self, x):
        return tf.tanh(self.n * self.a * x)


def build_net(hidden, width):
    net = tf.keras.Sequential(name="u")
    net.add(tf.keras.Input(shape=(2,)))
    net.add(tf.keras.layers.Lambda(lambda tx: 2.0 * (tx - LB) / (UB - LB) - 1.0))
    for _ in range(hidden):
        net.add(tf.keras.layers.Dense(width, kernel_initializer="glorot_normal"))
        net.add(AdaptiveTanh())
    net.add(tf.keras.layers.Dense(1))
    return net


class PINN(tf.keras.Model):
    def __init__(self, net, residual, coef_guess=0.5):
        super().__init__()
        self.net = net
        self.residual = residual
        self.log_coef = self.add_weight(
            name="log_coef", shape=(), initializer=lambda shape, dtype=None: tf.math.log(coef_guess)
        )
        self.residual_weight = tf.Variable(0.01, trainable=False, dtype=tf.float32)
        self.trackers = {k: tf.keras.metrics.Mean(name=k) for k in ("loss", "data", "residual")}

    @property
    def metrics(self):
        return list(self.trackers.values())

    @property
    def coef(self):
        return tf.exp(self.log_coef)

    def call(self, tx):
        return self.net(tx)

    def objective(self, tx, u_observed, is_observed):
        u, u_t, u_x, u_xx = derivatives(self.net, tx)
        error = tf.square(u - u_observed) * is_observed
        data = tf.reduce_sum(error) / (tf.reduce_sum(is_observed) + 1e-6)
        f = soft_limit(self.residual(u, u_t, u_x, u_xx, self.coef))
        physics = tf.reduce_mean(tf.square(f))
        total = data + self.residual_weight * physics
        for name, value in zip(("loss", "data", "residual"), (total, data, physics)):
            self.trackers[name].update_state(value)
        return total

    def train_step(self, batch):
        tx, target = batch[:2]
        with tf.GradientTape() as tape:
            loss = self.objective(tx, target[:, 0:1], target[:, 1:2])
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return {m.name: m.result() for m in self.metrics} | {"coef": self.coef}

    def test_step(self, batch):
        tx, target = batch[:2]
        self.objective(tx, target[:, 0:1], target[:, 1:2])
        return {m.name: m.result() for m in self.metrics}
