"""Physics-informed network: collocation points and a residual function in the constructor, nested tapes in train_step."""

import keras
import numpy as np
import tensorflow as tf


def burgers(u, u_t, u_x, u_xx):
    return u_t + u * u_x - (0.01 / np.pi) * u_xx


class PhysicsNet(keras.Model):
    def __init__(self, layers, lb, ub, X_f, residual=burgers):
        super().__init__()
        self.lb, self.ub = lb, ub
        self.x_f = tf.convert_to_tensor(X_f[:, 0:1], dtype=tf.float32)
        self.t_f = tf.convert_to_tensor(X_f[:, 1:2], dtype=tf.float32)
        self.residual = residual
        self.u_model = keras.Sequential()
        self.u_model.add(keras.layers.InputLayer(shape=(layers[0],)))
        self.u_model.add(keras.layers.Lambda(lambda X: 2.0 * (X - lb) / (ub - lb) - 1.0))
        for width in layers[1:-1]:
            self.u_model.add(keras.layers.Dense(width, activation=tf.nn.tanh, kernel_initializer="glorot_normal"))
        self.u_model.add(keras.layers.Dense(layers[-1], activation=None))

    def call(self, x):
        return self.u_model(x)

    def f_model(self):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([self.x_f, self.t_f])
            u = self.u_model(tf.concat([self.x_f, self.t_f], axis=1))
            u_x = tape.gradient(u, self.x_f)
        u_xx = tape.gradient(u_x, self.x_f)
        return self.residual(u, tape.gradient(u, self.t_f), u_x, u_xx if u_xx is not None else 0.0)

    def train_step(self, data):
        x, u = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(u - self.u_model(x))) + tf.reduce_mean(tf.square(self.f_model()))
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        return {"loss": loss}


def pinn(layers, points):
    X_f = np.random.default_rng(3).uniform(-1, 1, size=(points, 2))
    model = PhysicsNet(layers, np.array([-1.0, 0.0], "float32"), np.array([1.0, 1.0], "float32"), X_f)
    model.compile(optimizer=keras.optimizers.Adam(0.1, beta_1=0.99, epsilon=1e-1))
    return model


def inputs():
    return np.random.default_rng(0).uniform(-1, 1, size=(6, 2)).astype("float32")


def training_data():
    return inputs(), np.zeros((6, 1), "float32")


def make():
    model = pinn([2, 6, 6, 1], 20)
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("pinn", {"layers": [2, 6, 6, 1], "points": 20})
